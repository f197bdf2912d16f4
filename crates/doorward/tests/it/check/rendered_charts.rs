//! `--helm`: charts are rendered by the program `helm`, which may fail, write without end or be missing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::write;
use crate::bed::{Said, doorward, run};

const TEMPLATE: &str = "{{- if .Values.ingress.enabled }}\nkind: Ingress\nmetadata:\n  annotations:\n    kubernetes.io/ingress.class: alb\n{{- end }}\n";

/// A program that stands for Helm: it records its arguments and variables, and then does what `body` says.
fn helm(folder: &Path, body: &str) {
    let text =
        format!("#!/bin/sh\necho \"$@\" >> \"{0}/calls.txt\"\nenv > \"{0}/env.txt\"\n{body}\n", folder.display());
    let program = folder.join("bin/helm");
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn check(folder: &Path, arguments: &[&str]) -> Said {
    let path = format!("{}:/usr/bin:/bin", folder.join("bin").display());
    let mut command = doorward(&folder.join("repo"));
    command.env("PATH", path).env("AWS_SECRET_ACCESS_KEY", "never-shown").env("KUBECONFIG", "/k");
    let said = run(command.args(["check", "--rule", "desync-mode-below-required"]).args(arguments));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

#[test]
fn charts_are_rendered_by_helm() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    write(
        &repo,
        &[
            ("app/Chart.yaml", "name: app\nversion: 1.0.0\n"),
            ("app/values.yaml", "ingress: {enabled: true, className: alb}\n"),
            ("app/templates/ingress.yaml", TEMPLATE),
            ("app/charts/sub/Chart.yaml", "name: sub\nversion: 1.0.0\n"),
            ("functions/Chart.yaml", "name: functions\ntype: library\n"),
            ("prod-values.yaml", "ingress: {enabled: true, className: alb}\n"),
        ],
    );
    let manifest = |mode: &str| {
        format!(
            "cat <<'END'\n---\n# Source: app/templates/ingress.yaml\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations:\n    alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode={mode}\nspec:\n  ingressClassName: alb\nEND"
        )
    };
    // Without the option, the template is not read.
    helm(folder.path(), &manifest("monitor"));
    assert_eq!(check(folder.path(), &["."]).code, Some(4));
    assert!(!folder.path().join("calls.txt").exists());

    let said = check(folder.path(), &["--helm", "--helm-values", "prod-values.yaml", "."]);
    assert_eq!(said.code, Some(3), "{}\n{}", said.out, said.err);
    assert!(said.out.contains("app/(rendered)/templates/ingress.yaml:8"), "{}", said.out);
    assert!(!said.out.contains("app/templates/ingress.yaml"), "{}", said.out);
    assert!(said.out.contains("1 load balancer in"), "{}", said.out);
    // One chart is rendered: no chart within it, and none of functions. Helm sees no credentials and no cluster.
    let calls = std::fs::read_to_string(folder.path().join("calls.txt")).unwrap();
    assert_eq!(calls, "template doorward ./app --values prod-values.yaml\n");
    let environment = std::fs::read_to_string(folder.path().join("env.txt")).unwrap();
    assert!(!environment.contains("never-shown") && !environment.contains("KUBECONFIG"), "{environment}");

    helm(folder.path(), &manifest("strictest"));
    assert_eq!(check(folder.path(), &["--helm", "--helm-values", "prod-values.yaml", "."]).code, Some(0));
    // What Helm renders is not fixed: its file does not exist.
    helm(folder.path(), &manifest("monitor"));
    let said = check(folder.path(), &["--helm", "--helm-values", "prod-values.yaml", "--fix", "."]);
    assert!(said.code == Some(3) && said.err.contains("Helm generates it"), "{}", said.err);
    assert!(!repo.join("app/(rendered)").exists());
}

#[test]
fn a_chart_that_helm_does_not_render_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    write(&repo, &[("Chart.yaml", "name: app\n"), ("templates/ingress.yaml", TEMPLATE)]);
    for (body, fragment) in [
        ("echo 'Error: values are missing: host' >&2\nexit 1", "Error: values are missing: host"),
        ("while :; do head -c 1000000 /dev/zero | tr '\\0' x; done", "it wrote more than 32 MiB"),
        ("printf '\\377\\376'", "its output is not UTF-8"),
    ] {
        helm(folder.path(), body);
        let said = check(folder.path(), &["--helm", "."]);
        assert_eq!(said.code, Some(4), "{body}\n{}\n{}", said.out, said.err);
        assert!(said.out.contains(fragment), "{body}\n{}", said.out);
    }
    // What Helm renders for a load balancer and is no YAML is not read.
    helm(folder.path(), "printf 'kind: Ingress\\nmetadata: {annotations: {alb.ingress.kubernetes.io/x: [\\n'");
    let said = check(folder.path(), &["--helm", "."]);
    assert!(said.code == Some(4) && said.out.contains("(rendered)/manifest.yaml:"), "{}", said.out);
    std::fs::remove_file(folder.path().join("bin/helm")).unwrap();
    let said = check(folder.path(), &["--helm", "."]);
    assert!(said.code == Some(2) && said.err.contains("no folder of PATH"), "{}", said.err);
    // Values are for charts.
    assert_eq!(check(folder.path(), &["--helm-values", "x.yaml", "."]).code, Some(2));
}
