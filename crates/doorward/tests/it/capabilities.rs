//! Least privilege: with exactly the policies that `doorward setup` writes, every command works. The policies allow no action and no
//! resource that is not used, and other resources are refused.

use std::path::Path;

use doorward_fakeaws::CallRecord;
use doorward_fakeaws::spec::{AthenaSpec, LoadBalancerSpec};
use doorward_fakeaws::{Fault, Form, What};
use serde_json::{Value, json};

use crate::athena::answer;
use crate::bed::{Bed, Said, run};
use crate::shipped::{OUTPUT, Shipped, VENDED, assert_same};
use crate::traffic::{file, seeded};

const SETTINGS: &str = r#"
[collect]
alb_listeners = true
reachability = true
[owner]
account_tags = ["team"]
[traffic.athena]
output = "OUTPUT"
database = "traffic_logs"
vended = "VENDED"
[notify]
fallback = ["topic"]
unowned = ["topic"]
[notify.channels]
topic = { kind = "sns", topic = "arn:aws:sns:eu-west-1:100000000002:owners" }
"#;

fn settings() -> String {
    SETTINGS.replace("OUTPUT", OUTPUT).replace("VENDED", VENDED)
}

/// Runs a command, after clearing the call log.
fn doorward(bed: &Bed, folder: &Path, arguments: &[&str], codes: &[i32]) -> Said {
    bed.server.clear_calls();
    let said = run(bed.doorward(folder).arg("-q").args(arguments));
    assert!(codes.contains(&said.code.unwrap()), "{arguments:?}: {:?} {} {}", said.code, said.err, said.out);
    said
}

/// The calls of role sessions and those of the base identity; asserts that none was refused.
fn called(bed: &Bed) -> (Vec<CallRecord>, Vec<CallRecord>) {
    let calls = bed.server.calls();
    let refused: Vec<_> = calls.iter().filter(|call| call.outcome.contains("Denied")).collect();
    assert!(refused.is_empty(), "{refused:?}");
    calls.into_iter().partition(|call| call.access_key.starts_with("ASIA"))
}

/// A load balancer whose logs a delivery writes, with one object of them, and logs of one in another Region.
fn vended(bed: &Bed, account: &str) {
    let spec = LoadBalancerSpec {
        account: account.to_owned(),
        region: "eu-west-1".to_owned(),
        name: "vended".to_owned(),
        vended_logs: true,
        apis: vec!["a1b2c3d4e5".to_owned()],
        ..LoadBalancerSpec::default()
    };
    bed.server.world().add_load_balancer(&spec).unwrap();
    // Internal load balancers are there, so the targets of this one are read.
    let front = LoadBalancerSpec {
        account: account.to_owned(),
        region: "eu-west-1".to_owned(),
        name: "front".to_owned(),
        kind: Some("network".to_owned()),
        target_groups: Some(vec!["front:alb".to_owned()]),
        ..LoadBalancerSpec::default()
    };
    bed.server.world().add_load_balancer(&front).unwrap();
}

fn objects(bed: &Bed) {
    let hour = seeded(bed);
    let (day, end) = (hour.strftime("%Y/%m/%d"), hour.strftime("%Y%m%dT%H%MZ"));
    let world = bed.server.world();
    let parquet = format!("vended/100000000020/eu-west-1/{day}/07/x.parquet");
    assert!(world.put_object("acme-log-archive-alb-eu-west-1", &parquet, vec![0; 5_000], hour));
    let name = "100000000020_elasticloadbalancing_us-east-1_app.storefront-edge.c6451a849a476031";
    let key = format!(
        "storefront/AWSLogs/100000000020/elasticloadbalancing/us-east-1/{day}/{name}_{end}_10.0.0.1_abc.log.gz"
    );
    assert!(world.put_object("acme-log-archive-alb-us-east-1", &key, file(hour, 1, 0), hour));
    let unrelated = "AWSLogs/100000000020/vpcflowlogs/eu-west-1/x.log.gz";
    assert!(world.put_object("acme-log-archive-alb-eu-west-1", unrelated, vec![0; 9], hour));
}

