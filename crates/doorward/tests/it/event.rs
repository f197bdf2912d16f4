//! Events from the command line: one load balancer looked at, everything else left as it was.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bed::{Bed, REPOSITORY, Said, doorward, run, world};
use crate::unseen::without_unseen;

/// CloudTrail's record of a call that set a load balancer's mode.
pub(crate) fn record(id: &str, lb: &Value, mode: &str) -> Value {
    let classic = lb["kind"] == "classic";
    let asked = if classic {
        json!({"loadBalancerName": lb["name"], "loadBalancerAttributes": {
            "additionalAttributes": [{"key": "elb.http.desyncmitigationmode", "value": mode}]}})
    } else {
        json!({"loadBalancerArn": lb["arn"], "attributes": [{"key": DESYNC_MODE, "value": mode}]})
    };
    json!({
        "eventVersion": "1.08", "eventID": id, "eventTime": "2026-11-02T09:00:00Z", "requestID": format!("r-{id}"),
        "eventSource": "elasticloadbalancing.amazonaws.com", "eventName": "ModifyLoadBalancerAttributes",
        "apiVersion": if classic { "2012-06-01" } else { "2015-12-01" },
        "awsRegion": lb["region"], "recipientAccountId": lb["account"], "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.31 md/\u{1b}[31mred", "requestParameters": asked,
        "userIdentity": {
            "type": "AssumedRole", "arn": format!("arn:aws:sts::{}:assumed-role/admin/ada", lb["account"].as_str().unwrap()),
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": format!("arn:aws:iam::{}:role/admin", lb["account"].as_str().unwrap())}}
        }
    })
}

/// The same as EventBridge delivers it.
pub(crate) fn envelope(record: &Value) -> Value {
    json!({
        "version": "0", "id": "bridge", "detail-type": "AWS API Call via CloudTrail", "source": "aws.elasticloadbalancing",
        "account": record["recipientAccountId"], "region": record["awsRegion"], "time": "2026-11-02T09:00:01Z",
        "resources": [], "detail": record
    })
}

pub(crate) fn feed(command: &mut Command, event: &str) -> Said {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn event(bed: &Bed, folder: &Path, event: &Value, flags: &[&str]) -> (Said, Value) {
    let said = feed(bed.doorward(folder).args(["event", "--format", "json"]).args(flags), &event.to_string());
    let json = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    (said, json)
}

fn scan(bed: &Bed, folder: &Path) -> Value {
    let said = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json"]));
    assert!(matches!(said.code, Some(0 | 3)), "{}", said.err);
    serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap()
}

fn of<'a>(report: &'a Value, place: (&str, &str, &str)) -> &'a Value {
    let all = report["load_balancers"].as_array().unwrap();
    let here = |lb: &&Value| lb["account"] == place.0 && lb["region"] == place.1 && lb["name"] == place.2;
    all.iter().find(here).unwrap()
}

