//! The doctor predicts what a scan cannot read, names the policy changes that fix it, and only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use doorward_fakeaws::{Fault, What};
use serde_json::Value;

use crate::bed::{Bed, Said, doorward, run, world};
use crate::formats::{assert_valid, schema};

fn examine(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let said = run(bed.doorward(folder).args(["-q", "doctor", "--format", "json"]).args(flags));
    let diagnosis = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    if !diagnosis.is_null() {
        assert_valid(&schema("doctor-v1"), &diagnosis);
    }
    (said, diagnosis)
}

/// Status, lists, load balancers and gaps of every account-Region.
fn lines(coverage: &Value) -> BTreeMap<String, Value> {
    let lines = coverage["lines"].as_array().expect("lines").iter().map(|line| {
        let gaps = line["gaps"].as_array().into_iter().flatten();
        let gaps: Vec<Value> =
            gaps.map(|gap| serde_json::json!([gap["reason"], gap["operation"], gap["code"], gap["policy"]])).collect();
        let said = serde_json::json!([line["status"], line["fully_listed"], line["load_balancers"], gaps]);
        (format!("{} {}", line["account"], line["region"]), said)
    });
    lines.collect()
}

fn groups<'a>(diagnosis: &'a Value, part: &str) -> Vec<&'a Value> {
    diagnosis["gap_groups"].as_array().unwrap().iter().filter(|group| group["for"] == part).collect()
}

