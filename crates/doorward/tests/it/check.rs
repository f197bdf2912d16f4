//! `doorward check` as a pipeline runs it: files in, verdicts, formats, changes and exit codes out.

use std::path::Path;

use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};

mod baselines;
mod first_day;
mod fixes;
mod formats;
mod paths;
#[cfg(unix)]
mod rendered_charts;
mod unread;

const EXAMPLES: &str = "examples/iac";

/// Runs a check within a folder.
fn check(folder: &Path, arguments: &[&str]) -> Said {
    let said = run(doorward(folder).arg("check").args(arguments));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let said = check(folder, &[arguments, &["--format", "json-v1"]].concat());
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", said.out, said.err))
}

/// A copy of the examples, to be changed.
pub(crate) fn examples() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(Path::new(REPOSITORY).join(EXAMPLES)) {
        let entry = entry.unwrap();
        let place = folder.path().join(entry.path().strip_prefix(Path::new(REPOSITORY).join(EXAMPLES)).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(place).unwrap();
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
    folder
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn mode_verdicts(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap();
    let of_rule = findings.iter().filter(|finding| finding["rule"] == "desync-mode-below-required");
    of_rule
        .map(|f| {
            format!(
                "{} {}:{} {}",
                f["address"].as_str().unwrap(),
                f["file"].as_str().unwrap(),
                f["line"],
                f["verdict"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn the_examples() {
    let folder = examples();
    let document = json(folder.path(), &["."]);
    assert_eq!(
        mode_verdicts(&document),
        [
            "gateway orders gateway.json:5 pass",
            "Ingress shop/catalog ingress.yaml:9 fail",
            "Ingress shop/checkout ingress.yaml:47 pass",
            "aws_lb.shop plan.json:22 fail",
            "module.edge.aws_lb.this plan.json:38 pass",
            "aws_lb.tuned plan.json:56 unknown",
            "aws:lb/loadBalancer:LoadBalancer::media preview.json:12 fail",
            "Resources.Named template.yaml:14 fail",
            "Resources.Referred template.yaml:23 unknown",
            "Resources.LeftOut template.yaml:24 unknown",
            "Resources.Streams template.yaml:28 not-applicable",
            "aws_lb.shop terraform/main.tf:13 fail",
            "module.edge.aws_lb.this terraform/main.tf:24 pass",
            "module.alb.aws_lb.this[0] terraform/main.tf:28 fail",
            "aws_lb.tuned terraform/main.tf:39 unknown",
        ]
    );
    assert_eq!(document["format"], "json-v1");
    assert_eq!(document["exit_code"], 5);
    assert_eq!(document["files"].as_array().unwrap().len(), 7, "{}", document["files"]);

    let said = check(folder.path(), &["--rule", "desync-mode-below-required", "terraform"]);
    assert_eq!(said.code, Some(5), "{}", said.err);
    for fragment in [
        "error[desync-mode-below-required]: aws_lb.shop: The mode is defensive; the policy requires strictest (rule \"production\").",
        "--> terraform/main.tf:13:28",
        "13 |   desync_mitigation_mode = \"defensive\"",
        "^^^^^^^^^^^",
        "In aws_lb.shop, set desync_mitigation_mode to strictest.",
        "unknown[desync-mode-below-required]: aws_lb.tuned",
    ] {
        assert!(said.out.contains(fragment), "lacks {fragment:?}:\n{}", said.out);
    }
}

#[test]
fn exit_codes_are_those_of_a_scan() {
    let folder = tempfile::tempdir().unwrap();
    let lb = |mode: &str| format!("resource \"aws_lb\" \"a\" {{\n  desync_mitigation_mode = {mode}\n}}\n");
    let only = &["--rule", "desync-mode-below-required"][..];
    for (mode, more, code) in [
        ("\"strictest\"", &[][..], 0),
        ("\"monitor\"", &[], 3),
        ("var.mode", &[], 4),
        ("\"monitor\"", &["--fail-on", "critical"], 0),
        ("var.mode", &["--min-coverage", "0"], 0),
    ] {
        write(folder.path(), &[("main.tf", &lb(mode))]);
        let said = check(folder.path(), &[only, more, &["main.tf"]].concat());
        assert_eq!(said.code, Some(code), "{mode} {more:?}\n{}\n{}", said.out, said.err);
    }
    write(
        folder.path(),
        &[
            ("main.tf", &lb("\"monitor\"")),
            ("b.tf", "resource \"aws_lb\" \"b\" {\n  desync_mitigation_mode = var.m\n}\n"),
        ],
    );
    assert_eq!(check(folder.path(), &[only, &["."]].concat()).code, Some(5));
    // What a part that was not read declares, nobody knows.
    write(folder.path(), &[("main.tf", "module \"x\" {\n  source = \"acme/x/aws\"\n}\n"), ("b.tf", "")]);
    let said = check(folder.path(), &["."]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(said.out.contains("module.x") && said.out.contains("terraform init"), "{}", said.out);
}

#[test]
fn unusable_input() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("notes.yaml", "a: b\n"), ("empty/README.md", "nothing\n")]);
    for (arguments, fragments) in [
        (&["gone.tf"][..], &["gone.tf", "cannot be read"][..]),
        (&["notes.yaml"], &["notes.yaml:1:1", "is of no supported dialect"]),
        (&["--rule", "no-such-rule", "."], &["no-such-rule", "doorward explain"]),
        (&["--account", "12", "."], &["--account", "12 digits"]),
        (&["--tag", "owner", "."], &["--tag", "KEY=VALUE"]),
        (&["--format", "xml", "."], &["xml", "sarif"]),
        (&["--format", "sarif", "--format", "junit", "."], &["stdout"]),
        (&["--scan", "gone.saved", "notes.yaml"], &["gone.saved", "cannot be read"]),
        (&["--new", "--scan", "x", "."], &["--new", "--scan"]),
    ] {
        let said = check(folder.path(), arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}\n{}\n{}", said.out, said.err);
        for fragment in fragments {
            assert!(said.err.contains(fragment), "{arguments:?} lacks {fragment:?}: {}", said.err);
        }
    }
}

/// A check that asks nothing would pass whatever is declared.
#[test]
fn nothing_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run_with = |disabled: &[&str], arguments: &[&str]| {
        let settings = format!("[policy]\ndisabled = {disabled:?}\n");
        write(
            folder.path(),
            &[
                ("doorward.toml", settings.as_str()),
                ("main.tf", "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = \"monitor\"\n}\n"),
            ],
        );
        check(folder.path(), &[arguments, &["main.tf"]].concat())
    };
    let catalogue = run(doorward(folder.path()).args(["explain"]));
    let all: Vec<&str> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
    assert!(all.iter().all(|id| catalogue.out.contains(id)), "{}", catalogue.out);
    let mode = "desync-mode-below-required";
    for (disabled, arguments, fragments) in [
        (&all[..], &[][..], &["policy.disabled", "every rule"][..]),
        (&[mode], &["--rule", mode], &["--rule", mode, "policy.disabled"]),
        (&[mode], &["--rule", "access-logs-disabled", "--rule", mode], &["--rule", mode, "policy.disabled"]),
        (&all, &["--rule", mode], &["--rule", mode, "policy.disabled"]),
        (&[], &["--rule", "desync-mode-reverted"], &["desync-mode-reverted", "does not apply to declarations"]),
    ] {
        let said = run_with(disabled, arguments);
        assert_eq!(said.code, Some(2), "{disabled:?} {arguments:?}\n{}\n{}", said.out, said.err);
        for fragment in fragments {
            assert!(said.err.contains(fragment), "{disabled:?} {arguments:?} lacks {fragment:?}: {}", said.err);
        }
    }
    // One rule that is left is asked.
    let others: Vec<&str> = all.iter().copied().filter(|id| *id != mode).collect();
    assert_eq!(run_with(&others, &[]).code, Some(3));
    assert_eq!(run_with(&["access-logs-disabled"], &["--rule", mode]).code, Some(3));
}

/// Keys that are there twice, and words behind escapes, in files that were only found.
#[test]
fn found_files_hide_nothing() {
    let lb = "Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]\n";
    let change = "{\"address\":\"aws_lb.a\",\"type\":\"aws_lb\",\"change\":{\"actions\":[\"create\"],\"after\":{\"desync_mitigation_mode\":\"monitor\"}}}";
    for (file, text, code) in [
        (
            "a.yaml",
            format!("Resources:\n  A:\n    {lb}")
                .replace("AWS::ElasticLoadBalancingV2::LoadBalancer", r#""\x41WS::ElasticLoadBalancingV2::L\x6fadBalancer""#)
                .replace("LoadBalancerAttributes", r#""L\u006fadBalancerAttributes""#),
            3,
        ),
        (
            "a.json",
            "{\"Resources\":{\"A\":{\"Type\":\"\\u0041WS::ElasticLoadBalancingV2::\\u004coadBalancer\",\"Properties\":{\"\\u004coadBalancerAttributes\":[{\"Key\":\"routing.http.desync_mitigation_mode\",\"Value\":\"monitor\"}]}}}}".to_owned(),
            3,
        ),
        ("b.json", format!("{{\"format_version\":\"1.2\",\"resource\\u005fchanges\":[{change}]}}"), 3),
        ("c.json", format!("{{\"resource_changes\":[{change}],\"resource_changes\":[]}}"), 4),
        ("d.json", format!("{{\"resource_changes\":[],\"resource_changes\":[{change}]}}"), 4),
        (
            "e.json",
            "{\"format_version\":\"1.2\",\"planned_values\":{\"root_module\":{\"resources\":[{\"address\":\"aws_lb.a\",\"mode\":\"managed\",\"type\":\"aws_lb\",\"values\":{\"desync_mitigation_mode\":\"monitor\"}}]}}}".to_owned(),
            3,
        ),
        ("f.yaml", "Resources:\n  Edge: {Type: Acme::Edge::Alb::MODULE}\n".to_owned(), 4),
        ("g.yaml", "Transform: OurMacro\nResources: {}\n".to_owned(), 4),
        ("h.yaml", format!("Resources:\n  A:\n    {lb}Resources: {{}}\n"), 4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[(file, text.as_str()), ("good.tf", "resource \"aws_lb\" \"good\" {}\n")]);
        let said = check(folder.path(), &["--rule", "desync-mode-below-required", "."]);
        assert_eq!(said.code, Some(code), "{file}: {text}\n{}\n{}", said.out, said.err);
        assert!(said.out.contains(file) || said.err.contains(file), "{file}\n{}\n{}", said.out, said.err);
    }
}

/// A broken file of each dialect is one error with its place, and the others are still checked.
#[test]
fn malformed_files_do_not_hide_others() {
    let folder = tempfile::tempdir().unwrap();
    let broken = [
        ("bad/main.tf", "resource \"aws_lb\" \"a\" {\n", "bad/main.tf:2:"),
        ("plan.json", "{\"resource_changes\": [\n  {]\n", "plan.json:2:"),
        ("template.yaml", "Resources: {A: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer},\n", "template.yaml:2:"),
        ("manifest.yml", "apiVersion: v1\nkind: Ingress\n  bad: x\n", "manifest.yml:3:"),
        ("preview.json", "{\"steps\": [\n  {\"urn\": \"urn:pulumi:\"", "preview.json:2:"),
        ("gateway.json", "{\"configuration\": {\"hostSharedAlb\": \n", "gateway.json:2:"),
    ];
    write(folder.path(), &broken.map(|(name, text, _)| (name, text)));
    write(
        folder.path(),
        &[("good/main.tf", "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = \"monitor\"\n}\n")],
    );
    // Found, they are not read; the failure of the other file determines the exit code as well.
    let found = check(folder.path(), &["--rule", "desync-mode-below-required", "."]);
    assert_eq!(found.code, Some(5), "{}\n{}", found.out, found.err);
    let listed: Vec<&str> = found.out.lines().filter(|line| line.contains(": The file ")).collect();
    assert_eq!(listed.len(), broken.len(), "{}", found.out);
    // Named, they are errors.
    let paths = broken.map(|(name, ..)| name);
    let named =
        check(folder.path(), &[&["--rule", "desync-mode-below-required", "good/main.tf"][..], &paths[..]].concat());
    assert_eq!(named.code, Some(2), "{}\n{}", named.out, named.err);
    let errors: Vec<&str> = named.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), broken.len(), "{}", named.err);
    for (_, _, place) in broken {
        assert_eq!(listed.iter().filter(|line| line.contains(place)).count(), 1, "{place}: {}", found.out);
        assert_eq!(errors.iter().filter(|line| line.contains(place)).count(), 1, "{place}: {}", named.err);
    }
    for said in [found, named] {
        assert!(said.out.contains("--> good/main.tf:2:28"), "{}", said.out);
    }
}

/// An attribute that is left out is what the scan saw; a policy and an exception of the scan hold for what is declared.
#[test]
fn live_state_policy_and_exceptions() {
    let bed = crate::bed::Bed::start(&crate::bed::world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said =
        run(bed.doorward(folder.path()).args(["scan", "--save", "scan.saved", "--no-ledger", "--fail-on", "never"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: search\n  namespace: shop\nspec:\n  ingressClassName: alb\n";
    let plan = |name: &str, actions: &str| {
        format!(
            "{{\"format_version\":\"1.2\",\"resource_changes\":[{{\"address\":\"aws_lb.x\",\"type\":\"aws_lb\",\"change\":{{\"actions\":[\"{actions}\"],\"before\":{{}},\"after\":{{\"name\":\"{name}\"}},\"after_unknown\":{{}}}}}}]}}"
        )
    };
    write(
        folder.path(),
        &[
            ("i.yaml", ingress),
            ("partner.json", &plan("partner-api", "update")),
            ("new.json", &plan("partner-api", "create")),
            ("twice.json", &plan("storefront-edge", "update")),
        ],
    );
    let verdict = |file: &str, more: &[&str]| {
        let document = json(folder.path(), &[more, &["--rule", "desync-mode-below-required", file]].concat());
        document["findings"][0]["verdict"].as_str().unwrap().to_owned()
    };
    let live = ["--scan", "scan.saved"];
    assert_eq!(verdict("i.yaml", &[]), "unknown");
    assert_eq!(verdict("i.yaml", &live), "fail", "the scan saw it in monitor");
    assert_eq!(verdict("partner.json", &[]), "unknown");
    assert_eq!(verdict("partner.json", &live), "fail");
    assert_eq!(verdict("new.json", &live), "pass", "what is new has no live state");
    assert_eq!(verdict("twice.json", &live), "unknown", "two load balancers have this name");

    // Of possible values, one that leaves the attribute as it is leaves what the scan saw: monitor.
    let template = |name: &str, other: &str| {
        format!(
            "Conditions: {{C: !Equals [!Ref AWS::Region, x]}}\nResources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      Name: {name}\n      LoadBalancerAttributes:\n        - !If [C, {{Key: routing.http.desync_mitigation_mode, Value: {other}}}, !Ref AWS::NoValue]\n"
        )
    };
    write(
        folder.path(),
        &[("fails.yaml", &template("partner-api", "monitor")), ("open.yaml", &template("partner-api", "strictest"))],
    );
    assert_eq!(verdict("fails.yaml", &[]), "unknown");
    assert_eq!(verdict("fails.yaml", &live), "fail", "monitor by the template, or monitor as the scan saw it");
    assert_eq!(verdict("open.yaml", &live), "unknown", "strictest by the template, or monitor as the scan saw it");

    write(
        folder.path(),
        &[
            ("doorward.toml", "[exceptions]\nfiles = [\"exceptions.toml\"]\n"),
            (
                "exceptions.toml",
                "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope = { names = [\"partner-*\"] }\nreason = \"chunked uploads\"\nrequester = \"Oda\"\napprover = \"Kim\"\nstart = \"2020-01-01\"\nexpires = \"2020-02-01\"\n",
            ),
        ],
    );
    let document =
        json(folder.path(), &["--scan", "scan.saved", "--rule", "desync-mode-below-required", "partner.json"]);
    let because = document["findings"][0]["because"].as_str().unwrap();
    assert!(because.contains("EX-1") && because.contains("expired"), "{because}");
}

/// What a policy asks about and a declaration does not say leaves the verdict unknown, until a flag supplies it.
#[test]
fn what_is_not_said_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "[[policy.rules]]\nname = \"prod\"\nrequired_mode = \"strictest\"\naccounts = [\"111122223333\"]\n\n[[policy.rules]]\nname = \"cards\"\nrequired_mode = \"strictest\"\ntags = { pci = \"yes\" }\n";
    let template = "Resources:\n  A:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes:\n        - {Key: routing.http.desync_mitigation_mode, Value: defensive}\n";
    write(folder.path(), &[("doorward.toml", policy), ("t.yaml", template)]);
    let verdict = |more: &[&str]| {
        let document = json(folder.path(), &[more, &["--rule", "desync-mode-below-required", "t.yaml"]].concat());
        document["findings"][0]["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(&[]), "unknown");
    assert_eq!(verdict(&["--account", "444455556666"]), "unknown", "tags of the stack may be added");
    assert_eq!(verdict(&["--account", "444455556666", "--tag", "pci=no"]), "pass");
    assert_eq!(verdict(&["--account", "444455556666", "--tag", "pci=yes"]), "fail");
    assert_eq!(verdict(&["--account", "111122223333"]), "fail");
}

/// Names and values from files are data in every format.
#[test]
fn hostile_text() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "\\u001b[31m\\n::error::x\\u202e]]></failure>";
    let plan = format!(
        "{{\"format_version\":\"1.2\",\"resource_changes\":[{{\"address\":\"aws_lb.{evil}\",\"type\":\"aws_lb\",\"change\":{{\"actions\":[\"create\"],\"after\":{{\"desync_mitigation_mode\":\"monitor\",\"name\":\"{evil}\"}},\"after_unknown\":{{}}}}}}]}}"
    );
    write(
        folder.path(),
        &[
            ("plan.json", &plan),
            (
                "t.yaml",
                "Resources:\n  A: {Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: {LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]}} # \u{202e}\n",
            ),
        ],
    );
    for format in ["text", "github", "junit", "sarif"] {
        let said = check(folder.path(), &["--format", format, "plan.json", "t.yaml"]);
        assert_eq!(said.code.map(|code| code & 1), Some(1), "{}", said.err);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.out.chars().any(steers), "{format}: {:?}", said.out);
        assert!(!said.out.lines().any(|line| line.starts_with("::error::")), "{format}: {}", said.out);
        assert!(format != "junit" || !said.out.contains("</failure>\n</"), "{}", said.out);
    }
}