#[test]
fn generated_policies_allow_exactly_the_calls_that_are_made() {
    let shipped = Shipped::of_acme();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("doorward.toml"), settings()).unwrap();
    let (mut at_base, mut scanned) = (Vec::new(), Vec::new());
    for paths in [false, true] {
        let bed = shipped.bed("traffic", paths);
        // In the base identity's own account, one whose logs are found only through deliveries.
        vended(&bed, "100000000002");
        vended(&bed, "100000000020");
        if paths {
            // An account that the previous scan listed is missing now, so that it is read by its id.
            bed.server.set_faults(vec![Fault::new(What::Form(Form::Shortened)).action("ListAccounts")]);
            doorward(&bed, folder, &["scan"], &[5]);
            let (by_roles, by_base) = called(&bed);
            scanned.extend(by_roles);
            at_base.extend(by_base);
            bed.server.set_faults(vec![]);
        }
        doorward(&bed, folder, &["scan", "--save", "a.saved"], &[3]);
        let (by_roles, by_base) = called(&bed);
        scanned.extend(by_roles);
        at_base.extend(by_base);
    }
    assert_same("scan", &scanned, &[shipped.role("scan")]);

    let mut seen = |bed: &Bed, arguments: &[&[&str]], codes: &[i32]| {
        let mut seen = Vec::new();
        for arguments in arguments {
            doorward(bed, folder, arguments, codes);
            let (by_roles, by_base) = called(bed);
            seen.extend(by_roles);
            at_base.extend(by_base);
        }
        seen
    };
    let reading = shipped.bed("traffic", true);
    objects(&reading);
    assert!(reading.server.world().add_topic("100000000002", "eu-west-1", "owners"));
    let traffic = seen(&reading, &[&["traffic", "--from", "a.saved", "--all-logs", "--days", "3"]], &[0]);
    assert_same("traffic", &traffic, &[shipped.role("traffic")]);
    let compare: &[&str] = &["report", "--from", "a.saved", "--compare-securityhub"];
    let publish = seen(&reading, &[&["publish"], &["publish", "--reconcile"], compare], &[0, 3]);
    assert_same("publish", &publish, &[shipped.role("publish")]);
    assert_eq!(seen(&reading, &[&["notify"]], &[0]), [], "notify");

    // A watch needs metrics and no logs.
    let changing = shipped.bed("metrics", true);
    doorward(&changing, folder, &["plan"], &[0]);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("change-plan.json")).unwrap()).unwrap();
    let [hash, change] = ["digest", "id"].map(|key| plan[key].as_str().unwrap());
    let apply: &[&str] = &["apply", "change-plan.json", "--yes", "--by", "mia", "--hash", hash];
    let changes = seen(&changing, &[apply, &["verify-change", change]], &[0, 8]);
    assert_same("change and metrics", &changes, &[shipped.role("change"), shipped.role("metrics")]);

    // Athena reads the logs, creates the table and writes the result on behalf of the role. A query that takes too long is stopped.
    let mut athena = Vec::new();
    for (endless, timeout) in [(false, "10m"), (true, "1ms")] {
        let counting = shipped.bed("athena", true);
        objects(&counting);
        let hour = jiff::Timestamp::UNIX_EPOCH;
        counting.server.world().add_athena(&AthenaSpec { endless, ..answer(hour) }).unwrap();
        let patient =
            settings().replace("[traffic.athena]", &format!("[traffic.athena]\nquery_timeout = \"{timeout}\""));
        std::fs::write(folder.join("doorward.toml"), patient).unwrap();
        let count: &[&str] = &["traffic", "--from", "a.saved", "--engine", "athena", "--all-logs", "--days", "3"];
        // Another load balancer of the example delivers its logs in a Region without a bucket.
        athena.extend(seen(&counting, &[count], &[4]));
    }
    assert_same("athena", &athena, &[shipped.role("athena")]);
    assert_same("the base identity", &at_base, &[shipped.base()]);
}

/// A setting that points to another resource makes the role fail there.
#[test]
fn other_resources_are_refused() {
    let shipped = Shipped::of_acme();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let saved = |folder: &Path, bucket: &str| {
        // A scan in which one load balancer writes its logs to another bucket, as its owner can configure.
        let bed = shipped.bed("traffic", true);
        bed.server.world().set_attribute(
            "100000000020",
            "eu-west-1",
            "storefront-edge",
            "access_logs.s3.bucket",
            Some(bucket),
        );
        vended(&bed, "100000000020");
        doorward(&bed, folder, &["scan", "--save", "a.saved"], &[3]);
    };
    let own = "acme-log-archive-alb-eu-west-1";
    let key = |name: &str| format!("DOORWARD_TRAFFIC__{name}");
    let flows = "s3://acme-log-archive-alb-{region}/flows/{account}/{region}/{day}";
    for (bucket, role, engine, (name, value), says) in [
        ("stranger", "traffic", "embedded", ("DAYS", "3"), "s3:ListBucket"),
        ("stranger", "athena", "athena", ("DAYS", "3"), "s3:ListBucket"),
        (own, "athena", "athena", ("ATHENA__WORKGROUP", "admins"), "athena:StartQueryExecution"),
        (own, "athena", "athena", ("ATHENA__DATABASE", "payroll"), "glue:GetDatabase"),
        (own, "athena", "athena", ("ATHENA__OUTPUT", "s3://stranger/doorward/"), "s3:GetBucketLocation"),
        (own, "athena", "athena", ("ATHENA__OUTPUT", "s3://acme-athena-{account}-{region}/payroll/"), "s3:ListBucket"),
        (own, "athena", "athena", ("ATHENA__VENDED", flows), "s3:ListBucket"),
        (own, "traffic", "embedded", ("LOG_ACCOUNT", "999999999999"), "sts:AssumeRole"),
        (own, "metrics", "embedded", ("DAYS", "3"), "s3:ListBucket"),
    ] {
        saved(folder, bucket);
        let bed = shipped.bed(role, true);
        objects(&bed);
        bed.server.world().add_athena(&answer(jiff::Timestamp::UNIX_EPOCH)).unwrap();
        let mut command = bed.doorward(folder);
        for (name, value) in
            [("ATHENA__OUTPUT", OUTPUT), ("ATHENA__VENDED", VENDED), ("ATHENA__DATABASE", "traffic_logs")]
        {
            command.env(key(name), value);
        }
        command.env(key(name), value);
        let said = run(command.args(["-q", "traffic", "--from", "a.saved", "--all-logs", "--engine", engine]));
        assert_eq!(said.code, Some(4), "{name}={value}: {} {}", said.out, said.err);
        let denied = bed
            .server
            .calls()
            .into_iter()
            .find(|call| call.outcome == "AccessDenied" || call.outcome == "AccessDeniedException");
        let denied = denied.unwrap_or_else(|| panic!("{name}={value}: nothing was refused: {}", said.out));
        assert_eq!(denied.iam_action, says, "{name}={value}: {denied:?}");
        assert!(said.out.contains(says), "{name}={value}: {}", said.out);
        assert!(
            !bed.server.calls().iter().any(|call| call.iam_action == "s3:PutObject"
                && call.outcome == "ok"
                && !(call.resource.starts_with("arn:aws:s3:::acme-athena-100000000020-")
                    && call.resource.contains("/doorward/"))),
            "{name}={value}"
        );
    }
}