#[test]
fn gaps_of_a_scan_are_predicted_exactly() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (said, diagnosis) = examine(&bed, folder, &["--for", "scan"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    for call in bed.server.calls() {
        let verb = call.iam_action.split(':').nth(1).unwrap_or_default();
        assert!(["Describe", "List", "Get", "AssumeRole"].iter().any(|read| verb.starts_with(read)), "{call:?}");
    }
    assert!(!folder.join(".local").exists(), "the doctor writes nothing");

    let scan = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json"]));
    assert_eq!(scan.code, Some(5), "{}", scan.err);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap();
    assert_eq!(lines(&diagnosis["coverage"]), lines(&report["coverage"]));
    assert_eq!(diagnosis["coverage"]["counts"], report["coverage"]["counts"]);

    // The exact changes: a role, an action, a statement, a policy.
    let changes: BTreeMap<String, &Value> = diagnosis["policy_changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["accounts"].to_string(), &change["document"]))
        .collect();
    let statement = |account: &str| &changes[&format!("[\"{account}\"]")]["Statement"][0];
    assert_eq!(changes.len(), 4, "{changes:#?}");
    assert_eq!(statement("200000000003")["Principal"]["AWS"], "arn:aws:iam::200000000002:user/security-scanner");
    assert_eq!(
        statement("200000000006"),
        &serde_json::json!({"Effect": "Allow", "Action": ["elasticloadbalancing:DescribeTags"], "Resource": "*"})
    );
    let denied = statement("200000000007");
    assert_eq!(denied["Effect"], "Deny");
    assert!(denied["Resource"].as_str().unwrap().contains("loadbalancer/app/treasury/"), "{denied}");
    let exempt = &changes["[\"200000000004\"]"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
    assert_eq!(exempt, &serde_json::json!(["arn:aws:iam::*:role/doorward-scan"]));

    let table = run(bed.doorward(folder).args(["-q", "doctor", "--for", "scan"]));
    for text in ["14 of 22", "p-regionlock", "role-missing", "elasticloadbalancing:DescribeTags", "Exit code 4"] {
        assert!(table.out.contains(text), "{text}: {}", table.out);
    }
    assert!(!table.out.contains(&bed.server.world().callers()[0].secret) && !said.out.contains("SecretAccessKey"));
}

#[test]
fn a_policy_change_fixes_its_gap() {
    let allowed = "\"elasticloadbalancing:DescribeTags\",";
    let text = world("acme-org");
    assert!(text.matches(allowed).count() >= 2);
    // Both of the caller and of the role: the base identity reads its own account by itself.
    let without = text.replace(allowed, "");
    let bed = Bed::start(&without, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let (said, diagnosis) = examine(&bed, folder.path(), &["--for", "scan"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    let mut wanted = BTreeSet::new();
    for change in diagnosis["policy_changes"].as_array().unwrap() {
        assert_eq!(change["document"]["Statement"].as_array().unwrap().len(), 1, "{change:#}");
        wanted.insert(change["document"]["Statement"][0]["Action"].to_string());
    }
    assert_eq!(Vec::from_iter(wanted), ["[\"elasticloadbalancing:DescribeTags\"]"]);
    let base = diagnosis["policy_changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["accounts"] == serde_json::json!([]));
    assert_eq!(base.count(), 1, "the base identity lacks it in its own account");

    let bed = Bed::start(&text, vec![]);
    let (said, diagnosis) = examine(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(0), "{} {diagnosis:#}", said.err);
    assert_eq!(
        (diagnosis["gap_groups"].clone(), diagnosis["policy_changes"].clone()),
        (serde_json::json!([]), serde_json::json!([]))
    );
    assert!(
        diagnosis["publish"]["security_hubs"].as_u64().unwrap() > 5
            && diagnosis["traffic"]["log_prefixes"].as_u64().unwrap() > 3,
        "{diagnosis:#}"
    );
}

#[test]
fn unreadable_security_hubs_and_buckets_are_named() {
    let bed = Bed::start(
        &world("acme-org"),
        vec![
            Fault::new(What::AccessDenied).service("s3"),
            Fault::new(What::AccessDenied).service("cloudwatch").region("us-east-1"),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(bed.server.world().set_security_hub("100000000020", "eu-west-1", false));
    let (said, diagnosis) = examine(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert_eq!(groups(&diagnosis, "scan"), Vec::<&Value>::new());
    let closed = groups(&diagnosis, "publish");
    assert_eq!(closed.len(), 1, "{diagnosis:#}");
    assert_eq!(closed[0]["places"], serde_json::json!(["100000000020 eu-west-1"]));
    assert_eq!(closed[0]["message"], "Security Hub is not enabled there");
    let unread: BTreeSet<&str> =
        groups(&diagnosis, "traffic").iter().map(|group| group["action"].as_str().unwrap()).collect();
    assert_eq!(Vec::from_iter(unread), ["cloudwatch:GetMetricData", "s3:ListBucket"]);
    let (said, diagnosis) = examine(&bed, folder.path(), &["--for", "scan"]);
    assert_eq!(
        (said.code, &diagnosis["publish"], &diagnosis["traffic"]),
        (Some(0), &Value::Null, &Value::Null),
        "{diagnosis:#}"
    );
    assert!(bed.server.calls().iter().all(|call| call.action != "BatchImportFindings"));
}

#[test]
fn one_byte_of_the_logs_is_read() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let key = "storefront/AWSLogs/100000000020/elasticloadbalancing/eu-west-1/2026/11/01/x.log.gz";
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    let (_, before) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert!(bed.server.world().put_object("acme-log-archive-alb-eu-west-1", key, "log", at));
    bed.server.clear_calls();
    let (said, after) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert_eq!(said.code, Some(0), "{} {after:#}", said.err);
    let empty = |diagnosis: &Value| diagnosis["traffic"]["empty_log_prefixes"].as_u64().unwrap();
    assert_eq!(empty(&before), empty(&after) + 1, "{after:#}");
    assert_eq!(bed.server.calls().iter().filter(|call| call.action == "GetObject").count(), 1);

    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetObject")]);
    let (said, diagnosis) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    let statement = &diagnosis["policy_changes"][0]["document"]["Statement"][0];
    assert_eq!(statement["Action"], serde_json::json!(["s3:GetObject"]), "{diagnosis:#}");
    assert_eq!(statement["Resource"], "arn:aws:s3:::acme-log-archive-alb-eu-west-1/*AWSLogs/*/elasticloadbalancing/*");
}

#[test]
fn optional_permissions_are_reported_and_do_not_change_the_exit_code() {
    // An account and a Region without load balancers: a scan does not read tags there yet.
    let world = world("gaps-org").replace(
        "[[account]]\nid = \"200000000006\"",
        "[[account]]\nid = \"200000000009\"\nname = \"globex-empty\"\nou = \"/Workloads\"\nroles = [{ name = \"doorward-scan\", trusts = [\"200000000002\"], allow = [\"elasticloadbalancing:DescribeLoadBalancers\", \"account:ListRegions\"] }]\n\n[[account]]\nid = \"200000000006\"",
    );
    let bed = Bed::start(&world, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let (said, diagnosis) = examine(&bed, folder.path(), &["--for", "scan", "--account", "200000000009"]);
    assert_eq!(said.code, Some(0), "{} {diagnosis:#}", said.err);
    let optional: BTreeSet<&str> =
        groups(&diagnosis, "optional").iter().map(|group| group["action"].as_str().unwrap()).collect();
    let wanted = [
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "logs:DescribeDeliveries",
        "logs:DescribeDeliverySources",
    ];
    assert_eq!(Vec::from_iter(optional), wanted);
    let change = &diagnosis["policy_changes"][0];
    assert_eq!(change["document"]["Statement"][0]["Action"], serde_json::json!(wanted), "{change:#}");
}

#[test]
fn a_scan_that_would_not_start_is_exit_code_6() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("notes.txt"),
        "not a ledger, and longer than the header of one would have to be: a hundred bytes\n",
    )
    .unwrap();
    let (said, diagnosis) = examine(&bed, folder, &["--for", "scan", "--ledger", "notes.txt"]);
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(diagnosis["ledger"]["problem"].as_str().unwrap().contains("notes.txt"), "{diagnosis:#}");
    let (said, diagnosis) = examine(&bed, folder, &["--for", "scan", "--no-ledger"]);
    assert_eq!((said.code, &diagnosis["ledger"]), (Some(0), &Value::Null));

    let refused = run(bed.doorward(folder).args(["doctor"]).env("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000001"));
    assert!(refused.code == Some(6) && refused.err.contains("not accepted"), "{}", refused.err);
    let without_credentials = run(doorward(folder).args(["doctor"]).env("AWS_REGION", "eu-west-1"));
    assert!(
        without_credentials.code == Some(6) && without_credentials.err.contains("no AWS credentials"),
        "{}",
        without_credentials.err
    );
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("ListAccounts")]);
    let closed = run(bed.doorward(folder).args(["doctor"]));
    assert!(closed.code == Some(6) && closed.err.contains("organizations:ListAccounts"), "{}", closed.err);
    bed.server.set_faults(vec![Fault::new(What::ClockSkew)]);
    let skewed = run(bed.doorward(folder).args(["doctor"]));
    assert!(skewed.code == Some(6) && skewed.err.contains("clock"), "{}", skewed.err);
}
