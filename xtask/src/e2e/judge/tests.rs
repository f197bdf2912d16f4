//! Tests of the comparison: a correct report passes, and every wrong value in it is found.

use serde_json::json;

use super::*;
use crate::e2e::cases::{CASES, Through};

const DENIED: &[&str] = &["access-denied"];
const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:100000000001:loadbalancer/app/web/1";

fn unknown(reason: &str) -> Value {
    json!({"verdict": "unknown", "because": "-", "gaps": [{"reason": reason}]})
}

#[test]
fn seeded_values_and_the_right_gap_agree() {
    for (finding, seeded, expect, known) in [
        (json!({"verdict": "pass"}), "pass", Expect::Seeded, true),
        (unknown("malformed"), "unknown", Expect::Seeded, false),
        (unknown("access-denied"), "fail", Expect::Unknown(DENIED), false),
        (unknown("access-denied"), "fail", Expect::SeededOrUnknown(DENIED), false),
        (json!({"verdict": "fail"}), "fail", Expect::SeededOrUnknown(DENIED), true),
    ] {
        assert_eq!(agrees(&finding, seeded, expect).expect("agrees"), known, "{finding}");
    }
}

#[test]
fn a_wrong_verdict_does_not() {
    for (finding, seeded, expect) in [
        (json!({"verdict": "pass"}), "fail", Expect::Seeded),
        (json!({"verdict": "pass"}), "fail", Expect::SeededOrUnknown(DENIED)),
        (json!({"verdict": "pass"}), "pass", Expect::Unknown(DENIED)),
        (json!({"verdict": "fail"}), "fail", Expect::Unknown(DENIED)),
        (unknown("access-denied"), "pass", Expect::Seeded),
        (unknown("throttled"), "pass", Expect::Unknown(DENIED)),
        (json!({"verdict": "unknown", "gaps": []}), "pass", Expect::Unknown(DENIED)),
        (json!({"verdict": "pass"}), "unknown", Expect::Seeded),
    ] {
        assert!(agrees(&finding, seeded, expect).is_err(), "{finding} {seeded} {expect:?}");
    }
}

/// One account with one application load balancer in monitor mode.
fn seeded() -> SeededOrganization {
    let seeded = json!({
        "regions": ["eu-west-1"],
        "keys": {"id": "key", "secret": "very-secret"},
        "accounts": [{"id": "100000000001", "name": "shop", "active": true}],
        "load_balancers": [{
            "arn": ARN, "account": "100000000001", "account_name": "shop", "region": "eu-west-1", "kind": "application",
            "mode": "monitor", "tags": {"Owner": "web"}, "http": true, "logs": false,
            "drops": false,
        }],
    });
    SeededOrganization::read(&seeded.to_string()).expect("reads")
}

/// What an honest scanner says of it.
fn honest() -> Value {
    let verdict = |rule: &str, verdict: &str| json!({"load_balancer": ARN, "rule": rule, "verdict": verdict});
    json!({
        "format": "json-v1",
        "exit_code": 3,
        "coverage": {
            "accounts_listing": "full",
            "counts": {"all": 1, "complete": 1, "partial": 0, "skipped": 0, "failed": 0},
            "lines": [{"account": "100000000001", "region": "eu-west-1", "status": "complete", "load_balancers": 1}],
        },
        "load_balancers": [{"arn": ARN, "tags": {"known": {"Owner": "web"}}}],
        "findings": [
            verdict("access-logs-disabled", "fail"),
            verdict("desync-mode-below-required", "fail"),
            verdict("desync-mode-headroom", "not-applicable"),
            verdict("invalid-headers-forwarded", "fail"),
            verdict("owner-missing", "pass"),
            verdict("upstream-http1", "not-applicable"),
        ],
    })
}

fn ran(report: Option<&Value>) -> ScanRun {
    ScanRun {
        code: Some(3),
        stderr: String::new(),
        table: "a table".to_owned(),
        report: report.map(Value::to_string),
        saved: Some("{}".to_owned()),
        secret: "very-secret".to_owned(),
    }
}

fn clean() -> &'static Case {
    CASES.iter().find(|case| case.name == "clean").expect("there is a clean case")
}

#[test]
fn an_honest_report_passes() {
    let seen = judge(clean(), &seeded(), &ran(Some(&honest()))).expect("honest");
    assert_eq!(seen, "exit 3, 1 account-Regions, 6 verdicts correct, 0 unknown");
}

#[test]
fn every_lie_is_found() {
    let twice = honest()["findings"][0].clone();
    for (place, value) in [
        ("/format", json!("json-v2")),
        ("/exit_code", json!(0)),
        ("/coverage/accounts_listing", json!({"unread": {}})),
        ("/coverage/counts/all", json!(2)),
        ("/coverage/counts/failed", json!(1)),
        ("/coverage/lines", json!([])),
        ("/coverage/lines/0/status", json!("partial")),
        ("/coverage/lines/0/gaps", json!([{"reason": "throttled"}])),
        ("/coverage/lines/0/load_balancers", json!(0)),
        ("/coverage/lines/0/account", json!("100000000002")),
        ("/load_balancers", json!([])),
        ("/load_balancers/0/arn", json!("arn:of:none")),
        ("/load_balancers/0/tags", json!({"known": {}})),
        ("/findings", json!([])),
        ("/findings/0", twice.clone()),
        ("/findings/1", twice),
        ("/findings/1/verdict", json!("pass")),
        ("/findings/1/verdict", json!("unknown")),
        ("/findings/2/verdict", json!("fail")),
        ("/findings/3/rule", json!("another-rule")),
    ] {
        let mut report = honest();
        let (parent, key) = place.rsplit_once('/').expect("a path");
        let parent = report.pointer_mut(parent).expect("is there");
        match key.parse::<usize>() {
            Ok(index) => parent[index] = value.clone(),
            Err(_) => parent[key] = value.clone(),
        }
        let is_lie = report != honest();
        assert_eq!(judge(clean(), &seeded(), &ran(Some(&report))).is_err(), is_lie, "{place} = {value}");
    }
}

#[test]
fn outputs_are_looked_at_too() {
    let report = honest();
    let good = || ran(Some(&report));
    assert!(judge(clean(), &seeded(), &ScanRun { code: Some(0), ..good() }).is_err(), "another exit code");
    assert!(judge(clean(), &seeded(), &ScanRun { saved: None, ..good() }).is_err(), "nothing saved");
    assert!(judge(clean(), &seeded(), &ScanRun { table: String::new(), ..good() }).is_err(), "no table");
    assert!(
        judge(clean(), &seeded(), &ScanRun { stderr: "key=very-secret".to_owned(), ..good() }).is_err(),
        "a secret"
    );
    assert!(judge(clean(), &seeded(), &ran(None)).is_err(), "no report");
}

#[test]
fn every_fault_is_json_and_every_case_has_its_own_name() {
    let mut names = Vec::new();
    for case in CASES {
        names.push(case.name);
        if let Through::Faults(rules) = case.through {
            let rules: Value = serde_json::from_str(rules).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert!(rules.as_array().is_some_and(|rules| !rules.is_empty()), "{}", case.name);
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
}
