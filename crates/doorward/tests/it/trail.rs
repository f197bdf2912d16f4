//! The trail of a change: what the journal reported a scan is in every output, and what was set back is a finding.

use std::path::Path;

use serde_json::{Value, json};

use crate::bed::{Bed, Said, doorward, run, world};
use crate::formats::{assert_valid, schema};

const RULE: &str = "desync-mode-reverted";

/// Scans the example, and says what it saw.
fn scanned(bed: &Bed, folder: &Path) -> Value {
    let said = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    read(folder, "a.json")
}

fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// A load balancer that is in a mode.
fn one_in(report: &Value, mode: &str) -> String {
    let load_balancers = report["load_balancers"].as_array().unwrap();
    let found = load_balancers.iter().find(|lb| lb["mode"]["known"] == mode && lb["kind"] == "application");
    found.expect("the example has one")["arn"].as_str().unwrap().to_owned()
}

/// The saved scan again, as if the journal had reported it of changes to defensive: ARN and status of each.
fn tell(folder: &Path, name: &str, changes: &[(&str, &str)]) {
    let saved = std::fs::read_to_string(folder.join("a.saved")).unwrap();
    let (scan, remembered) = saved.trim_end().split_once('\n').expect("two lines");
    let mut remembered: Value = serde_json::from_str(remembered).unwrap();
    let done = |status: &str| {
        json!([{
            "change": "c-2026-11", "at": "2020-11-01T10:00:00Z", "from": "monitor", "to": "defensive", "status": status,
            "by": "Kim Stone", "why": "the policy requires it", "detail": "", "request_id": "b29fea4b-0042",
        }])
    };
    remembered["changes"] = changes.iter().map(|(arn, status)| ((*arn).to_owned(), done(status))).collect();
    assert_valid(&schema("saved"), &remembered);
    std::fs::write(folder.join(name), format!("{scan}\n{remembered}\n")).unwrap();
}

/// The rule's verdicts, each with the ARN of its load balancer.
fn verdicts(report: &Value) -> Vec<(String, String)> {
    let asked = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == RULE);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    asked.map(|finding| (text(&finding["load_balancer"]), text(&finding["verdict"]))).collect()
}

#[test]
fn what_was_done_and_set_back_is_in_every_output() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let before = scanned(&bed, folder);
    assert!(verdicts(&before).is_empty(), "nobody asks where nothing was changed");
    let (reverted, holds) = (one_in(&before, "monitor"), one_in(&before, "defensive"));
    tell(folder, "b.saved", &[(&reverted, "changed"), (&holds, "changed")]);

    let formats =
        ["json-v1=b.json", "asff=b.asff", "ocsf=b.ocsf", "owners=owners", "evidence=packs", "html=b.html", "csv=b.csv"];
    let formats = formats.iter().flat_map(|format| ["--format", format]);
    let said = run(doorward(folder).args(["-q", "report", "--from", "b.saved"]).args(formats));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let after = read(folder, "b.json");
    assert_valid(&schema("json-v1"), &after);
    let reported = verdicts(&after);
    assert_eq!(reported.len(), after["load_balancers"].as_array().unwrap().len(), "asked of all where one was changed");
    for (arn, verdict) in &reported {
        let wanted = if *arn == reverted {
            "fail"
        } else if *arn == holds {
            "pass"
        } else {
            "not-applicable"
        };
        assert_eq!(verdict, wanted, "{arn}");
    }
    let changed = after["load_balancers"].as_array().unwrap().iter().filter(|lb| lb["changes"].is_array());
    assert_eq!(changed.count(), 2);

    let findings = read(folder, "b.asff");
    let findings: Vec<&Value> = findings.as_array().unwrap().iter().collect();
    let of_rule: Vec<_> = findings.iter().filter(|f| f["ProductFields"]["doorward/rule"] == RULE).collect();
    assert_eq!(of_rule.len(), 2);
    for finding in
        findings.iter().filter(|f| [&reverted, &holds].iter().any(|arn| f["Resources"][0]["Id"] == arn.as_str()))
    {
        assert_eq!(finding["ProductFields"]["doorward/change-approved-by"], "Kim Stone");
        assert_eq!(finding["ProductFields"]["doorward/change-request-id"], "b29fea4b-0042");
    }
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(text("b.ocsf").contains("doorward/change-status"));
    assert!(text("b.csv").contains(RULE) && text("b.html").contains("c-2026-11"));
    let pack = std::fs::read_dir(folder.join("packs")).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::read_to_string(pack.join("csv/remediation.csv")).unwrap();
    for arn in [&reverted, &holds] {
        let row = log.lines().find(|line| line.contains(arn.as_str())).expect("a row");
        assert!(["c-2026-11", "Kim Stone", "b29fea4b-0042", "changed"].iter().all(|part| row.contains(part)), "{row}");
    }
    let pages = std::fs::read_dir(folder.join("owners")).unwrap().map(|entry| entry.unwrap().path());
    let telling = pages.filter(|page| std::fs::read_to_string(page).unwrap().contains("What Doorward changed"));
    assert!(telling.count() >= 2, "Markdown and HTML");

    // What was done stays done under another policy.
    std::fs::write(folder.join("doorward.toml"), "[policy]\nrequired_mode = \"monitor\"\n").unwrap();
    let said = run(doorward(folder).args([
        "-q",
        "report",
        "--from",
        "b.saved",
        "--judge-again",
        "--format",
        "json-v1=c.json",
    ]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert_eq!(verdicts(&read(folder, "c.json")), reported);
}

#[test]
fn security_hub_keeps_a_reversal_until_a_scan_contradicts_it() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = scanned(&bed, folder);
    let arn = one_in(&report, "monitor");
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap(), parts.next().unwrap());
    let publish = |from: &str| {
        let said: Said = run(bed.doorward(folder).args(["publish", "--from", from]));
        assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
        let held = bed.server.world().security_hub_findings(account, region);
        let of_rule = |finding: &&Value| {
            finding["Id"].as_str().unwrap().contains(RULE) && finding["Resources"][0]["Id"] == arn.as_str()
        };
        let found: Vec<(String, String)> = held
            .iter()
            .filter(of_rule)
            .map(|finding| (finding["RecordState"].to_string(), finding["Compliance"]["Status"].to_string()))
            .collect();
        found
    };
    let state = |record: &str, status: &str| vec![(format!("{record:?}"), format!("{status:?}"))];
    assert!(publish("a.saved").is_empty());
    tell(folder, "b.saved", &[(&arn, "changed")]);
    assert_eq!(publish("b.saved"), state("ACTIVE", "FAILED"));
    // Without the journal nobody asked, and what nobody asked closes nothing.
    assert_eq!(publish("a.saved"), state("ACTIVE", "FAILED"));
    tell(folder, "b.saved", &[(&arn, "restored")]);
    assert_eq!(publish("b.saved"), state("ARCHIVED", "FAILED"));
}
