//! What is believed after which scans: when findings open, end, come back, and are only not seen.

use doorward_ledger::{FigureGroup, FindingStatus, LedgerError};
use doorward_model::Mode;

use crate::scene::{Desk, arn, id, report, time};

/// Records scenes ten seconds apart and compares what fails after each.
fn check(steps: &[(&str, &str)]) -> Desk {
    let mut desk = Desk::new();
    for (n, (scene, failing)) in (0..).zip(steps) {
        desk.scan(n * 10, scene);
        assert_eq!(desk.failing(), *failing, "after scan {n}: {scene}");
    }
    desk.ledger.integrity().expect("sound");
    desk
}

#[test]
fn seen_to_pass_is_resolved() {
    check(&[("1 full a:f b:f c:p", "a=Open b=Open"), ("1 full a:p b:n c:p", "")]);
}

#[test]
fn what_was_not_observed_stays_open() {
    for unseen in ["1 failed", "1 skipped", "1 partial", "1 partial b:p", "2 full x:p", "1 full a:u", "1 full a:-"] {
        let desk = check(&[("1 full a:f", "a=Open"), (unseen, "a=Open?")]);
        let reported = desk.ledger.open_findings().expect("reads");
        assert_eq!((reported[0].first_seen, reported[0].last_seen), (time(0), time(0)), "{unseen}");
    }
}

#[test]
fn a_suspended_account_retires_nothing_and_a_closed_one_everything() {
    let desk = check(&[("1 full a:f b:p", "a=Open"), ("1 suspended", "a=Open?"), ("1 closed", ""), ("1 closed", "")]);
    let last = desk.ledger.transitions(&id(1, "a")).expect("reads").pop().expect("changed");
    assert_eq!((last.from, last.to, last.run.at), (Some(FindingStatus::Open), FindingStatus::Retired, time(20)));
}

#[test]
fn gone_takes_a_full_listing() {
    let desk = check(&[("1 full a:f b:e", "a=Open b=Excepted"), ("1 partial", "a=Open? b=Excepted?"), ("1 full", "")]);
    let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
    assert_eq!((kpi.gone, kpi.retired, kpi.time_to_remediate.count, kpi.open), (2, 0, 0, 0));
    let reported: Vec<(FindingStatus, bool)> =
        desk.ledger.transitions(&id(1, "a")).expect("reads").iter().map(|t| (t.to, t.unseen)).collect();
    assert_eq!(reported, [(FindingStatus::Open, false), (FindingStatus::Open, true), (FindingStatus::Gone, false)]);
}

#[test]
fn coming_back_is_counted_and_the_first_failure_is_kept() {
    let mut desk = Desk::new();
    let scenes = ["1 full a:f", "1 full a:p", "1 full a:f", "1 full a:f", "1 full a:u", "1 full a:e"];
    let expected =
        [(0, 0, None, 0), (0, 10, Some(10), 0), (0, 20, None, 1), (0, 30, None, 1), (0, 30, None, 1), (0, 50, None, 1)];
    for ((n, scene), (first, last, resolved, reopened)) in (0..).zip(scenes).zip(expected) {
        let (report, _) = desk.scan(n * 10, scene);
        let history = report.findings[0].history.as_deref().cloned().expect("it failed");
        assert_eq!(
            (history.first_seen, history.last_seen, history.resolved, history.reopened),
            (time(first), time(last), resolved.map(time), reopened),
            "scan {n}"
        );
    }
    assert_eq!(desk.ledger.open_findings().expect("reads")[0].opened, time(20));
}

#[test]
fn what_never_failed_has_no_history() {
    let (report, recorded) = Desk::new().scan(0, "1 full a:p b:u c:n d:f");
    let with: Vec<bool> = report.findings.iter().map(|f| f.history.is_some()).collect();
    assert_eq!(with, [false, false, false, true]);
    assert_eq!((recorded.opened, recorded.reopened, recorded.lost_sight), (1, 0, 0));
}

