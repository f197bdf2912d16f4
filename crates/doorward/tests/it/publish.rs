//! Security Hub from the command line: each finding there once, true, and never wrongly closed.

use std::path::Path;

use doorward_fakeaws::DESYNC_MODE;
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};
use crate::formats::{assert_valid, schema};

fn scan(bed: &Bed, folder: &Path) -> Said {
    run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]))
}

fn publish(bed: &Bed, folder: &Path, flags: &[&str]) -> (Said, Value) {
    let said = run(bed.doorward(folder).args(["publish", "--format", "json"]).args(flags));
    let json = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    if !json.is_null() {
        assert_valid(&schema("publish-v1"), &json);
    }
    (said, json)
}

/// Everything that all Security Hubs hold, by account and Region of the Security Hub.
fn held(bed: &Bed, report: &Value) -> Vec<Value> {
    let world = bed.server.world();
    let accounts = report["accounts"].as_array().unwrap().iter().map(|account| account["id"].as_str().unwrap());
    let regions = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2", "af-south-1"];
    let places = accounts.flat_map(|account| regions.map(|region| (account, region)));
    places.flat_map(|(account, region)| world.security_hub_findings(account, region)).collect()
}

fn of<'a>(findings: &'a [Value], rule: &str, name: &str) -> Vec<&'a Value> {
    let matches = |finding: &&Value| {
        let id = finding["Id"].as_str().unwrap();
        id.contains(&format!("/{rule}/")) && id.contains(&format!("/{name}/"))
    };
    findings.iter().filter(matches).collect()
}

#[test]
fn findings_are_there_once_and_follow_the_load_balancers() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(scan(&bed, folder.path()).code, Some(3));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("a.json")).unwrap()).unwrap();
    let said_nothing = |f: &&Value| f["verdict"] != "not-applicable" && f["verdict"] != "not-asked";
    let reported = report["findings"].as_array().unwrap().iter().filter(said_nothing);
    let reported = reported.count();

    let (said, plan) = publish(&bed, folder.path(), &["--dry-run"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(plan["findings"].as_array().unwrap().len(), reported);
    assert!(held(&bed, &report).is_empty(), "a dry run sends nothing");

    let (said, outcome) = publish(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert_eq!(outcome["receipt"]["written"].as_u64(), Some(reported as u64), "{outcome}");
    let first = held(&bed, &report);
    assert_eq!(first.len(), reported);
    for finding in &first {
        assert_eq!(finding["RecordState"], "ACTIVE");
        let arn = finding["Resources"][0]["Id"].as_str().unwrap();
        assert!(
            arn.contains(finding["AwsAccountId"].as_str().unwrap()),
            "in the load balancer's own account: {finding}"
        );
    }
    let (said, audit) = publish(&bed, folder.path(), &["--reconcile"]);
    assert_eq!(said.code, Some(0), "{} {audit}", said.err);

    // Unchanged: nothing is sent again.
    bed.server.clear_calls();
    let (said, outcome) = publish(&bed, folder.path(), &[]);
    assert_eq!((said.code, outcome["receipt"]["written"].as_u64()), (Some(0), Some(0)), "{}", said.err);
    assert!(bed.server.calls().iter().all(|call| call.action != "BatchImportFindings"));

    // One is fixed, one deleted; in a third account nobody can look any more.
    let world = bed.server.world();
    let mended = ("100000000040", "eu-west-1", "hack-week");
    assert!(world.set_attribute(mended.0, mended.1, mended.2, DESYNC_MODE, Some("strictest")));
    assert!(world.remove_load_balancer("100000000020", "af-south-1", "storefront-edge"));
    bed.server.set_faults(vec![
        doorward_fakeaws::Fault::new(doorward_fakeaws::What::AccessDenied).account("100000000023").service("elb*"),
    ]);
    assert_eq!(scan(&bed, folder.path()).code, Some(5));
    bed.server.set_faults(vec![]);
    let (said, outcome) = publish(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(0), "{} {outcome}", said.err);
    let second = held(&bed, &report);
    let rule = "desync-mode-below-required";
    let mended = of(&second, rule, "hack-week");
    assert_eq!((mended.len(), &mended[0]["Compliance"]["Status"]), (1, &Value::from("PASSED")));
    assert_eq!(mended[0]["RecordState"], "ACTIVE", "a fixed one stays active");
    assert_eq!(mended[0]["CreatedAt"], of(&first, rule, "hack-week")[0]["CreatedAt"]);
    let gone: Vec<&Value> =
        of(&second, rule, "storefront-edge").into_iter().filter(|f| f["RecordState"] == "ARCHIVED").collect();
    assert_eq!(gone.len(), 1, "the deleted one");
    let unseen = of(&second, rule, "dispatch");
    assert!(
        !unseen.is_empty() && unseen.iter().all(|f| f["RecordState"] == "ACTIVE"),
        "never archive what was not looked at"
    );
}

#[test]
fn a_closed_security_hub_is_a_line_of_the_receipt_and_exit_code_7() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    assert!(bed.server.world().set_security_hub("100000000020", "eu-west-1", false));
    assert_eq!(scan(&bed, folder.path()).code, Some(3));
    let (said, outcome) = publish(&bed, folder.path(), &["--from", "a.saved"]);
    assert_eq!(said.code, Some(7), "{}", said.err);
    let closed: Vec<&Value> =
        outcome["security_hubs"].as_array().unwrap().iter().filter(|h| !h["closed"].is_null()).collect();
    assert_eq!(closed.len(), 1, "{outcome}");
    assert_eq!(closed[0]["security_hub"], "100000000020/eu-west-1");
    let table = run(bed.doorward(folder.path()).args(["publish"]));
    assert!(table.code == Some(7) && table.out.contains("not enabled in 100000000020/eu-west-1"), "{}", table.out);
    // Opened later, it gets what it lacks and nothing twice.
    assert!(bed.server.world().set_security_hub("100000000020", "eu-west-1", true));
    let (said, outcome) = publish(&bed, folder.path(), &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(outcome["receipt"]["written"], closed[0]["unsent"], "{outcome}");
    for text in [&said.out, &said.err, &table.out, &table.err] {
        assert!(!text.contains(&bed.server.world().callers()[0].secret));
    }
}

#[test]
fn there_must_be_something_to_publish_and_a_place_for_it() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said = run(bed.doorward(folder.path()).args(["publish"]));
    assert!(said.code == Some(2) && said.err.contains("run a scan first"), "{:?} {}", said.code, said.err);
    std::fs::write(folder.path().join("doorward.toml"), "[publish]\ndelivery = \"central\"\n").unwrap();
    let said = run(bed.doorward(folder.path()).args(["publish"]));
    assert!(said.code == Some(2) && said.err.contains("publish.account"), "{:?} {}", said.code, said.err);
}
