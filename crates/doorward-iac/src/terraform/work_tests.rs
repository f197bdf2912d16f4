//! Evaluation takes work proportional to the configuration, counted in arguments and steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::{Mode, Observed};

use super::configuration;
use crate::{Deployment, ParseOutput, SourceFile};

/// The output for files, with the numbers of evaluated arguments and of steps.
fn read(files: &[(&str, &str)]) -> (ParseOutput, u64, u64) {
    let sources: Vec<SourceFile> =
        files.iter().map(|(path, text)| SourceFile::new(*path, text.as_bytes().to_vec(), true).unwrap()).collect();
    let mut by_folder: BTreeMap<&str, Vec<SourceFile>> = BTreeMap::new();
    for source in &sources {
        by_folder.entry(source.folder()).or_default().push(source.clone());
    }
    let named: Vec<&SourceFile> = sources.iter().collect();
    let mut output = ParseOutput::default();
    let folder = |folder: &str| Ok(by_folder.get(folder).cloned().unwrap_or_default());
    let objects = std::cell::RefCell::default();
    let work = configuration::parse((&named, &[]), &Deployment::default(), &folder, &objects, &mut output);
    assert_eq!(output.errors, []);
    let (evaluated, steps) = work.done();
    (output, evaluated, steps)
}

fn mode(output: &ParseOutput) -> &Observed<Mode> {
    &output.declared[0].load_balancer().unwrap().mode
}

/// A chain of locals, each of which refers to the next.
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
        let (output, evaluated, steps) = read(&[("main.tf", &chain(links, of, "\"monitor\""))]);
        assert_eq!(mode(&output), &Observed::Known(Mode::Monitor));
        // The arguments of the resource are a handful.
        let most = links as u64 + 20;
        assert!(evaluated >= links as u64 && evaluated <= most, "{evaluated} evaluations of {links} locals");
        assert!(steps < 200 * most, "{steps} steps for {links} locals");
    }
}

/// For a chain without a value, each message names the end of the chain only.
#[test]
fn messages_do_not_grow_with_the_chain() {
    let (output, evaluated, _) = read(&[("main.tf", &chain(20_000, &|next| next, "data.x.y.z"))]);
    let message = mode(&output).gap().unwrap().message.clone().unwrap();
    assert_eq!(message, "local.l000000: `data.x.y.z` depends on values outside these files");
    assert!(evaluated <= 20_020, "{evaluated}");
}

/// Twice the resources take twice the steps, whatever the number of locals.
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
        let (output, evaluated, steps) = read(&[("main.tf", &text(resources, locals))]);
        assert_eq!(output.declared.len(), 2 * resources);
        (evaluated, steps)
    };
    let (one, two) = (steps(1_000, 10), steps(2_000, 10));
    assert!(two.0 <= 2 * one.0 && two.1 <= 2 * one.1 + 100, "{one:?} {two:?}");
    let many = steps(1_000, 1_000);
    assert!(many.0 <= one.0 + 1_000 && many.1 <= one.1 + 20 * 1_000, "{one:?} {many:?}");
}

/// Evaluating a few lines that declare a million load balancers ends, and the rest is listed as not read.
#[test]
fn copies_of_copies_end_somewhere() {
    let mut root = String::new();
    for module in 0..100 {
        let _ = writeln!(root, "module \"m{module}\" {{\n  source = \"./edge\"\n  count = 60\n}}");
    }
    let edge = "resource \"aws_lb\" \"a\" {\n  count = 60\n  desync_mitigation_mode = \"monitor\"\n}\n";
    let (output, evaluated, _) = read(&[("main.tf", &root), ("edge/main.tf", edge)]);
    assert!(output.declared.len() <= 20_000 && output.declared.len() > 1_000, "{}", output.declared.len());
    assert!(output.unread.iter().any(|unread| unread.because.contains("not listed")), "{:?}", output.unread.first());
    assert!(evaluated < 2_000_000, "{evaluated}");
}

/// Evaluation of values that grow stops at the limit of steps, and dependent values are unknown.
#[test]
fn too_many_steps_are_unknown() {
    let text = chain(20_000, &|next| format!("\"x${{{next}}}\""), &format!("{:?}", "m".repeat(9_000)));
    let (output, _, steps) = read(&[("main.tf", &text)]);
    let message = mode(&output).gap().unwrap().message.clone().unwrap();
    assert!(message.contains("exceeds the limit of evaluation steps"), "{message}");
    assert!(steps < 200_000_000, "{steps}");
}
