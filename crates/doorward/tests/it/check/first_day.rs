//! A check on a repository as it is: modules that are not installed, templates, ignored files, a baseline, changes, summaries.

use super::{check, json, write};

const STRICT: &str = "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = \"strictest\"\n}\n";
const ONLY: [&str; 2] = ["--rule", "desync-mode-below-required"];

fn module(name: &str, source: &str) -> String {
    format!("module \"{name}\" {{\n  source = \"{source}\"\n}}\n")
}

#[test]
fn modules_are_counted_by_what_is_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for (source, code, fragment) in [
        ("terraform-aws-modules/vpc/aws", 0, "1 module call, not installed, of modules that create no load balancer"),
        ("git::https://github.com/terraform-aws-modules/terraform-aws-kms.git?ref=v3", 0, "create no load balancer"),
        ("git::https://git.example.com/terraform-aws-iam-role.git", 0, "named after other resources"),
        ("acme/odd/aws", 0, "not known; run `terraform init` or check the plan: acme/odd/aws"),
        ("cloudposse/alb/aws", 4, "may create a load balancer"),
        ("git::https://git.example.com/ecs-service.git", 4, "may create a load balancer"),
    ] {
        write(folder.path(), &[("main.tf", &format!("{STRICT}{}", module("m", source)))]);
        let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
        assert_eq!(said.code, Some(code), "{source}\n{}\n{}", said.out, said.err);
        assert!(said.out.contains(fragment), "{source}\n{}", said.out);
    }
    // The settings name further modules, and decide what an unknown one counts as.
    for (settings, source, code) in [
        (
            "modules_without_load_balancers = [\"git::https://git.example.com/*\"]",
            "git::https://git.example.com/ecs-service.git",
            0,
        ),
        ("unknown_modules = \"not-read\"", "acme/odd/aws", 4),
    ] {
        write(
            folder.path(),
            &[
                ("doorward.toml", &format!("[check]\n{settings}\n")),
                ("main.tf", &format!("{STRICT}{}", module("m", source))),
            ],
        );
        let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
        assert_eq!(said.code, Some(code), "{settings}\n{}\n{}", said.out, said.err);
    }
}

#[test]
fn a_large_repository_fits_one_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = STRICT.to_owned();
    text.push_str("resource \"aws_lb\" \"b\" {\n  desync_mitigation_mode = \"monitor\"\n}\n");
    for index in 0..146 {
        let source = match index % 4 {
            0 => "terraform-aws-modules/vpc/aws".to_owned(),
            1 => "git::https://git.example.com/terraform-aws-iam-role.git".to_owned(),
            2 => format!("acme/odd{index}/aws"),
            _ => "git::https://git.example.com/ecs-service.git".to_owned(),
        };
        text.push_str(&module(&format!("m{index}"), &source));
    }
    write(folder.path(), &[("main.tf", &text)]);
    let said = check(folder.path(), &[&ONLY[..], &["--new", "."]].concat());
    assert_eq!(said.code, Some(5), "{}", said.err);
    let lines = said.out.lines().count() + said.err.lines().count();
    assert!(lines <= 40, "{lines} lines:\n{}", said.out);
    assert!(said.out.contains("failed: main.tf:5:28: aws_lb.b"), "{}", said.out);
    assert!(!said.err.contains("account-Region"), "{}", said.err);
}

#[test]
fn what_many_declarations_leave_open_is_stated_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "Resources:\n".to_owned();
    for index in 0..54 {
        text.push_str(&format!("  Alb{index}:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n"));
    }
    write(folder.path(), &[("t.yaml", &text)]);
    let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(
        said.out.contains("54 declarations name no mode: use --new for a new deployment, or --scan FILE"),
        "{}",
        said.out
    );
    assert!(said.out.lines().count() < 12, "{}", said.out);
    assert_eq!(check(folder.path(), &[&ONLY[..], &["--new", "."]].concat()).code, Some(0));
}

