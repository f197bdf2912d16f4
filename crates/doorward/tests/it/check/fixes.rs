//! `doorward check --fix`: what is written, and what is left alone.

use std::path::Path;

use super::{EXAMPLES, check, examples, write};
use crate::bed::REPOSITORY;

/// Changes keep comments and everything else, are made where they are safe, and hold.
#[test]
fn fixes() {
    let folder = examples();
    let before = |name: &str| std::fs::read_to_string(Path::new(REPOSITORY).join(EXAMPLES).join(name)).unwrap();
    let after = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let only = ["--rule", "desync-mode-below-required", "--tag", "deployed-by=ci"];
    let said = check(
        folder.path(),
        &[&only[..], &["--fix", "terraform", "template.yaml", "ingress.yaml", "gateway.json"]].concat(),
    );
    let one = |name: &str, from: &str, to: &str| {
        assert_eq!(after(name), before(name).replacen(from, to, 1), "{name}\n{}", said.err);
    };
    one("ingress.yaml", "mode=monitor", "mode=defensive");
    assert_eq!(
        after("template.yaml"),
        before("template.yaml").replace("Value: monitor # since", "Value: defensive # since").replace(
            "    Properties:\n      Name: left-out",
            "    Properties:\n      LoadBalancerAttributes:\n        - Key: routing.http.desync_mitigation_mode\n          Value: defensive\n      Name: left-out"
        ),
        "{}",
        said.err
    );
    let terraform = after("terraform/main.tf");
    assert!(terraform.contains("desync_mitigation_mode = \"strictest\"\n\n  access_logs {"), "{terraform}");
    assert!(
        terraform.contains("module \"alb\" {\n  desync_mitigation_mode = \"strictest\"\n\n  source  = "),
        "{terraform}"
    );
    assert_eq!(terraform.lines().filter(|line| line.starts_with('#')).count(), 4, "{terraform}");
    assert!(said.err.contains("fixed: terraform/main.tf:13: aws_lb.shop: strictest"), "{}", said.err);
    assert_eq!(said.code, Some(4), "what is still unknown stays so: {}\n{}", said.out, said.err);

    // A second time there is nothing to do.
    let files = ["terraform/main.tf", "template.yaml", "ingress.yaml"].map(after);
    check(folder.path(), &[&only[..], &["--fix", "."]].concat());
    assert_eq!(["terraform/main.tf", "template.yaml", "ingress.yaml"].map(after), files);
    assert_eq!(after("plan.json"), before("plan.json"), "a plan is never written");
}

/// A comment behind a quoted value is no part of it.
#[test]
fn quoted_values_before_comments() {
    for (value, fixed) in [
        ("'monitor'   # it's why", "defensive   # it's why"),
        ("\"monitor\" # \"x\"", "defensive # \"x\""),
        ("'monitor'", "defensive"),
    ] {
        let text = |value: &str| {
            format!(
                "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes:\n        - Key: routing.http.desync_mitigation_mode\n          Value: {value}\n"
            )
        };
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("t.yaml", &text(value))]);
        let said = check(folder.path(), &["--rule", "desync-mode-below-required", "--fix", "."]);
        let after = std::fs::read_to_string(folder.path().join("t.yaml")).unwrap();
        let quoted =
            ["'defensive'", "\"defensive\""].iter().fold(after, |text, quoted| text.replace(quoted, "defensive"));
        assert_eq!((said.code, quoted), (Some(0), text(fixed)), "{}", said.err);
    }
}

#[test]
fn changes_that_are_not_safe_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "var.tf",
            "variable \"m\" {\n  default = \"monitor\"\n}\nresource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = var.m\n}\n",
        ),
        (
            "shared.yaml",
            "x: &a\n  - {Key: routing.http.desync_mitigation_mode, Value: monitor}\nResources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties: {LoadBalancerAttributes: *a}\n",
        ),
    ];
    write(folder.path(), &files);
    let said = check(folder.path(), &["--fix", "--rule", "desync-mode-below-required", "."]);
    assert_eq!(said.code, Some(3), "{}\n{}", said.out, said.err);
    for (name, text) in files {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), text);
        assert!(said.err.contains(&format!("not fixed: {name}")), "{}", said.err);
    }
}

/// A byte order mark, line ends of Windows and permissions stay as they are.
#[cfg(unix)]
#[test]
fn what_surrounds_the_text_stays() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let text = |mode: &str| {
        format!("\u{feff}resource \"aws_lb\" \"a\" {{\r\n  desync_mitigation_mode = \"{mode}\" # é\r\n}}\r\n")
    };
    write(folder.path(), &[("main.tf", &text("monitor"))]);
    let path = folder.path().join("main.tf");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let said = check(folder.path(), &["--fix", "--rule", "desync-mode-below-required", "main.tf"]);
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text("defensive"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

/// Files that a program generates are left alone, and the others are fixed together.
#[test]
fn generated_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let template = "{\"Resources\": {\"A\": {\"Type\": \"AWS::ElasticLoadBalancingV2::LoadBalancer\", \"Properties\": {\"LoadBalancerAttributes\": [{\"Key\": \"routing.http.desync_mitigation_mode\", \"Value\": \"monitor\"}]}}}}";
    let marked = template.replacen("{\"Type\"", "{\"Metadata\": {\"aws:cdk:path\": \"S/A\"}, \"Type\"", 1);
    let configuration =
        |mode: &str| format!("resource \"aws_lb\" \"a\" {{\n  desync_mitigation_mode = \"{mode}\"\n}}\n");
    let generated = [("cdk.out/S.template.json", template), ("synth/S.json", marked.as_str())];
    write(folder.path(), &generated);
    write(folder.path(), &[("a/main.tf", &configuration("monitor")), ("b/main.tf", &configuration("monitor"))]);
    let said = check(folder.path(), &["--fix", "--rule", "desync-mode-below-required", "."]);
    assert_eq!(said.code, Some(3), "{}\n{}", said.out, said.err);
    for (name, text) in generated {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), text);
        assert!(said.err.contains(&format!("not fixed: {name}: The AWS CDK generates it")), "{}", said.err);
    }
    for name in ["a/main.tf", "b/main.tf"] {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), configuration("defensive"));
    }
}

/// The values of variables: of the environment, of files that Terraform reads, of options in their order.
#[test]
fn variables_have_the_values_that_terraform_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let text = "variable \"m\" {\n  default = \"defensive\"\n}\nresource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = var.m\n}\n";
    write(folder.path(), &[("main.tf", text), ("prod.tfvars", "m = \"monitor\"\n"), ("broken.tfvars", "m = {{\n")]);
    write(folder.path(), &[("broken.json", "{\"m\": \"monitor\", \"kind\": {{\n")]);
    let code = |options: &[&str]| {
        let said = check(folder.path(), &[&["--rule", "desync-mode-below-required"], options, &["."]].concat());
        (said.code, format!("{}\n{}", said.out, said.err))
    };
    for (options, expected) in [
        (&[][..], 0),
        (&["--var-file", "prod.tfvars"], 3),
        (&["--var", "m=monitor"], 3),
        (&["--var-file", "prod.tfvars", "--var", "m=strictest"], 0),
        (&["--var", "m=strictest", "--var-file", "prod.tfvars"], 3),
        (&["--var-file", "broken.tfvars"], 2),
        (&["--var-file", "broken.json"], 2),
        (&["--var-file", "absent.tfvars"], 2),
        (&["--var", "m"], 2),
    ] {
        let (code, said) = code(options);
        assert_eq!(code, Some(expected), "{options:?}\n{said}");
    }
}
