//! The doctor foretells what a scan leaves unread, names what would mend it, and reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use doorward_fakeaws::{Fault, What};
use serde_json::Value;

use crate::bed::{Bed, Said, doorward, run, world};

fn examine(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let said = run(bed.doorward(folder).args(["-q", "doctor", "--format", "json"]).args(flags));
    let told = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    (said, told)
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

fn causes<'a>(told: &'a Value, part: &str) -> Vec<&'a Value> {
    told["causes"].as_array().unwrap().iter().filter(|cause| cause["for"] == part).collect()
}

#[test]
fn what_a_scan_of_the_example_with_gaps_leaves_unread_is_foretold() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (said, told) = examine(&bed, folder, &["--for", "scan"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    for call in bed.server.calls() {
        let verb = call.iam_action.split(':').nth(1).unwrap_or_default();
        assert!(["Describe", "List", "Get", "AssumeRole"].iter().any(|read| verb.starts_with(read)), "{call:?}");
    }
    assert!(!folder.join(".local").exists(), "the doctor writes nothing");

    let scan = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json"]));
    assert_eq!(scan.code, Some(5), "{}", scan.err);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap();
    assert_eq!(lines(&told["coverage"]), lines(&report["coverage"]));
    assert_eq!(told["coverage"]["counts"], report["coverage"]["counts"]);

    // The exact changes: a role, an action, a statement, a policy.
    let patches: BTreeMap<String, &Value> = told["patches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|patch| (patch["accounts"].to_string(), &patch["document"]))
        .collect();
    let statement = |account: &str| &patches[&format!("[\"{account}\"]")]["Statement"][0];
    assert_eq!(patches.len(), 4, "{patches:#?}");
    assert_eq!(statement("200000000003")["Principal"]["AWS"], "arn:aws:iam::200000000002:user/security-scanner");
    assert_eq!(
        statement("200000000006"),
        &serde_json::json!({"Effect": "Allow", "Action": ["elasticloadbalancing:DescribeTags"], "Resource": "*"})
    );
    let denied = statement("200000000007");
    assert_eq!(denied["Effect"], "Deny");
    assert!(denied["Resource"].as_str().unwrap().contains("loadbalancer/app/treasury/"), "{denied}");
    let exempt = &patches["[\"200000000004\"]"]["Condition"]["ArnNotLike"]["aws:PrincipalArn"];
    assert_eq!(exempt, &serde_json::json!(["arn:aws:iam::*:role/doorward-scan"]));

    let table = run(bed.doorward(folder).args(["-q", "doctor", "--for", "scan"]));
    for text in ["14 of 22", "p-regionlock", "role-missing", "elasticloadbalancing:DescribeTags", "Exit code 4"] {
        assert!(table.out.contains(text), "{text}: {}", table.out);
    }
    assert!(!table.out.contains(&bed.server.world().callers()[0].secret) && !said.out.contains("SecretAccessKey"));
}

#[test]
fn a_patch_mends_what_it_is_for() {
    let allowed = "\"elasticloadbalancing:DescribeTags\",";
    let text = world("acme-org");
    assert!(text.matches(allowed).count() >= 2);
    // Both of the caller and of the role: the base identity reads its own account by itself.
    let without = text.replace(allowed, "");
    let bed = Bed::start(&without, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let (said, told) = examine(&bed, folder.path(), &["--for", "scan"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    let mut wanted = BTreeSet::new();
    for patch in told["patches"].as_array().unwrap() {
        assert_eq!(patch["document"]["Statement"].as_array().unwrap().len(), 1, "{patch:#}");
        wanted.insert(patch["document"]["Statement"][0]["Action"].to_string());
    }
    assert_eq!(Vec::from_iter(wanted), ["[\"elasticloadbalancing:DescribeTags\"]"]);
    let base = told["patches"].as_array().unwrap().iter().filter(|p| p["accounts"] == serde_json::json!([]));
    assert_eq!(base.count(), 1, "the base identity lacks it in its own account");

    let bed = Bed::start(&text, vec![]);
    let (said, told) = examine(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(0), "{} {told:#}", said.err);
    assert_eq!((told["causes"].clone(), told["patches"].clone()), (serde_json::json!([]), serde_json::json!([])));
    assert!(
        told["publish"]["hubs"].as_u64().unwrap() > 5 && told["traffic"]["log_prefixes"].as_u64().unwrap() > 3,
        "{told:#}"
    );
}

#[test]
fn hubs_and_buckets_that_are_closed_are_named() {
    let bed = Bed::start(
        &world("acme-org"),
        vec![
            Fault::new(What::AccessDenied).service("s3"),
            Fault::new(What::AccessDenied).service("cloudwatch").region("us-east-1"),
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(bed.server.world().set_security_hub("100000000020", "eu-west-1", false));
    let (said, told) = examine(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert_eq!(causes(&told, "scan"), Vec::<&Value>::new());
    let closed = causes(&told, "publish");
    assert_eq!(closed.len(), 1, "{told:#}");
    assert_eq!(closed[0]["places"], serde_json::json!(["100000000020 eu-west-1"]));
    assert_eq!(closed[0]["message"], "Security Hub is not enabled there");
    let unread: BTreeSet<&str> =
        causes(&told, "traffic").iter().map(|cause| cause["action"].as_str().unwrap()).collect();
    assert_eq!(Vec::from_iter(unread), ["cloudwatch:GetMetricData", "s3:ListBucket"]);
    let (said, told) = examine(&bed, folder.path(), &["--for", "scan"]);
    assert_eq!((said.code, &told["publish"], &told["traffic"]), (Some(0), &Value::Null, &Value::Null), "{told:#}");
    assert!(bed.server.calls().iter().all(|call| call.action != "BatchImportFindings"));
}

#[test]
fn of_logs_one_byte_is_read() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let key = "storefront/AWSLogs/100000000020/elasticloadbalancing/eu-west-1/2026/11/01/x.log.gz";
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    let (_, before) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert!(bed.server.world().put_object("acme-log-archive-alb-eu-west-1", key, "log", at));
    bed.server.clear_calls();
    let (said, after) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert_eq!(said.code, Some(0), "{} {after:#}", said.err);
    let empty = |told: &Value| told["traffic"]["empty_log_prefixes"].as_u64().unwrap();
    assert_eq!(empty(&before), empty(&after) + 1, "{after:#}");
    assert_eq!(bed.server.calls().iter().filter(|call| call.action == "GetObject").count(), 1);

    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetObject")]);
    let (said, told) = examine(&bed, folder.path(), &["--for", "traffic"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    let statement = &told["patches"][0]["document"]["Statement"][0];
    assert_eq!(statement["Action"], serde_json::json!(["s3:GetObject"]), "{told:#}");
    assert_eq!(statement["Resource"], "arn:aws:s3:::acme-log-archive-alb-eu-west-1/*AWSLogs/*/elasticloadbalancing/*");
}

#[test]
fn what_nothing_needs_today_is_told_and_changes_no_exit_code() {
    // A Region, and an account, without load balancers: nobody asks for tags there yet.
    let world = world("gaps-org").replace(
        "[[account]]\nid = \"200000000006\"",
        "[[account]]\nid = \"200000000009\"\nname = \"globex-empty\"\nou = \"/Workloads\"\nroles = [{ name = \"doorward-scan\", trusts = [\"200000000002\"], allow = [\"elasticloadbalancing:DescribeLoadBalancers\", \"account:ListRegions\"] }]\n\n[[account]]\nid = \"200000000006\"",
    );
    let bed = Bed::start(&world, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let (said, told) = examine(&bed, folder.path(), &["--for", "scan", "--account", "200000000009"]);
    assert_eq!(said.code, Some(0), "{} {told:#}", said.err);
    let spare: BTreeSet<&str> = causes(&told, "spare").iter().map(|cause| cause["action"].as_str().unwrap()).collect();
    let wanted = [
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeTags",
        "logs:DescribeDeliveries",
        "logs:DescribeDeliverySources",
    ];
    assert_eq!(Vec::from_iter(spare), wanted);
    let patch = &told["patches"][0];
    assert_eq!(patch["document"]["Statement"][0]["Action"], serde_json::json!(wanted), "{patch:#}");
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
    let (said, told) = examine(&bed, folder, &["--for", "scan", "--ledger", "notes.txt"]);
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(told["ledger"]["problem"].as_str().unwrap().contains("notes.txt"), "{told:#}");
    let (said, told) = examine(&bed, folder, &["--for", "scan", "--no-ledger"]);
    assert_eq!((said.code, &told["ledger"]), (Some(0), &Value::Null));

    let refused = run(bed.doorward(folder).args(["doctor"]).env("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000001"));
    assert!(refused.code == Some(6) && refused.err.contains("not accepted"), "{}", refused.err);
    let nobody = run(doorward(folder).args(["doctor"]).env("AWS_REGION", "eu-west-1"));
    assert!(nobody.code == Some(6) && nobody.err.contains("no AWS credentials"), "{}", nobody.err);
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("ListAccounts")]);
    let closed = run(bed.doorward(folder).args(["doctor"]));
    assert!(closed.code == Some(6) && closed.err.contains("organizations:ListAccounts"), "{}", closed.err);
    bed.server.set_faults(vec![Fault::new(What::ClockSkew)]);
    let skewed = run(bed.doorward(folder).args(["doctor"]));
    assert!(skewed.code == Some(6) && skewed.err.contains("clock"), "{}", skewed.err);
}