#[test]
fn templates_that_are_found_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let chart = |class: &str| {
        format!(
            "{{{{- if .Values.ingress.enabled -}}}}\nkind: Ingress\nmetadata:\n  annotations:\n    kubernetes.io/ingress.class: {class}\n{{{{- end }}}}\n"
        )
    };
    for (text, code, fragment) in [
        (chart("nginx"), 0, "1 template, not rendered, without a sign of a load balancer"),
        (chart("alb"), 4, "helm template"),
    ] {
        write(folder.path(), &[("main.tf", STRICT), ("chart/templates/ingress.yaml", &text)]);
        let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
        assert_eq!(said.code, Some(code), "{text}\n{}\n{}", said.out, said.err);
        assert!(said.out.contains(fragment), "{}", said.out);
        let said = check(folder.path(), &[&ONLY[..], &["--exclude", "chart/", "."]].concat());
        assert_eq!(said.code, Some(0), "{}", said.out);
        // A named file is an error, with the same hint.
        let said = check(folder.path(), &["chart/templates/ingress.yaml"]);
        assert!(said.code == Some(2) && said.err.contains("helm template"), "{}", said.err);
    }
    // One broken file does not hide the verdicts of the others, and ends the check only if it concerns load balancers.
    write(folder.path(), &[("chart/templates/ingress.yaml", "a: {\n"), ("odd.tf", "locals {\n  a = \n")]);
    let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
}

#[test]
fn ignored_files_are_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "resource \"aws_lb\" \"b\" {\n  desync_mitigation_mode = \"monitor\"\n}\n";
    write(
        folder.path(),
        &[
            ("main.tf", STRICT),
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".gitignore", "/out/\n*.gen.tf\n!keep.gen.tf\n"),
            ("out/bad.tf", bad),
            ("sub/bad.gen.tf", bad),
            ("own/.doorwardignore", "bad.tf\n"),
            ("own/bad.tf", bad),
        ],
    );
    let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
    assert_eq!(said.code, Some(0), "{}", said.out);
    assert!(said.out.contains("left out: 2 paths that git ignores; --no-ignore reads them"), "{}", said.out);
    assert_eq!(check(folder.path(), &[&ONLY[..], &["--no-ignore", "."]].concat()).code, Some(3));
    // Named, they are read.
    assert_eq!(check(folder.path(), &[&ONLY[..], &["out"]].concat()).code, Some(3));
    // The output of the CDK is ignored by git and deployed.
    let template = "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]\n";
    write(folder.path(), &[(".gitignore", "cdk.out\n/out/\n*.gen.tf\n"), ("cdk.out/a.template.yaml", template)]);
    assert_eq!(check(folder.path(), &[&ONLY[..], &["."]].concat()).code, Some(3));
    let said = check(folder.path(), &["--exclude", "{a", "."]);
    assert!(said.code == Some(2) && said.err.contains("--exclude"), "{}", said.err);
}

#[test]
fn changes_since_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let said = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    let template = |mode: &str| {
        format!(
            "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{{Key: routing.http.desync_mitigation_mode, Value: {mode}}}]\n"
        )
    };
    write(folder.path(), &[("old.yaml", &template("monitor")), ("new.yaml", &template("defensive"))]);
    git(&["init", "-q"]);
    git(&["add", "."]);
    let run = || check(folder.path(), &[&ONLY[..], &["--changed-since", "HEAD", "."]].concat());
    // Before the first commit every file is new.
    assert_eq!(run().code, Some(3), "{}", run().err);
    git(&["commit", "-qm", "x"]);
    assert_eq!(run().code, Some(0), "{}", run().out);
    write(folder.path(), &[("other.yaml", &template("strictest"))]);
    let said = run();
    assert!(said.code == Some(0) && said.out.contains("1 load balancer"), "{}", said.out);
    write(folder.path(), &[("new.yaml", &template("monitor"))]);
    assert_eq!(run().code, Some(3));
    // The same from elsewhere in the repository, and by an absolute path.
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    for path in ["..", folder.path().to_str().unwrap()] {
        let said = check(&below, &[&ONLY[..], &["--changed-since", "HEAD", path]].concat());
        assert_eq!(said.code, Some(3), "{path}: {}", said.out);
    }
    // That an ignored file did not change is not known.
    git(&["add", "."]);
    git(&["commit", "-qm", "y"]);
    assert_eq!(run().code, Some(0));
    write(folder.path(), &[(".gitignore", "cdk.out\n"), ("cdk.out/A.template.yaml", &template("monitor"))]);
    assert_eq!(run().code, Some(3));
    let said = check(folder.path(), &["--changed-since", "no-such-commit", "."]);
    assert!(
        said.code == Some(2) && said.err.contains("--changed-since no-such-commit: git has no such"),
        "{}",
        said.err
    );
}

