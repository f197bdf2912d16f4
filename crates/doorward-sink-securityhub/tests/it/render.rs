//! Renderings against golden files, and against what the published schemas require.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    ChangeStatus, Gap, GapReason, History, Kind, Mode, Observed, ScanReport, Severity, Verdict, VerdictReason,
};
use doorward_sink_securityhub::{
    Approval, Delivery, ExceptedAs, FindingRenderer, ReportIndex, Shape, asff_json, ocsf_ndjson,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::bed::{ACCOUNTS, METAS, MODE, REGIONS, Scene, Truth, applied, finding, place, start};

/// One finding of every kind that is rendered, on application and classic load balancers.
pub(crate) fn gallery() -> ScanReport {
    let here = place(ACCOUNTS[0], REGIONS[0]);
    let mut scene = Scene::default();
    let mut names: Vec<(&str, Verdict)> = Vec::new();
    let because = "The mode is monitor; the policy requires defensive (the default). It is internet-facing.".to_owned();
    let gap = Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeLoadBalancerAttributes");
    names.push((
        "a-pass",
        Verdict::Pass {
            reason: VerdictReason::ModeSufficient,
            because: "The mode is defensive, as required.".to_owned(),
        },
    ));
    names.push((
        "b-fail",
        Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because: because.clone(),
            severity: Severity::High,
            remedy: "Set the mode to defensive.".to_owned(),
        },
    ));
    names.push((
        "c-excepted",
        Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because,
            severity: Severity::High,
            exception: "ACME-12".to_owned(),
            expires: "2026-12-15".to_owned(),
        },
    ));
    names.push(("d-unread", Verdict::unread(VerdictReason::ModeUnread, "The mode", &Arc::new(gap))));
    names.push((
        "e-silent",
        Verdict::Unknown {
            reason: VerdictReason::ModeUnread,
            because: "AWS did not say which mode it is in.".to_owned(),
            gaps: Vec::new(),
        },
    ));
    names.push((
        "f-not-applicable",
        Verdict::NotApplicable {
            reason: VerdictReason::NotApplicableKind,
            because: "It does not parse HTTP.".to_owned(),
        },
    ));
    for (name, _) in &names {
        let kind = if *name == "b-fail" { Kind::Classic } else { Kind::Application };
        scene.put(&here, name, Truth { kind, ..Truth::with(Mode::Monitor) });
    }
    let mut report = scene.report(start());
    report.findings.clear();
    for lb in &mut report.load_balancers {
        if lb.name == "d-unread" {
            lb.tags = Observed::unread(Gap::new(GapReason::Throttled, "elasticloadbalancing:DescribeTags"));
        }
        let verdict = names.iter().find(|(name, _)| *name == lb.name).map(|(_, verdict)| verdict.clone());
        let mut finding = finding(lb, MODE, verdict.expect("a verdict"));
        if lb.name == "b-fail" {
            let first_seen = start() - SignedDuration::from_hours(24 * 40);
            finding.history =
                Some(Box::new(History { first_seen, last_seen: start(), resolved: None, reopened: 1, failing: None }));
        }
        report.findings.push(finding);
    }
    report
}

fn renderer(excepted: ExceptedAs) -> FindingRenderer {
    let approval = Approval { approver: "Kim Stone".to_owned(), reason: "The partner sends odd requests.".to_owned() };
    FindingRenderer::new(Delivery::Member, excepted, &METAS, BTreeMap::from([("ACME-12".to_owned(), approval)]))
}

fn asff(report: &ScanReport, excepted: ExceptedAs) -> Vec<Value> {
    let mut out = Vec::new();
    let index = ReportIndex::new(report);
    let count = asff_json(&renderer(excepted), &index, &mut out).expect("written");
    let all: Vec<Value> = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(all.len(), count);
    all
}

pub(crate) fn ocsf(report: &ScanReport, shape: Shape) -> Vec<Value> {
    let mut out = Vec::new();
    let index = ReportIndex::new(report);
    let count = ocsf_ndjson(&renderer(ExceptedAs::Failed), &index, shape, &mut out).expect("written");
    let text = String::from_utf8(out).expect("UTF-8");
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(all.len(), count);
    all
}

#[test]
fn findings_look_like_this() {
    let findings = asff(&gallery(), ExceptedAs::Failed);
    crate::odd::offer("gallery", &findings);
    insta::assert_json_snapshot!("asff", findings);
    insta::assert_json_snapshot!("ocsf-security-hub", ocsf(&gallery(), Shape::SecurityHub));
    insta::assert_json_snapshot!("ocsf-security-lake", ocsf(&gallery(), Shape::SecurityLake));
}

