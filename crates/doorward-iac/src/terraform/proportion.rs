//! Evaluating takes work in proportion to what is written, counted in arguments and steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::{Mode, Observed};

use super::configuration;
use crate::{Options, Reading, Source};

/// What files come to, with the arguments that were evaluated and the steps that this took.
fn read(files: &[(&str, &str)]) -> (Reading, u64, u64) {
    let sources: Vec<Source> =
        files.iter().map(|(path, text)| Source::new(*path, text.as_bytes().to_vec(), true).unwrap()).collect();
    let mut by_folder: BTreeMap<&str, Vec<Source>> = BTreeMap::new();
    for source in &sources {
        by_folder.entry(source.folder()).or_default().push(source.clone());
    }
    let named: Vec<&Source> = sources.iter().collect();
    let mut reading = Reading::default();
    let folder = |folder: &str| Ok(by_folder.get(folder).cloned().unwrap_or_default());
    let work = configuration::read(&named, &Options::default(), &folder, &mut reading);
    assert_eq!(reading.problems, []);
    let (evaluated, steps) = work.done();
    (reading, evaluated, steps)
}

fn mode(reading: &Reading) -> &Observed<Mode> {
    &reading.declared[0].load_balancer().unwrap().mode
}

/// Locals each of which is the one after it, the last one first in the order of need.
fn chain(links: usize, of: &dyn Fn(String) -> String, end: &str) -> String {
    let mut text = String::from("locals {\n");
    for link in 0..links {
        let _ = writeln!(text, "  l{link:06} = {}", of(format!("local.l{:06}", link + 1)));
    }
    let _ = writeln!(text, "  l{links:06} = {end}\n}}");
    text + "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = local.l000000\n}\n"
}

#[test]
fn a_chain_of_locals_is_evaluated_once_from_its_end() {
    for (links, of) in [
        (50_000, &(|next: String| next) as &dyn Fn(String) -> String),
        (2_000, &|next| format!("\"${{{next}}}\"")),
        (2_000, &|next| format!("true ? {next} : \"strictest\"")),
        (2_000, &|next| format!("lower({next})")),
    ] {
        let (reading, evaluated, steps) = read(&[("main.tf", &chain(links, of, "\"monitor\""))]);
        assert_eq!(mode(&reading), &Observed::Known(Mode::Monitor));
        // The arguments of the resource are a handful.
        let most = links as u64 + 20;
        assert!(evaluated >= links as u64 && evaluated <= most, "{evaluated} evaluations of {links} locals");
        assert!(steps < 200 * most, "{steps} steps for {links} locals");
    }
}

/// Of a chain that leads nowhere, each message names the end and not the whole way.
#[test]
fn messages_do_not_grow_with_the_chain() {
    let (reading, evaluated, _) = read(&[("main.tf", &chain(20_000, &|next| next, "data.x.y.z"))]);
    let message = mode(&reading).gap().unwrap().message.clone().unwrap();
    assert_eq!(message, "local.l000000: `data.x.y.z` depends on what these files do not say");
    assert!(evaluated <= 20_020, "{evaluated}");
}

/// Twice the resources take twice the steps, however many locals there are beside them.
#[test]
fn resources_take_work_by_their_number() {
    let text = |resources: usize, locals: usize| {
        let mut text = String::from("locals {\n");
        for local in 0..locals {
            let _ = writeln!(text, "  l{local} = {{ mode = \"monitor\", other = \"{local}\" }}");
        }
        text.push_str("}\n");
        for resource in 0..resources {
            let _ = writeln!(
                text,
                "resource \"aws_lb\" \"r{resource}\" {{\n  count = 2\n  desync_mitigation_mode = local.l0.mode\n}}"
            );
        }
        text
    };
    let steps = |resources, locals| {
        let (reading, evaluated, steps) = read(&[("main.tf", &text(resources, locals))]);
        assert_eq!(reading.declared.len(), 2 * resources);
        (evaluated, steps)
    };
    let (one, two) = (steps(1_000, 10), steps(2_000, 10));
    assert!(two.0 <= 2 * one.0 && two.1 <= 2 * one.1 + 100, "{one:?} {two:?}");
    let many = steps(1_000, 1_000);
    assert!(many.0 <= one.0 + 1_000 && many.1 <= one.1 + 20 * 1_000, "{one:?} {many:?}");
}

/// A few lines that ask for a million load balancers end, and say what they left out.
#[test]
fn copies_of_copies_end_somewhere() {
    let mut root = String::new();
    for module in 0..100 {
        let _ = writeln!(root, "module \"m{module}\" {{\n  source = \"./edge\"\n  count = 60\n}}");
    }
    let edge = "resource \"aws_lb\" \"a\" {\n  count = 60\n  desync_mitigation_mode = \"monitor\"\n}\n";
    let (reading, evaluated, _) = read(&[("main.tf", &root), ("edge/main.tf", edge)]);
    assert!(reading.declared.len() <= 20_000 && reading.declared.len() > 1_000, "{}", reading.declared.len());
    assert!(reading.unread.iter().any(|unread| unread.because.contains("not listed")), "{:?}", reading.unread.first());
    assert!(evaluated < 2_000_000, "{evaluated}");
}

/// Values of values are cut by the steps that they take, and what depends on them is unknown.
#[test]
fn too_many_steps_are_unknown() {
    let text = chain(20_000, &|next| format!("\"x${{{next}}}\""), &format!("{:?}", "m".repeat(9_000)));
    let (reading, _, steps) = read(&[("main.tf", &text)]);
    let message = mode(&reading).gap().unwrap().message.clone().unwrap();
    assert!(message.contains("more steps than are allowed"), "{message}");
    assert!(steps < 200_000_000, "{steps}");
}