/// A file that a function or an option reads decides the mode as well, whatever its name, and also if it is deleted.
#[test]
fn changes_of_files_that_configuration_reads() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let said = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    let by_file =
        "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = trimspace(file(\"${path.module}/mode.txt\"))\n}\n";
    let by_variable = "variable \"m\" {\n  default = \"defensive\"\n}\nresource \"aws_lb\" \"b\" {\n  desync_mitigation_mode = var.m\n}\n";
    let files =
        [("a/main.tf", by_file), ("a/mode.txt", "defensive\n"), ("b/main.tf", by_variable), ("given.json", "{}\n")];
    write(folder.path(), &files);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    let run = || {
        let options = ["--changed-since", "HEAD", "--var-file", "given.json", "a", "b"];
        let said = check(folder.path(), &[&ONLY[..], &options].concat());
        (said.code, said.out)
    };
    assert_eq!(run().0, Some(0));
    for (file, before, after, code) in [
        ("a/mode.txt", "defensive\n", "monitor\n", 3),
        ("given.json", "{}\n", "{\"m\": \"monitor\"}\n", 3),
        ("notes.txt", "x\n", "y\n", 0),
    ] {
        write(folder.path(), &[(file, after)]);
        let (found, out) = run();
        assert_eq!(found, Some(code), "{file}: {out}");
        write(folder.path(), &[(file, before)]);
    }
    std::fs::remove_file(folder.path().join("a/mode.txt")).unwrap();
    assert_eq!(run().0, Some(4));
}

#[test]
fn ids_are_unique_although_a_module_is_called_twice() {
    let folder = tempfile::tempdir().unwrap();
    let call = module("alb", "../modules/alb");
    write(
        folder.path(),
        &[("a/main.tf", &call), ("b/main.tf", &call), ("modules/alb/main.tf", "resource \"aws_lb\" \"main\" {}\n")],
    );
    let document = json(folder.path(), &[&ONLY[..], &["."]].concat());
    let ids: Vec<&str> = document["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert!(ids.len() == 2 && unique.len() == 2, "{ids:?}");
    assert!(ids[0].contains("/a:modules/alb/main.tf#"), "{ids:?}");
}

#[test]
fn a_summary_for_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "resource \"aws_lb\" \"b\" {\n  name = \"<b>|x\"\n  desync_mitigation_mode = \"monitor\"\n}\n";
    write(folder.path(), &[("main.tf", evil), ("m.tf", &module("web", "acme/alb/aws"))]);
    let said = check(folder.path(), &[&ONLY[..], &["--format", "markdown", "."]].concat());
    assert_eq!(said.code, Some(5));
    for fragment in ["### Desync mitigation modes: failed", "| **fail** | aws\\_lb.b | main.tf:3 |", "Not read:"] {
        assert!(said.out.contains(fragment), "lacks {fragment:?}:\n{}", said.out);
    }
    // The line break of a failure in JUnit is one.
    let said = check(folder.path(), &[&ONLY[..], &["--format", "junit", "."]].concat());
    assert!(!said.out.contains("\\u{a}") && said.out.contains("main.tf:3:28\n"), "{}", said.out);
    // The note of the mode stands under the finding of the mode.
    write(folder.path(), &[("main.tf", "resource \"aws_lb\" \"b\" {}\n"), ("m.tf", "")]);
    let said = check(folder.path(), &["--rule", "access-logs-disabled", "."]);
    assert!(!said.out.contains("the provider's default applies"), "{}", said.out);
    // A misspelt mode gets a hint.
    write(folder.path(), &[("main.tf", "resource \"aws_lb\" \"b\" {\n  desync_mitigation_mode = \"Strictest\"\n}\n")]);
    let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
    assert!(said.out.contains("did you mean \"strictest\"?"), "{}", said.out);
}

/// A folder without declarations is no defect, and the check says that it checked nothing.
#[test]
fn a_folder_without_declarations() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("README.md", "nothing\n"), ("notes.yaml", "a: b\n")]);
    let said = check(folder.path(), &["."]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.err.contains("no supported files found") && said.out.contains("0 load balancers in 0 files"),
        "{}",
        said.out
    );
}