/// The conditions on the callers of a role, and on the roles that the base identity may assume.
#[test]
fn roles_are_assumed_from_the_organization_and_within_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scan = |shipped: &Shipped, edit: &dyn Fn(String) -> String, external_id: Option<&str>| {
        let bed = Bed::start(&edit(shipped.world("traffic", true)), vec![]);
        let mut command = bed.doorward(folder);
        if let Some(id) = external_id {
            command.env("DOORWARD_ACCESS__EXTERNAL_ID", id);
        }
        run(command.args(["-q", "scan", "--account", "100000000020"]).env("DOORWARD_LEDGER__ENABLED", "false"))
            .code
            .unwrap()
    };
    let keep = |world: String| world;
    let by_organization = Shipped::of_acme();
    let by_id = Shipped::with(&["--external-id", "front-doors"], &["logs"]);
    let both = Shipped::with(&["--external-id", "front-doors", "--organization-id", "o-acme000001"], &["logs"]);
    let foreign = Shipped::with(&["--organization-id", "o-another00001"], &["logs"]);
    for (what, shipped, external_id, enters) in [
        ("its organization", &by_organization, None, true),
        ("another organization", &foreign, None, false),
        ("its id", &by_id, Some("front-doors"), true),
        ("no id", &by_id, None, false),
        ("another id", &by_id, Some("back-doors"), false),
        ("both", &both, Some("front-doors"), true),
        ("both without the id", &both, None, false),
    ] {
        let code = scan(shipped, &keep, external_id);
        assert_eq!(code == 0 || code == 3, enters, "{what}: {code}");
    }
    // The role in the account of another organization trusts the caller, and the caller may not assume it.
    let open = Shipped::with(&["--without-organization"], &["logs"]);
    for (shipped, enters) in [(&by_organization, false), (&by_id, false), (&open, true)] {
        let bed = shipped.bed("traffic", true);
        doorward(&bed, folder, &["scan", "--save", "a.saved"], &[0, 3, 4, 5]);
        let mut command = bed.doorward(folder);
        command.env("DOORWARD_TRAFFIC__LOG_ACCOUNT", "999999999999").env("DOORWARD_ACCESS__EXTERNAL_ID", "front-doors");
        bed.server.clear_calls();
        run(command.args(["-q", "traffic", "--from", "a.saved", "--all-logs", "--days", "3"]));
        let into = |call: &&CallRecord| call.action == "AssumeRole" && call.resource.contains(":999999999999:");
        let calls = bed.server.calls();
        let entered: Vec<&str> = calls.iter().filter(into).map(|call| call.outcome.as_str()).collect();
        assert!(
            !entered.is_empty() && entered.iter().all(|outcome| (*outcome == "ok") == enters),
            "{enters}: {entered:?}"
        );
    }
    // A trust policy without a condition needs a flag.
    for arguments in [&["iam"][..], &["iam", "--for", "publish"]] {
        let said = run(crate::bed::doorward(folder)
            .args(["-q", "setup"])
            .args(arguments)
            .args(["--caller-arn", "arn:aws:iam::111122223333:role/ops/doorward"]));
        assert!(said.code == Some(2) && said.err.contains("--organization-id"), "{arguments:?}: {}", said.err);
    }
    let trust = open.file("scan-role.trust.json");
    assert_eq!(trust["Statement"][0].get("Condition"), None, "{trust}");
    let base = by_id.file("base-identity.policy.json");
    let enter = base["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == "EnterAccounts").unwrap();
    let within = json!({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}});
    assert_eq!((&enter["Condition"], &enter["Resource"]), (&within, &json!("arn:aws:iam::*:role/doorward-scan")));
}