fn history(folder: &Path) -> Value {
    let said = run(doorward(folder).args(["history", "--format", "json"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// What a finding says, without what the ledger remembers of it (its deadline counts from there) and when it was read.
fn verdicts(findings: &Value) -> Vec<Value> {
    let mut all = findings.as_array().unwrap().clone();
    for finding in &mut all {
        let finding = finding.as_object_mut().unwrap();
        finding.remove("history");
        finding.remove("deadline");
        finding.remove("observed_at");
    }
    all
}

const EDGE: (&str, &str, &str) = ("100000000020", "eu-west-1", "image-resizer");

#[test]
fn an_event_about_nothing_says_so_and_sends_no_request() {
    #[derive(Deserialize)]
    struct Cases {
        case: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        name: String,
        code: i32,
        says: String,
        event: String,
    }
    let cases: Cases = toml::from_str(include_str!("../events/cases.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in cases.case {
        // No credentials, no Region, no ledger: whatever would call somebody fails in another way.
        let said = feed(doorward(folder.path()).arg("event"), &case.event);
        assert_eq!(said.code, Some(case.code), "{}: {} {}", case.name, said.out, said.err);
        let reported = if case.code == 0 { &said.out } else { &said.err };
        assert!(reported.contains(&case.says), "{}: {reported}", case.name);
        assert_eq!(reported.lines().count(), 1, "{}: one sentence: {reported}", case.name);
        assert!(!folder.path().join(".local").exists(), "{}: nothing is written", case.name);
    }
}

#[test]
fn an_event_says_of_each_load_balancer_what_a_scan_says() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("{REPOSITORY}/examples/acme-org/doorward.toml");
    for file in ["doorward.toml", "exceptions.toml", "costs.csv"] {
        let text = std::fs::read_to_string(format!("{REPOSITORY}/examples/acme-org/{file}")).unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    assert!(Path::new(&settings).exists());
    let bare = tempfile::tempdir().unwrap();
    for file in ["doorward.toml", "exceptions.toml", "costs.csv"] {
        std::fs::copy(folder.path().join(file), bare.path().join(file)).unwrap();
    }
    let report = scan(&bed, folder.path());
    let load_balancers = report["load_balancers"].as_array().unwrap();
    assert!(load_balancers.len() > 40);
    let records: Vec<Value> =
        load_balancers.iter().enumerate().map(|(n, lb)| record(&format!("e-{n}"), lb, "monitor")).collect();
    let file = json!({"Records": records});
    // With what the scan remembers of the organization, and in a ledger that knows nothing yet.
    for folder in [folder.path(), bare.path()] {
        let (said, reported) = event(&bed, folder, &file, &[]);
        assert!(matches!(said.code, Some(3 | 5)), "{}", said.err);
        let lines = reported["events"].as_array().unwrap();
        assert_eq!(lines.len(), load_balancers.len());
        for (line, lb) in lines.iter().zip(load_balancers) {
            let arn = &lb["arn"];
            assert_eq!(line["outcome"], "judged", "{line}");
            let of_scan: Vec<Value> =
                report["findings"].as_array().unwrap().iter().filter(|f| f["load_balancer"] == *arn).cloned().collect();
            assert_eq!(verdicts(&line["findings"]), verdicts(&json!(of_scan)), "{arn}");
            let seen = &line["load_balancer"];
            for key in
                ["mode", "owner", "ou", "tags", "attributes", "access_logs", "managed_by", "listeners", "account_name"]
            {
                assert_eq!(seen[key], lb[key], "{key} of {arn}");
            }
            // The call named monitor: it left that, or something else.
            assert_eq!(line["edited"].is_object(), lb["mode"]["known"] == "monitor", "{arn}");
            assert_eq!(line["coverage"]["fully_listed"], false);
        }
    }
    // One that was just made, by the answer to the call that made it.
    let mut made = record("made", &load_balancers[0], "monitor");
    made["eventName"] = "CreateLoadBalancer".into();
    made["requestParameters"] = json!({"name": "new", "type": "application"});
    made["responseElements"] = json!({"loadBalancers": [{"loadBalancerArn": load_balancers[0]["arn"]}]});
    let (_, reported) = event(&bed, folder.path(), &made, &[]);
    assert_eq!(reported["events"][0]["load_balancer"]["arn"], load_balancers[0]["arn"]);
    // AWS creates load balancers in defensive; another mode is of a later call, by another identity.
    let left = if load_balancers[0]["mode"]["known"] == "defensive" { json!("defensive") } else { Value::Null };
    assert_eq!(reported["events"][0]["edited"]["left"], left, "{reported}");
    let schema: Value = serde_json::from_str(&run(doorward(folder.path()).args(["schema", "event-v1"])).out).unwrap();
    let (_, reported) = event(&bed, folder.path(), &envelope(&records[0]), &[]);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&reported).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn drift_is_published_and_reported_once_and_nothing_else_is_touched() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let receiver = folder.join("receive");
    std::fs::write(&receiver, "#!/bin/sh\ncat >> \"$1\"; echo >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&receiver, std::fs::Permissions::from_mode(0o755)).unwrap();
    let got = folder.join("got");
    std::fs::write(
        folder.join("doorward.toml"),
        format!(
            "[event]\npublish = true\nnotify = true\n[notify]\nfallback = [\"all\"]\n[notify.channels]\n\
             all = {{ kind = \"exec\", command = [{receiver:?}, {got:?}] }}\n"
        ),
    )
    .unwrap();
    let digests = || -> Vec<Value> {
        let text = std::fs::read_to_string(&got).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let report = scan(&bed, folder);
    let lb = of(&report, EDGE).clone();
    assert_ne!(lb["mode"]["known"], "monitor");
    assert_eq!(run(bed.doorward(folder).arg("publish")).code, Some(0));
    assert_eq!(run(bed.doorward(folder).arg("notify")).code, Some(0));
    let (before, reported) = (history(folder), digests().len());
    let others = |bed: &Bed| -> Vec<Value> {
        let held = bed.server.world().security_hub_findings(EDGE.0, EDGE.1);
        held.into_iter().filter(|finding| !finding["Id"].as_str().unwrap().contains("/image-resizer/")).collect()
    };
    let untouched = others(&bed);

    // Somebody turns it off. The published finding is there within seconds.
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("monitor")));
    bed.server.clear_calls();
    let drift = envelope(&record("drift", &lb, "monitor"));
    let began = std::time::Instant::now();
    let (said, first) = event(&bed, folder, &drift, &[]);
    let took = began.elapsed();
    assert_eq!(said.code, Some(3), "{} {}", said.out, said.err);
    assert!(took.as_secs() < 20, "{took:?}");
    println!("from the event to the published finding: {} ms, {} calls", took.as_millis(), bed.server.calls().len());
    let line = &first["events"][0];
    assert_eq!((&line["recorded"]["opened"], &line["recorded"]["mode_changes"]), (&json!(1), &json!(1)), "{line}");
    assert_eq!(line["edited"]["by"], format!("arn:aws:sts::{}:assumed-role/admin/ada", EDGE.0));
    let held = bed.server.world().security_hub_findings(EDGE.0, EDGE.1);
    let finding = held
        .iter()
        .find(|f| f["Id"].as_str().unwrap().contains("/desync-mode-below-required/app/image-resizer/"))
        .unwrap();
    assert_eq!(finding["Compliance"]["Status"], "FAILED");
    let fields = &finding["ProductFields"];
    assert_eq!(fields["doorward/edit-by"], line["edited"]["by"]);
    assert_eq!(fields["doorward/edit-event"], "drift");
    assert!(fields["doorward/edit-agent"].as_str().unwrap().contains("red"));
    assert!(!fields.to_string().contains("\\u001b"), "no escape code goes anywhere: {fields}");
    assert_eq!(others(&bed), untouched);
    let digest = digests().pop().unwrap();
    assert_eq!(digests().len(), reported + 1);
    assert_eq!(digest["scan"]["only"], lb["arn"]);
    assert!(digest["scan"]["edited"].as_str().unwrap().contains("assumed-role/admin/ada"), "{digest}");
    assert!(
        digest["changes"].as_array().unwrap().iter().all(|change| change["load_balancer"] == lb["arn"]),
        "{digest}"
    );
    // Only this load balancer was asked about, by the calls of a scan.
    let asked: Vec<String> =
        bed.server.calls().iter().filter(|c| c.service.starts_with("elb")).map(|c| c.action.clone()).collect();
    assert!(asked.len() <= 4, "{asked:?}");
    assert_eq!(history(folder)["scans"], before["scans"], "an event is no scan");

    // The same event again: looked at again, said as such, and nobody hears of it twice.
    let (said, again) = event(&bed, folder, &drift, &[]);
    assert_eq!(said.code, Some(3), "{}", said.err);
    let line = &again["events"][0];
    assert_eq!((&line["repeat"], &line["recorded"]["opened"]), (&json!(true), &json!(0)));
    assert_eq!(line["published"]["receipt"]["written"], 0, "{line}");
    assert_eq!((digests().len(), others(&bed)), (reported + 1, untouched.clone()));
    // Publishing and telling by the scan of before takes nothing back.
    assert_eq!(run(bed.doorward(folder).arg("publish")).code, Some(0));
    assert_eq!(run(bed.doorward(folder).arg("notify")).code, Some(0));
    assert_eq!(digests().len(), reported + 1);
    let held = bed.server.world().security_hub_findings(EDGE.0, EDGE.1);
    let finding = held
        .iter()
        .find(|f| f["Id"].as_str().unwrap().contains("/desync-mode-below-required/app/image-resizer/"))
        .unwrap();
    assert_eq!(finding["Compliance"]["Status"], "FAILED");

    // The next scan knows who it was, and tells nothing that was reported.
    let report = scan(&bed, folder);
    assert_eq!(of(&report, EDGE)["edited"]["event"], "drift");
    let sent = run(bed.doorward(folder).args(["publish", "--format", "json"]));
    let sent: Value = serde_json::from_str(&sent.out).unwrap();
    assert_eq!(sent["receipt"]["written"], 0, "{sent}");

    // Another user fixes it, and no event of that arrives: the next scan blames nobody.
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("defensive")));
    let report = scan(&bed, folder);
    assert!(of(&report, EDGE)["edited"].is_null());
    let (_, late) = event(&bed, folder, &drift, &[]);
    let line = &late["events"][0];
    assert_eq!((&line["load_balancer"]["mode"]["known"], line["edited"].is_null()), (&json!("defensive"), true));
    assert!(
        line["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|f| f["rule"] != "desync-mode-below-required" || f["verdict"] == "pass")
    );
}

#[test]
fn what_is_left_out_gone_or_denied_is_said_and_closes_nothing() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = scan(&bed, folder);
    let lb = of(&report, EDGE).clone();
    let before = history(folder);
    let drift = record("drift", &lb, "monitor");
    let elb = |bed: &Bed| bed.server.calls().iter().filter(|call| call.service.starts_with("elb")).count();

    bed.server.clear_calls();
    for setting in ["DOORWARD_SCOPE__EXCLUDE_ACCOUNTS=[\"100000000020\"]", "DOORWARD_REGIONS__EXCLUDE=[\"eu-west-1\"]"]
    {
        let (key, value) = setting.split_once('=').unwrap();
        let said = feed(bed.doorward(folder).env(key, value).arg("event"), &drift.to_string());
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.contains("out of scope, nothing was read"), "{}", said.out);
    }
    assert_eq!(elb(&bed), 0);
    let mut stranger = drift.clone();
    stranger["recipientAccountId"] = "999999999999".into();
    stranger["requestParameters"]["loadBalancerArn"] =
        lb["arn"].as_str().unwrap().replace(EDGE.0, "999999999999").into();
    let (said, reported) = event(&bed, folder, &stranger, &[]);
    assert_eq!((said.code, &reported["events"][0]["outcome"]), (Some(0), &json!("out-of-scope")), "{}", said.err);

    bed.server.set_faults(vec![Fault::new(What::AccessDenied).account(EDGE.0).service("elb*")]);
    let (said, reported) = event(&bed, folder, &drift, &[]);
    assert_eq!((said.code, &reported["events"][0]["outcome"]), (Some(4), &json!("unread")), "{} {reported}", said.err);
    assert!(reported["events"][0]["because"].as_str().unwrap().contains("access-denied"), "{reported}");
    bed.server.set_faults(vec![
        Fault::new(What::AccessDenied).account(EDGE.0).service("elb*").action("DescribeLoadBalancerAttributes"),
    ]);
    let (said, reported) = event(&bed, folder, &drift, &[]);
    assert_eq!((said.code, &reported["events"][0]["outcome"]), (Some(4), &json!("judged")), "{} {reported}", said.err);
    assert!(reported["events"][0]["findings"].to_string().contains("\"unknown\""));
    bed.server.set_faults(vec![]);

    assert!(bed.server.world().remove_load_balancer(EDGE.0, EDGE.1, EDGE.2));
    let (said, reported) = event(&bed, folder, &drift, &["--publish"]);
    assert_eq!((said.code, &reported["events"][0]["outcome"]), (Some(0), &json!("gone")), "{} {reported}", said.err);
    // The last look at it, whose attributes nobody could read, is the only thing that differs: it did not see the findings.
    let unseen = |history: Value| (history["kpis"][0]["open_unseen"].clone(), without_unseen(history));
    let ((less, after), (all, before)) = (unseen(history(folder)), unseen(before));
    assert_eq!(after, before);
    assert!(all == 0 && less.as_u64() > Some(0), "{less}");
}

#[test]
fn two_events_at_once_wait_for_one_another() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = scan(&bed, folder);
    let lb = of(&report, EDGE).clone();
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("monitor")));
    let drift = envelope(&record("drift", &lb, "monitor")).to_string();
    let outcomes: Vec<(Option<i32>, Value)> = std::thread::scope(|scope| {
        let one = || {
            let said = feed(bed.doorward(folder).args(["event", "--publish", "--format", "json"]), &drift);
            (said.code, serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err)))
        };
        let all: Vec<_> = (0..3).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(outcomes.iter().all(|(code, _)| *code == Some(3)), "{outcomes:?}");
    let count = |path: &str| -> u64 {
        let at = |(_, reported): &(_, Value)| reported["events"][0].pointer(path).unwrap().as_u64().unwrap();
        outcomes.iter().map(at).sum()
    };
    assert_eq!(count("/recorded/opened"), 1, "one of them found it");
    let reported = outcomes[0].1["events"][0]["findings"].as_array().unwrap().iter();
    let reported = reported.filter(|f| f["verdict"] != "not-applicable").count();
    assert_eq!(count("/published/receipt/written"), reported as u64, "each finding was sent once");
}