/// The sources of programs that write declarations are not evaluated, and not passed over.
#[test]
fn programs_that_write_declarations() {
    let folder = tempfile::tempdir().unwrap();
    let stack = "import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';\n";
    write(
        folder.path(),
        &[("app/cdk.json", "{}\n"), ("app/lib/stack.ts", stack), ("other/cdk.json", "{}\n"), ("other/lib/x.ts", "\n")],
    );
    let said = check(folder.path(), &["."]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(said.out.contains("app/cdk.json") && said.out.contains("cdk synth"), "{}", said.out);
    assert!(!said.out.contains("other/cdk.json"), "{}", said.out);
    write(folder.path(), &[("app/cdk.out/manifest.json", "{}\n")]);
    assert_eq!(check(folder.path(), &["."]).code, Some(0));
    write(
        folder.path(),
        &[("p/Pulumi.yaml", "name: p\nruntime: python\n"), ("p/__main__.py", "aws.lb.LoadBalancer('x')\n")],
    );
    let said = check(folder.path(), &["."]);
    assert!(said.code == Some(4) && said.out.contains("pulumi preview"), "{}", said.out);
}

/// Other programs whose output is checked, and files with a name but no ending.
#[test]
fn programs_of_other_tools() {
    for (file, text, fragment) in [
        ("serverless.ts", "const a = 'AWS::ElasticLoadBalancingV2::LoadBalancer';\n", "serverless package"),
        ("cdktf.json", "{}\n", "cdktf synth"),
        ("sst.config.ts", "new sst.aws.Service('a', { loadBalancer: {} });\n", "SST"),
        ("Pulumi.yaml", "runtime: yaml\nresources: {a: {type: 'aws:lb:LoadBalancer'}}\n", "pulumi preview"),
        ("templates/web.yaml.j2", "kind: Ingress\nclassName: alb\n{% if a %}\n", "is a template"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[(file, text), ("main.ts", "import { Lb } from '@cdktf/provider-aws/lib/lb';\n")]);
        let said = check(folder.path(), &["."]);
        assert!(said.code == Some(4) && said.out.contains(fragment), "{file}\n{}", said.out);
    }
    // The output of the CDK for Terraform is checked, although git ignores it.
    let folder = tempfile::tempdir().unwrap();
    let stack = "{\"resource\": {\"aws_lb\": {\"a\": {\"desync_mitigation_mode\": \"monitor\"}}}}\n";
    write(
        folder.path(),
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".gitignore", "cdktf.out\n"),
            ("cdktf.json", "{}\n"),
            ("main.ts", "import { Lb } from '@cdktf/provider-aws/lib/lb';\n"),
            ("cdktf.out/stacks/a/cdk.tf.json", stack),
        ],
    );
    assert_eq!(check(folder.path(), &[&ONLY[..], &["."]].concat()).code, Some(3));
    let patch = "patches:\n- target: {kind: Ingress}\n  path: gone.yaml\nresources: [i.yaml]\n";
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations:\n    alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode=strictest\nspec: {ingressClassName: alb}\n";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("Kustomization", patch), ("i.yaml", ingress)]);
    let said = check(folder.path(), &[&ONLY[..], &["."]].concat());
    assert!(said.code == Some(4) && said.out.contains("kubectl kustomize"), "{}", said.out);
}

/// A file that `fileset` lists decides the mode as well.
#[test]
fn files_that_configuration_lists() {
    let folder = tempfile::tempdir().unwrap();
    let text = "locals {\n  modes = [for f in fileset(path.module, \"modes/**/*.txt\") : trimspace(file(\"${path.module}/${f}\"))]\n}\nresource \"aws_lb\" \"a\" {\n  for_each               = toset(local.modes)\n  desync_mitigation_mode = each.value\n}\n";
    write(folder.path(), &[("main.tf", text), ("modes/a.txt", "strictest\n"), ("modes/b/c.txt", "monitor\n")]);
    let document = json(folder.path(), &[&ONLY[..], &["."]].concat());
    let verdicts = super::mode_verdicts(&document);
    assert_eq!(verdicts, ["aws_lb.a[\"monitor\"] main.tf:6 fail", "aws_lb.a[\"strictest\"] main.tf:6 pass"]);
    // A link may lead anywhere, so that the list is not known.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc", folder.path().join("modes/link")).unwrap();
        let document = json(folder.path(), &[&ONLY[..], &["."]].concat());
        assert_eq!(super::mode_verdicts(&document), ["aws_lb.a[*] main.tf:6 unknown"]);
    }
}
