//! Templates allow exactly the declared actions, trust the requested caller, and no flag can change their structure.

use std::collections::BTreeSet;
use std::path::Path;

use doorward_core::actions::{base_identity_actions, change_role_actions, scan_role_actions};
use doorward_traffic::Capability as Reading;
use serde_json::Value;

use crate::bed::{REPOSITORY, Said, doorward, run};
use crate::shipped::{BUCKETS, Shipped};

const CALLER: &str = "arn:aws:iam::111122223333:role/ops/doorward";

fn setup(folder: &Path, arguments: &[&str]) -> Said {
    run(doorward(folder).args(["-q", "setup"]).args(arguments))
}

/// Every `service:Verb` in a text.
fn actions(text: &str) -> BTreeSet<String> {
    let services = [
        "apigateway",
        "cloudfront",
        "account",
        "athena",
        "cloudwatch",
        "elasticloadbalancing",
        "glue",
        "logs",
        "organizations",
        "s3",
        "securityhub",
        "sns",
    ];
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '*'));
    let actions = words.filter(|word| {
        word.split_once(':').is_some_and(|(service, verb)| {
            services.contains(&service) && verb.starts_with(|c: char| c.is_ascii_uppercase() || c == '*')
        })
    });
    actions.map(str::to_owned).collect()
}

fn file(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_form_of_a_role_allows_exactly_the_declared_actions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scan: Vec<String> = scan_role_actions().into_iter().map(str::to_owned).collect();
    let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
    for (capability, wanted) in [
        ("scan", scan),
        ("traffic", of(&["cloudwatch:GetMetricData", "s3:GetObject", "s3:ListBucket"])),
        ("metrics", of(&["cloudwatch:GetMetricData"])),
        ("publish", doorward_sink_securityhub::ACTIONS.map(str::to_owned).to_vec()),
        (
            "athena",
            Vec::from_iter(
                [Reading::Athena.actions(), Reading::Metrics.actions()]
                    .concat()
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<BTreeSet<String>>(),
            ),
        ),
        ("change", of(&change_role_actions())),
    ] {
        for form in ["iam", "stackset", "terraform"] {
            let said = run(doorward(folder)
                .env("DOORWARD_TRAFFIC__ATHENA__OUTPUT", "s3://results-{account}/doorward/")
                .args(["-q", "setup", form, "--for", capability, "--bucket", "logs-1", "--out", "out"]));
            assert_eq!(said.code, Some(0), "{form} {capability}: {}", said.err);
        }
        for end in ["policy.json", "stackset.yaml", "organization.yaml", "tf"] {
            let name = format!("{capability}-role.{end}");
            let text = file(&folder.join("out"), &name);
            assert_eq!(Vec::from_iter(actions(&text)), wanted, "{name}");
        }
    }
    let base: Value = serde_json::from_str(&file(&folder.join("out"), "base-identity.policy.json")).unwrap();
    let statements = base["Statement"].as_array().unwrap();
    let mut stated: Vec<&str> =
        statements.iter().flat_map(|s| s["Action"].as_array().unwrap()).map(|a| a.as_str().unwrap()).collect();
    stated.sort_unstable();
    assert_eq!(stated, base_identity_actions());
    let enter = statements.iter().find(|s| s["Action"] == serde_json::json!(["sts:AssumeRole"])).unwrap();
    assert_eq!(enter["Resource"], "arn:aws:iam::*:role/doorward-scan");
    // A pattern for classic load balancers fits all others: those without a mode are denied.
    let change: Value = serde_json::from_str(&file(&folder.join("out"), "change-role.policy.json")).unwrap();
    let denied = change["Statement"].as_array().unwrap().iter().find(|s| s["Effect"] == "Deny").unwrap();
    assert_eq!(denied["Resource"].as_array().unwrap().len(), 2, "{denied}");
}

