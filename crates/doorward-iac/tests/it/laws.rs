//! Properties of every case: an edit changes the mode of its declaration and nothing else, and unknown is never a pass.

use doorward_iac::{Declared, ModeEdit, SourceFile};
use doorward_model::{Mode, Observed};

use crate::cases::{Case, all};

fn spliced(text: &str, edit: &ModeEdit, mode: Mode) -> String {
    format!("{}{}{mode}{}{}", &text[..edit.span.start], edit.before, edit.after, &text[edit.span.end..])
}

/// Every offered edit sets the mode of its declaration and of no other.
#[test]
fn offered_changes_set_the_mode() {
    let mut offered = 0;
    for case in all() {
        let before = case.read();
        for declared in &before.declared {
            let Ok(edit) = &declared.fix else { continue };
            if edit.file != case.file {
                continue;
            }
            for mode in [Mode::Monitor, Mode::Defensive, Mode::Strictest] {
                let text = spliced(&case.text, edit, mode);
                let after = case.read_as(text.clone().into_bytes());
                let what = format!("{}: {} to {mode}:\n{text}", case.name, declared.address);
                assert_eq!(after.errors, before.errors, "{what}");
                let named: Vec<_> = after.declared.iter().map(|declared| &declared.address).collect();
                let mut expected: Vec<_> = before.declared.iter().map(|declared| &declared.address).collect();
                let mut named_sorted = named.clone();
                named_sorted.sort();
                expected.sort();
                assert_eq!(named_sorted, expected, "{what}");
                for fixed in &after.declared {
                    let Some(lb) = fixed.load_balancer() else { continue };
                    // Declarations of several files or documents may have one address.
                    let is_one = |one: &Declared, other: &Declared| {
                        (&one.address, &one.place.file) == (&other.address, &other.place.file)
                    };
                    let same = before.declared.iter().find(|old| is_one(old, fixed)).unwrap();
                    if is_one(fixed, declared) || same.fix.as_ref().ok() == Some(edit) {
                        assert!(
                            lb.mode == Observed::Known(mode)
                                || !lb.kind.can_parse_http()
                                || lb.mode.gap().is_some_and(|gap| gap.reason.code() != "keeps-live-value"),
                            "{what}\n{:?}",
                            lb.mode
                        );
                    } else {
                        let known = |lb: &doorward_model::LoadBalancer| lb.mode.known().copied();
                        // A group shares the load balancer, and a kustomization is built over the changed manifest.
                        let is_joint = case.name.contains("group") || same.address.contains("kustomization.yaml: ");
                        let shares = same.place.file == declared.place.file && is_joint;
                        assert!(shares || known(lb) == same.load_balancer().and_then(known), "{what}");
                    }
                }
                offered += 1;
            }
        }
    }
    assert!(offered >= 150, "{offered} changes were offered");
}

/// Windows line endings do not change the result.
#[test]
fn windows_line_ends() {
    for case in all().into_iter().filter(|case| case.problem.is_none() && !case.text.contains("<<")) {
        let crlf = case.text.replace('\n', "\r\n");
        let (unix, windows) = (case.read(), case.read_as(crlf.clone().into_bytes()));
        let addresses = |output: &doorward_iac::ParseOutput| {
            output.declared.iter().map(|d| (d.address.clone(), d.place.line)).collect::<Vec<_>>()
        };
        assert_eq!(addresses(&windows), addresses(&unix), "{}", case.name);
        for declared in &windows.declared {
            if let Ok(edit) = &declared.fix
                && edit.file == case.file
            {
                let text = spliced(&crlf, edit, Mode::Strictest);
                assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{}\n{text}", case.name);
            }
        }
    }
}

/// The order in which files are named changes nothing.
#[test]
fn order_of_files() {
    for case in all() {
        let Ok(mut sources) = case.sources(case.text.clone().into_bytes()) else { continue };
        if sources.len() < 2 {
            continue;
        }
        let read = |sources: &[SourceFile]| doorward_iac::parse(sources, &case.deployment(), &|_| Ok(Vec::new()));
        let forward = read(&sources);
        sources.reverse();
        assert_eq!(read(&sources), forward, "{}", case.name);
    }
}

/// Every case has the same result in UTF-16.
#[test]
fn other_encodings_say_the_same() {
    // A text that begins with a mark would have two.
    for case in all().into_iter().filter(|case| !case.text.starts_with('\u{feff}')) {
        let wide = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            mark.encode_utf16().chain(case.text.encode_utf16()).flat_map(bytes).collect()
        };
        let plain = case.read();
        assert_eq!(case.read_as(wide("\u{feff}", u16::to_le_bytes)), plain, "{}", case.name);
        assert_eq!(case.read_as(wide("\u{feff}", u16::to_be_bytes)), plain, "{}", case.name);
        if case.text.starts_with(|first: char| first.is_ascii()) {
            assert_eq!(case.read_as(wide("", u16::to_le_bytes)), plain, "{}", case.name);
        }
    }
}

#[test]
fn other_bytes_are_errors() {
    let error = SourceFile::new("x.tf", b"a = 1\nb = \"\xff\"\n".to_vec(), true).unwrap_err();
    assert!(error.to_string().starts_with("x.tf:2:1: is not UTF-8"), "{error}");
    let marked = Case::of(
        "x.yaml",
        "\u{feff}AWSTemplateFormatVersion: x\nResources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n"
            .to_owned(),
    );
    let output = marked.read();
    assert_eq!(output.declared.len(), 1, "{output:?}");
    assert_eq!(output.declared[0].place.line, 3);

    for (file, text) in [
        (
            "plan.json",
            "{\"format_version\":\"1.2\",\"resource_changes\":[{\"address\":\"aws_lb.a\",\"type\":\"aws_lb\",\"change\":{\"actions\":[\"create\"],\"after\":{\"desync_mitigation_mode\":\"monitor\"}}}]}",
        ),
        ("main.tf", "resource \"aws_lb\" \"a\" {}\n"),
    ] {
        let (plain, marked) =
            (Case::of(file, text.to_owned()).read(), Case::of(file, format!("\u{feff}{text}")).read());
        assert_eq!(plain, marked, "{file}");
        assert_eq!(plain.declared.len(), 1, "{file}");
    }
}