#[test]
fn verdicts_become_statuses() {
    let reported = |excepted| -> Vec<(String, String)> {
        asff(&gallery(), excepted)
            .iter()
            .map(|f| {
                let text = |pointer: &str| f.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                (text("/Compliance/Status"), text("/FindingProviderFields/Severity/Label"))
            })
            .collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let mut wanted = [
        pair("PASSED", "INFORMATIONAL"),
        pair("FAILED", "HIGH"),
        pair("FAILED", "INFORMATIONAL"),
        pair("NOT_AVAILABLE", "MEDIUM"),
        pair("WARNING", "MEDIUM"),
    ];
    assert_eq!(reported(ExceptedAs::Failed), wanted);
    wanted[2] = pair("WARNING", "INFORMATIONAL");
    assert_eq!(reported(ExceptedAs::Warning), wanted);
}

#[test]
fn what_was_done_is_reported_until_something_else_is_done() {
    let done = |status| {
        let mut report = gallery();
        let lb = report.load_balancers.iter_mut().find(|lb| lb.name == "b-fail").expect("it is there");
        lb.changes = vec![applied(ChangeStatus::Refused, "c-1"), applied(status, "c-2")];
        report
    };
    let contents = |report: &ScanReport| -> Vec<String> {
        renderer(ExceptedAs::Failed).render_all(&ReportIndex::new(report)).map(|rendered| rendered.content).collect()
    };
    let report = done(ChangeStatus::Changed);
    let mut later = report.clone();
    later.run.id = "another".to_owned();
    later.run.finished += SignedDuration::from_hours(24);
    assert_eq!(contents(&report), contents(&later), "nothing was done: nothing new to tell");
    let (before, rolled_back) = (contents(&gallery()), contents(&done(ChangeStatus::Restored)));
    let reported = contents(&report);
    let differ = |other: &[String]| reported.iter().zip(other).filter(|(a, b)| a != b).count();
    assert_eq!((differ(&before), differ(&rolled_back)), (1, 1), "of one load balancer alone");

    let mut wanted = vec![
        ("doorward/change", "c-2"),
        ("doorward/change-approved-by", "c-2"),
        ("doorward/change-at", "2026-11-02T08:00:00.000Z"),
        ("doorward/change-detail", "c-2"),
        ("doorward/change-modes", "monitor to defensive"),
        ("doorward/change-request-id", "c-2"),
        ("doorward/change-status", "changed"),
        ("doorward/change-why", "c-2"),
    ];
    let fields = |all: &[Value], member: &str| -> Vec<(String, String)> {
        let maps = all.iter().filter_map(|finding| finding[member].as_object());
        let fields = maps.flatten().filter(|(name, _)| name.starts_with("doorward/change"));
        fields.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
    };
    let owned = |wanted: &[(&str, &str)]| -> Vec<_> {
        wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(fields(&asff(&report, ExceptedAs::Failed), "ProductFields"), owned(&wanted));
    assert_eq!(fields(&ocsf(&report, Shape::SecurityHub), "unmapped"), owned(&wanted));
    wanted[6].1 = "rolled back";
    let report = done(ChangeStatus::Restored);
    assert_eq!(fields(&asff(&report, ExceptedAs::Failed), "ProductFields"), owned(&wanted));
}

#[test]
fn partitions_are_spelled_as_asff_spells_them() {
    for (aws, asff_word) in [
        ("aws", Some("aws")),
        ("aws-cn", Some("aws-cn")),
        ("aws-us-gov", Some("aws-us-gov")),
        ("aws-iso", Some("aws-us-iso")),
        ("aws-iso-b", Some("aws-us-iso-b")),
        ("aws-eusc", None),
    ] {
        let mut report = gallery();
        for lb in &mut report.load_balancers {
            let arn = lb.arn.as_str().replacen("arn:aws:", &format!("arn:{aws}:"), 1);
            lb.arn = doorward_model::Arn::new(&arn).expect("an ARN");
        }
        for finding in &mut report.findings {
            let arn = finding.load_balancer.as_str().replacen("arn:aws:", &format!("arn:{aws}:"), 1);
            finding.load_balancer = doorward_model::Arn::new(&arn).expect("an ARN");
        }
        let all = asff(&report, ExceptedAs::Failed);
        assert!(all.iter().all(|f| f["Resources"][0].get("Partition").and_then(Value::as_str) == asff_word), "{aws}");
        let product = format!("arn:{aws}:securityhub:eu-west-1:111111111111:product/111111111111/default");
        assert!(all.iter().all(|f| f["ProductArn"] == product.as_str()));
    }
}