#[test]
fn every_change_is_counted_once() {
    let mut desk = Desk::new();
    let (_, first) = desk.scan(0, "1 full a:f b:f c:f d:e e:p; 2 full x:f; 3 full y:f");
    assert_eq!((first.opened, first.excepted, first.mode_changes), (6, 1, 0));
    let (_, second) = desk.scan(10, "1 full a:p b:e c:u e:f; 2 closed; 3 failed");
    let reported = (second.opened, second.fixed, second.gone, second.retired, second.excepted, second.lost_sight);
    assert_eq!(reported, (1, 1, 1, 1, 1, 1));
    assert_eq!(second.mode_changes, 2, "a and e");
}

#[test]
fn recording_a_run_twice_is_recording_it_once() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f b:p");
    let (first, recorded) = desk.scan(10, "1 full a:p b:f");
    let before = desk.ledger.history(None, None, &FigureGroup::All).expect("reads");
    let (again, repeated) = desk.scan(10, "1 full a:p b:f");
    assert!(!recorded.already && repeated.already);
    assert_eq!(first, again, "the same histories");
    assert_eq!(desk.ledger.history(None, None, &FigureGroup::All).expect("reads"), before);
    assert_eq!(desk.ledger.transitions(&id(1, "a")).expect("reads").len(), 2);
}

#[test]
fn asking_records_nothing() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f; 2 full b:f");
    let mut asked = report("other", 10, "1 full a:f c:f; 2 failed");
    asked.run.interrupted = true;
    let refused = desk.ledger.record(&desk.lease, &asked, &[]).expect_err("interrupted");
    assert!(matches!(refused, LedgerError::Interrupted { .. }), "{refused}");
    let asked = desk.ledger.remember(&asked).map(|history| asked.with_history(history)).expect("reads");
    let first: Vec<_> = asked.findings.iter().map(|f| f.history.as_ref().map(|h| h.first_seen)).collect();
    assert_eq!(first, [Some(time(0)), None]);
    assert_eq!(desk.ledger.runs().expect("reads").len(), 1);
}

#[test]
fn mode_changes_are_bracketed_by_the_runs_that_saw_them() {
    let mut desk = Desk::new();
    let scenes = [
        "1 full a:f:monitor",
        "1 full a:f:monitor",
        "1 full a:u:unread",
        "2 full",
        "1 failed",
        "1 full a:p:strictest",
        "1 partial",
        "1 full a:f:absent",
    ];
    for (n, scene) in (0..).zip(scenes) {
        desk.scan(n * 10, scene);
    }
    let reported: Vec<_> = desk
        .ledger
        .mode_history(arn("000000000001", "a").as_str())
        .expect("reads")
        .into_iter()
        .map(|c| (c.from, c.to, c.before.map(|r| r.run), c.after.run))
        .collect();
    assert_eq!(
        reported,
        [
            (None, Some(Mode::Monitor), None, "run-0".to_owned()),
            (Some(Mode::Monitor), Some(Mode::Strictest), Some("run-10".to_owned()), "run-50".to_owned()),
            (Some(Mode::Strictest), None, Some("run-50".to_owned()), "run-70".to_owned()),
        ]
    );
}

#[test]
fn a_later_observation_is_not_undone_by_one_that_arrives_late() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f; 2 full b:f");
    desk.scan(20, "1 full a:p");
    let (report, recorded) = desk.scan(10, "1 full a:f; 2 full b:p");
    assert_eq!((recorded.late, recorded.fixed), (1, 1));
    assert_eq!(desk.failing(), "");
    assert_eq!(report.findings[0].history.as_ref().and_then(|h| h.resolved), Some(time(20)));
}

#[test]
fn a_finding_with_an_id_of_its_own_is_a_finding_of_its_own() {
    let mut desk = Desk::new();
    let mut report = report("run-0", 0, "1 full a:f");
    let mut second = report.findings[0].clone();
    second.id = "doorward/exception/EX-1".to_owned();
    report.findings.push(second);
    report.findings.push(report.findings[0].clone());
    let (recorded, _) = desk.ledger.record(&desk.lease, &report, &[]).expect("records");
    assert_eq!(recorded.opened, 2, "and the duplicate is not a third");
    assert_eq!(desk.ledger.transitions("doorward/exception/EX-1").expect("reads").len(), 1);
}