#[test]
fn trust_policies_name_the_requested_caller() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let asked = ["--caller-arn", CALLER, "--organization-id", "o-acme000001", "--role-name", "security/audit"];
    std::fs::write(folder.join("doorward.toml"), "[access]\nexternal_id = \"from-the-settings\"\n").unwrap();
    for form in ["iam", "stackset", "terraform"] {
        let said = setup(folder, &[&[form, "--out", "out"][..], &asked[..]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let trust: Value = serde_json::from_str(&file(&folder.join("out"), "scan-role.trust.json")).unwrap();
    assert_eq!(
        trust["Statement"][0],
        serde_json::json!({
            "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"AWS": CALLER},
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-acme000001", "sts:ExternalId": "from-the-settings"}},
        })
    );
    for name in ["scan-role.stackset.yaml", "scan-role.organization.yaml", "scan-role.tf"] {
        let text = file(&folder.join("out"), name);
        for part in [CALLER, "o-acme000001", "from-the-settings", "/security/", "aws:PrincipalOrgID"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
    let base = file(&folder.join("out"), "base-identity.policy.json");
    assert!(base.contains("role/security/audit"), "{base}");
    // Without a caller, no trust policy is written.
    std::fs::remove_file(folder.join("doorward.toml")).unwrap();
    let said = run(doorward(folder).args(["setup", "iam", "--out", "none"]));
    assert!(said.code == Some(0) && said.err.contains("--caller-arn"), "{}", said.err);
    assert!(!folder.join("none/scan-role.trust.json").exists());
}

#[test]
fn values_with_a_meaning_in_a_template_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["iam", "--caller-arn", "*"][..], "--caller-arn"),
        (&["stackset", "--caller-arn", "arn:aws:iam::111122223333:role/a\"\n  Evil: 1"], "--caller-arn"),
        (&["terraform", "--external-id", "${file(\"/etc/passwd\")}"], "--external-id"),
        (&["stackset", "--organization-id", "o-x: y"], "--organization-id"),
        (&["iam", "--for", "traffic", "--bucket", "logs\",\"*"], "--bucket"),
        (&["iam", "--for", "traffic", "--bucket", "*"], "--bucket"),
        (&["iam", "--for", "traffic"], "--scan FILE"),
        (&["stackset", "--for", "traffic"], "--bucket NAME"),
        (&["iam", "--for", "athena", "--bucket", "logs"], "traffic.athena.output"),
        (&["iam", "--for", "notify"], "--topic ARN"),
        (&["iam", "--for", "notify", "--topic", "*"], "--topic"),
        (&["iam", "--without-organization", "--organization-id", "o-acme000001"], "--organization-id"),
        (&["iam", "--partition", "aws\""], "--partition"),
        (&["stackset", "--role-name", "a b"], "--role-name"),
        (&["stackset", "--role-name", "scan-{account}"], "--role-name"),
        (
            &["stackset", "--for", "notify", "--topic", "arn:aws:sns:eu-west-1:111122223333:owners"],
            "setup iam --for notify",
        ),
        (&["iam", "--for", "scan", "--for", "publish", "--role-name", "one"], "--role-name"),
        (&["eventbridge", "--bus-arn", "doorward"], "--bus-arn"),
        (&["conformance-pack", "--region", "nowhere"], "nowhere"),
    ] {
        let said = setup(folder.path(), arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.out);
        assert!(said.err.contains(says), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn guardrails_follow_the_policy_and_name_the_regions_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let regions = ["eu-west-1", "mx-central-1", "ca-west-1", "eu-east-9"];
    let regions = regions.iter().flat_map(|region| ["--region", region]);
    let said = run(doorward(folder).args(["setup", "conformance-pack"]).args(regions));
    assert!(said.code == Some(0) && said.err.contains("mx-central-1: AWS Config does not offer"), "{}", said.err);
    // AWS's documentation differs, or is older than the Region: neither yes nor no.
    for region in ["ca-west-1", "eu-east-9"] {
        let notice = format!(
            "{region}: it is not known whether AWS Config offers ALB_DESYNC_MODE_CHECK in this Region (as of 20"
        );
        assert!(said.err.contains(&notice), "{}", said.err);
    }
    assert!(
        said.out.contains("[!Ref AWS::Region, mx-central-1]") && !said.out.contains("[!Ref AWS::Region, ca-west-1]")
    );
    assert!(
        !said.err.contains("eu-west-1:")
            && said.out.contains("--region eu-west-1 --stack-name")
            && said.out.contains("desyncMode: defensive,strictest\n"),
        "{}",
        said.out
    );
    std::fs::write(folder.join("doorward.toml"), "[policy]\nrequired_mode = \"strictest\"\n").unwrap();
    let said = setup(folder, &["conformance-pack", "--exclude-account", "111122223333"]);
    assert!(said.out.contains("desyncMode: strictest\n") && said.out.contains("\"111122223333\""), "{}", said.out);
    std::fs::write(folder.join("doorward.toml"), "[policy]\nrequired_mode = \"monitor\"\n").unwrap();
    let said = setup(folder, &["conformance-pack"]);
    assert!(said.code == Some(2) && said.err.contains("policy.required_mode"), "{}", said.err);
    let said = setup(folder, &["eventbridge"]);
    for name in ["ModifyLoadBalancerAttributes", "CreateLoadBalancer", "aws.elasticloadbalancing", "aws:PrincipalOrgID"]
    {
        assert!(said.out.contains(name), "{name}");
    }
}

/// A gate follows the policy, and states on stderr and in the file what it does not know.
#[test]
fn gates_follow_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rules = "[[policy.rules]]\nname = \"pci\"\ntags = { pci = \"yes\" }\nrequired_mode = \"strictest\"\n";
    std::fs::write(folder.join("doorward.toml"), format!("[policy]\nrequired_mode = \"defensive\"\n{rules}")).unwrap();
    for language in ["cfn-guard", "validating-admission-policy", "opa", "sentinel"] {
        let said = setup(folder, &["gate", language]);
        assert!(said.out.contains("monitor") && !said.out.contains("defensive'"), "{language}: {}", said.out);
        let by_tags = "The rule \"pci\" of the policy requires strictest depending on tags";
        assert!(said.out.contains(by_tags), "{language}: {}", said.out);
        let said = run(doorward(folder).args(["setup", "gate", language, "--out", "gates"]));
        assert!(said.code == Some(0) && said.err.contains(by_tags), "{language}: {}", said.err);
    }
    assert!(folder.join("gates/doorward.guard").is_file() && folder.join("gates/doorward.rego").is_file());
    for (policy, problem) in [
        ("disabled = [\"desync-mode-below-required\"]", "policy.disabled contains"),
        ("required_mode = \"monitor\"", "never deny"),
    ] {
        std::fs::write(folder.join("doorward.toml"), format!("[policy]\n{policy}\n")).unwrap();
        let said = setup(folder, &["gate", "opa"]);
        assert!(said.code == Some(2) && said.err.contains(problem), "{}", said.err);
    }
}

#[test]
fn the_generated_roles_are_enough_for_a_scan_traffic_and_publishing() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Shipped::of_acme().bed("traffic", true);
    let said = run(bed.doorward(folder.path()).args(["-q", "doctor", "--format", "json"]));
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
}

#[test]
fn the_buckets_of_a_saved_scan_are_those_of_its_access_logs() {
    let folder = tempfile::tempdir().unwrap();
    let scan = format!("{REPOSITORY}/reports/samples/acme-org/scan.saved");
    let said =
        setup(folder.path(), &["iam", "--for", "traffic", "--scan", &scan, "--bucket", "one-more", "--out", "."]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let policy: Value = serde_json::from_str(&file(folder.path(), "traffic-role.policy.json")).unwrap();
    let listed = policy["Statement"][0]["Resource"].as_array().unwrap();
    let buckets = [BUCKETS[0], BUCKETS[1], "one-more"].map(|name| format!("arn:aws:s3:::{name}"));
    assert_eq!(*listed, buckets.map(Value::from));
    let read = policy["Statement"][1]["Resource"].as_array().unwrap();
    assert!(read.iter().all(|arn| arn.as_str().unwrap().ends_with("/*AWSLogs/*/elasticloadbalancing/*")), "{read:?}");
    let many: Vec<String> = (0..200).map(|n| format!("a-bucket-with-a-long-name-{n:04}")).collect();
    let many: Vec<&str> = many.iter().flat_map(|name| ["--bucket", name.as_str()]).collect();
    let said = setup(folder.path(), &[&["iam", "--for", "traffic"][..], &many].concat());
    assert!(said.code == Some(2) && said.err.contains("10240"), "{}", said.err);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["man", "--out", "man"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    for page in ["doorward.1", "doorward-scan.1", "doorward-doctor.1", "doorward-setup-stackset.1"] {
        assert!(file(&folder.path().join("man"), page).starts_with(".ie"), "{page}");
    }
    // Every command that does something has examples; the others lead to it.
    let groups = ["metrics", "policy", "exceptions", "setup", "plugin", "config"];
    let pages: Vec<_> =
        std::fs::read_dir(folder.path().join("man")).unwrap().map(|page| page.unwrap().path()).collect();
    assert!(pages.len() > 40, "{pages:?}");
    for page in pages {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        let is_group = groups.iter().any(|group| name == format!("doorward-{group}"));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(is_group || text.contains(".SH EXAMPLES\n.nf\n  doorward "), "{name} has no examples: {text}");
        for section in ["EXIT STATUS", "ENVIRONMENT", "FILES"] {
            assert!(text.contains(section), "{name} has no section {section}");
        }
    }
}