#[test]
fn a_change_of_doorwards_own_is_named_as_such() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let said = run(bed.doorward(folder).args(["-q", "plan", "--account", "100000000040"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("change-plan.json")).unwrap()).unwrap();
    let hash = plan["digest"].as_str().unwrap();
    let apply = ["-q", "apply", "change-plan.json", "--yes", "--hash", hash, "--by", "mia", "--format", "json"];
    let said = run(bed.doorward(folder).args(apply));
    let applied: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let report = scan(&bed, folder);
    let changed =
        applied["load_balancers"].as_array().unwrap().iter().find(|one| one["change"]["status"] == "changed").unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let lb = all.iter().find(|lb| lb["changes"].as_array().is_some_and(|done| !done.is_empty())).unwrap();
    let done = &lb["changes"][0];
    let mut own = record("own", lb, done["to"].as_str().unwrap());
    own["requestID"] = done["request_id"].clone();
    let (said, reported) = event(&bed, folder, &own, &[]);
    assert!(matches!(said.code, Some(0 | 3)), "{}", said.err);
    assert_eq!(reported["events"][0]["edited"]["change"], changed["change"]["change"], "{reported}");
    let said = feed(bed.doorward(folder).arg("event"), &own.to_string());
    assert!(said.out.contains("Doorward's own change change-"), "{}", said.out);
    // The same call by another request is a stranger's.
    let (_, reported) = event(&bed, folder, &record("other", lb, done["to"].as_str().unwrap()), &[]);
    assert!(reported["events"][0]["edited"]["change"].is_null(), "{reported}");
}
