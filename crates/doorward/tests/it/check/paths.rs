//! The paths of a check: several names of one file, standard input, and paths without a declaration.

use std::io::Write as _;
use std::path::Path;

use super::unread::{BAD_TF, checked, place};
use super::{EXAMPLES, REPOSITORY, write};
use crate::bed::doorward;

/// A file counts once, however it is named, and standard input is read once.
#[test]
fn one_file_under_several_names() {
    let folder = place();
    write(folder.path(), &[("in/main.tf", BAD_TF)]);
    let absolute = folder.path().join("in/main.tf").display().to_string();
    for paths in [
        &["in/main.tf", "in/main.tf"][..],
        &["in/main.tf", "./in/../in/main.tf"],
        &["in/main.tf", &absolute],
        &[&absolute, "in/main.tf"],
        &["in/good.yaml", "in", "in/main.tf"],
        &["in", "./in", "."],
    ] {
        let (code, said) = checked(folder.path(), &[paths, &["--exclude", "out/"]].concat());
        assert!(code == 3 && said.contains(" 1 fail"), "{paths:?} {code}\n{said}");
    }
    let (code, said) = checked(folder.path(), &["-", "in", "-"]);
    assert!(code == 2 && said.contains("standard input (-) is named more than once"), "{said}");
}

/// What is wrong with one path does not hide the others, and is one sentence.
#[test]
fn paths_without_a_declaration() {
    let folder = place();
    write(folder.path(), &[("nothing/README.md", "x\n"), ("empty.yaml", "\n")]);
    for (paths, expected, fragment) in [
        (&["nothing"][..], 0, "note: no supported files found"),
        (&["in", "gone.tf"], 2, "error: gone.tf:1:1: cannot be read: "),
        (&["in", "gone/main.tf"], 2, "error: gone/main.tf:1:1: cannot be read: "),
        (&["in", "empty.yaml"], 2, "error: empty.yaml:1:1: is empty"),
        (&["in", "-"], 2, "error: stdin:1:1: is empty"),
    ] {
        let (code, said) = checked(folder.path(), paths);
        assert!(code == expected && said.contains(fragment), "{paths:?} {code}\n{said}");
        assert_eq!(said.contains("1 load balancer in 1 file"), paths.contains(&"in"), "{paths:?}\n{said}");
        assert!(expected == 2 || !said.contains("error:"), "{said}");
    }
}

#[test]
fn standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = doorward(folder.path())
        .args(["check", "--rule", "desync-mode-below-required", "--config"])
        .arg(Path::new(REPOSITORY).join(EXAMPLES).join("doorward.toml"))
        .arg("-")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let plan = std::fs::read(Path::new(REPOSITORY).join(EXAMPLES).join("plan.json")).unwrap();
    child.stdin.take().unwrap().write_all(&plan).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("aws_lb.shop") && text.contains("stdin:22"), "{text}");
}

/// `--fix` does not write what was read from standard input to a file that has its name in outputs.
#[test]
fn standard_input_is_not_fixed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("stdin", "mine\n")]);
    let mut child = doorward(folder.path())
        .args(["check", "--fix", "--rule", "desync-mode-below-required", "-"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let template = "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]\n";
    child.stdin.take().unwrap().write_all(template.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("standard input cannot be changed"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.path().join("stdin")).unwrap(), "mine\n");
}
