//! `--baseline`: what exists is accepted, and what is new or worse counts.

use super::{check, write};

const ONLY: [&str; 2] = ["--rule", "desync-mode-below-required"];

#[test]
fn a_baseline_accepts_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    let lb =
        |name: &str, mode: &str| format!("resource \"aws_lb\" \"{name}\" {{\n  desync_mitigation_mode = {mode}\n}}\n");
    let run = |arguments: &[&str]| check(folder.path(), &[&ONLY[..], arguments, &["."]].concat());
    std::fs::write(folder.path().join("doorward.toml"), "[policy]\nrequired_mode = \"strictest\"\n").unwrap();
    let old = format!(
        "{}{}{}",
        lb("a", "\"defensive\""),
        lb("b", "var.b"),
        "module \"alb\" {\n  source = \"acme/alb/aws\"\n}\n"
    );
    write(folder.path(), &[("main.tf", &old)]);
    assert_eq!(run(&["--format", "json-v1=base.json"]).code, Some(5));
    let said = run(&["--baseline", "base.json"]);
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    assert!(said.out.contains("accepted by the baseline: 3 findings"), "{}", said.out);
    // A new failure counts, in another file and below other lines; so does a mode that became worse.
    for (text, code) in [
        (format!("# moved\n\n{old}"), 0),
        (format!("{old}{}", lb("c", "\"monitor\"")), 3),
        (old.replace("\"defensive\"", "\"monitor\""), 3),
        (format!("{old}{}", lb("c", "var.c")), 4),
    ] {
        write(folder.path(), &[("main.tf", &text)]);
        let said = run(&["--baseline", "base.json"]);
        assert_eq!(said.code, Some(code), "{text}\n{}\n{}", said.out, said.err);
    }
    for (baseline, fragment) in [("gone.json", "cannot be read"), ("main.tf", "is not JSON")] {
        let said = run(&["--baseline", baseline]);
        assert!(said.code == Some(2) && said.err.contains(fragment), "{}", said.err);
    }
}

/// The commands of the guide, with every rule: what is left is not asked, and everything else is accepted.
#[test]
fn a_baseline_of_all_rules() {
    let folder = tempfile::tempdir().unwrap();
    let ingress =
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: w}\nspec: {ingressClassName: alb}\n";
    let block = |name: &str| format!("resource \"aws_lb\" \"{name}\" {{\n  desync_mitigation_mode = \"monitor\"\n}}\n");
    write(folder.path(), &[("infra/main.tf", &block("a")), ("k8s/i.yaml", ingress)]);
    assert_eq!(check(folder.path(), &["--format", "json-v1=baseline.json", "."]).code, Some(5));
    let run = || check(folder.path(), &["--baseline", "baseline.json", "."]);
    assert_eq!(run().code, Some(0), "{}", run().out);
    write(folder.path(), &[("infra/more.tf", &block("b"))]);
    assert_eq!(run().code, Some(5), "{}", run().out);
    // It is written again beside what is checked.
    let said = check(folder.path(), &["--format", "json-v1=baseline.json", "."]);
    assert_eq!(said.code, Some(5), "{}", said.err);
    assert_eq!(run().code, Some(0), "{}", run().out);
}

/// A resource of Terraform and an object of Kubernetes are the same in any file of their folder; a template is a stack of its own.
#[test]
fn a_baseline_follows_renamed_files() {
    let folder = tempfile::tempdir().unwrap();
    let block = |name: &str| format!("resource \"aws_lb\" \"{name}\" {{\n  desync_mitigation_mode = \"monitor\"\n}}\n");
    let template = "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]\n";
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: w, annotations: {alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode=monitor}}\nspec: {ingressClassName: alb}\n";
    let start = [("tf/a.tf", block("a")), ("k8s/a.yaml", ingress.to_owned()), ("cfn/a.yaml", template.to_owned())];
    for (file, text) in &start {
        write(folder.path(), &[(file, text)]);
    }
    let run = |arguments: &[&str]| check(folder.path(), &[&ONLY[..], arguments, &["."]].concat());
    assert_eq!(run(&["--format", "json-v1=base.json"]).code, Some(3));
    for (from, to, code) in [
        ("tf/a.tf", "tf/b.tf", 0),
        ("k8s/a.yaml", "k8s/b.yaml", 0),
        ("tf/a.tf", "other/a.tf", 3),
        ("cfn/a.yaml", "cfn/b.yaml", 3),
    ] {
        std::fs::create_dir_all(folder.path().join("other")).unwrap();
        std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
        let said = run(&["--baseline", "base.json"]);
        assert_eq!(said.code, Some(code), "{from} {to}\n{}\n{}", said.out, said.err);
        std::fs::rename(folder.path().join(to), folder.path().join(from)).unwrap();
    }
    // Another resource in the renamed file is new, and so is a copy.
    write(folder.path(), &[("tf/b.tf", &block("b"))]);
    assert_eq!(run(&["--baseline", "base.json"]).code, Some(3));
    write(folder.path(), &[("tf/b.tf", &block("a"))]);
    assert_eq!(run(&["--baseline", "base.json"]).code, Some(3));
}
