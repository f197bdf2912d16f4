//! Trends, key figures and differences, computed by hand.

use std::collections::BTreeSet;

use doorward_ledger::{Durations, FigureGroup, LedgerError, RecordedMode};
use doorward_model::{ChangeKind, CostCentres, Gap, GapReason, Kind, Mode, Observed, Severity};
use jiff::SignedDuration;

use crate::scene::{Desk, RULE, id, report, time};

#[test]
fn summaries_count_with_denominators() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f@red b:p@red c:p:defensive d:u; 2 failed");
    desk.scan(10, "1 full a:f@red b:p@red c:p:defensive d:u; 2 failed");
    desk.scan(20, "1 failed; 2 full x:e@blue");
    let all = desk.ledger.history(None, None, &FigureGroup::All).expect("reads");
    assert_eq!(all.len(), 3);
    let first = &all[0];
    assert_eq!((first.load_balancers, first.mode_unknown, first.modes[&Mode::Strictest]), (4, 1, 1));
    assert_eq!((first.strictest.count, first.strictest.of, first.strictest_or_defensive.count), (1, 4, 2));
    assert_eq!((first.unowned.count, first.unowned.of), (2, 4));
    assert_eq!((first.open[&Severity::High], first.excepted, first.unknown, first.unseen), (1, 0, 1, 0));
    assert_eq!(
        (first.coverage.all, first.coverage.complete, first.coverage.partial, first.coverage.failed),
        (2, 0, 1, 1)
    );
    assert_eq!((&all[1].modes, all[1].open_total), (&first.modes, 1), "an unchanged run tells the same");
    assert_eq!((all[2].load_balancers, all[2].open_total, all[2].excepted, all[2].unseen), (1, 0, 1, 1));
    assert_eq!(first.strictest.basis_points(), Some(2500));

    let by = |by: &FigureGroup| {
        let reported = desk.ledger.history(Some(time(10)), Some(time(30)), by).expect("reads");
        reported
            .into_iter()
            .map(|s| (s.run.id, s.group.unwrap_or_default(), s.load_balancers, s.unseen))
            .collect::<Vec<_>>()
    };
    let line = |run: &str, group: &str, n, unseen| (run.to_owned(), group.to_owned(), n, unseen);
    assert_eq!(
        by(&FigureGroup::Owner),
        [
            line("run-10", "red", 2, 0),
            line("run-10", "unowned", 2, 0),
            line("run-20", "blue", 1, 0),
            line("run-20", "red", 0, 1),
            line("run-20", "unowned", 0, 0)
        ]
    );
    assert_eq!(by(&FigureGroup::Ou), [line("run-10", "/Workloads", 4, 0), line("run-20", "/Workloads", 1, 1)]);
    assert_eq!(
        by(&FigureGroup::Tag("cost-centre".to_owned())),
        [
            line("run-10", "(untagged)", 2, 0),
            line("run-10", "cc-red", 2, 0),
            line("run-20", "(untagged)", 0, 0),
            line("run-20", "cc-blue", 1, 0),
            line("run-20", "cc-red", 0, 1)
        ]
    );
    let unknown = desk.ledger.history(None, None, &FigureGroup::Tag("team".to_owned())).expect_err("never counted by");
    assert!(matches!(unknown, LedgerError::UngroupedTag { .. }), "{unknown}");
}

#[test]
fn time_to_remediate_matches_a_hand_computed_sequence() {
    let mut desk = Desk::new();
    // a: 0-30; b: 0-100 of which 20-60 excepted, seen again failing at 110; c: open since 10; d: deleted.
    for (at, scene) in [
        (0, "1 full a:f@red b:f@blue d:f"),
        (10, "1 full a:f@red b:f@blue c:f@red d:f"),
        (20, "1 full a:f@red b:e@blue c:f@red"),
        (30, "1 full a:p@red b:e@blue c:f@red"),
        (45, "1 failed"),
        (60, "1 full a:p@red b:f@blue c:f@red"),
        (100, "1 full a:p@red b:p@blue c:f@red"),
        (110, "1 full a:p@red b:f@blue c:f@red"),
    ] {
        desk.scan(at, scene);
    }
    let span = |seconds| Some(SignedDuration::from_secs(seconds));
    let all = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
    assert_eq!(
        (all.time_to_remediate.count, all.time_to_remediate.mean, all.time_to_remediate.median),
        (2, span(65), span(65))
    );
    assert_eq!((all.under_exception.count, all.under_exception.mean), (1, span(40)));
    assert_eq!((all.without_exception.count, all.without_exception.mean), (2, span(45)));
    assert_eq!((all.gone, all.open, all.excepted), (1, 2, 0));
    assert_eq!((all.came_back.count, all.came_back.of), (1, 2));
    assert_eq!((all.oldest_open, all.oldest_open_finding), (Some(time(10)), Some(id(1, "c"))));

    let early = desk.ledger.kpis(None, Some(time(100)), &FigureGroup::All).expect("reads").remove(0);
    assert_eq!((early.time_to_remediate.count, early.time_to_remediate.mean), (1, span(30)));
    let owners = desk.ledger.kpis(None, None, &FigureGroup::Owner).expect("reads");
    let reported: Vec<_> =
        owners.iter().map(|k| (k.group.as_deref(), k.time_to_remediate.mean, k.open, k.gone)).collect();
    assert_eq!(
        reported,
        [(Some("blue"), span(100), 1, 0), (Some("red"), span(30), 1, 0), (Some("unowned"), None, 0, 1)]
    );
}

#[test]
fn the_time_in_monitor_matches_a_hand_computed_sequence() {
    let mut desk = Desk::new();
    // a: 0-30; b: 10-100 (unread at 60, its account-Region not at 45); c: in monitor since 20; d: deleted in monitor; e: never in it;
    // a again: since 110.
    for (at, scene) in [
        (0, "1 full a:f:monitor@red b:p:defensive@blue d:f:monitor e:p:strictest"),
        (10, "1 full a:f:monitor@red b:f:monitor@blue d:f:monitor e:p:strictest"),
        (20, "1 full a:f:monitor@red b:f:monitor@blue c:f:monitor@red e:p:strictest"),
        (30, "1 full a:p:defensive@red b:f:monitor@blue c:f:monitor@red e:p:strictest"),
        (45, "1 failed"),
        (60, "1 full a:p:defensive@red b:u:unread@blue c:f:monitor@red e:p:strictest"),
        (100, "1 full a:p:defensive@red b:p:strictest@blue c:f:monitor@red e:p:strictest"),
        (110, "1 full a:f:monitor@red b:p:strictest@blue c:f:monitor@red e:p:defensive"),
    ] {
        desk.scan(at, scene);
    }
    let span = |seconds| Some(SignedDuration::from_secs(seconds));
    let all = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
    let Durations { count, mean, percentile_90, .. } = all.time_in_monitor;
    assert_eq!((count, mean, percentile_90), (2, span(60), span(90)));
    assert_eq!((all.in_monitor, all.in_monitor_since), (Some(2), Some(time(20))));
    assert_eq!(all.in_monitor_unseen, Some(0));
    let early = desk.ledger.kpis(None, Some(time(100)), &FigureGroup::All).expect("reads").remove(0);
    assert_eq!((early.time_in_monitor.count, early.time_in_monitor.mean), (1, span(30)));
    let owners = desk.ledger.kpis(None, None, &FigureGroup::Owner).expect("reads");
    let reported: Vec<_> =
        owners.iter().map(|k| (k.group.as_deref(), k.time_in_monitor.mean, k.in_monitor, k.in_monitor_since)).collect();
    assert!(reported.contains(&(Some("red"), span(30), Some(2), Some(time(20)))), "{reported:?}");
    assert!(reported.contains(&(Some("blue"), span(90), Some(0), None)), "{reported:?}");
    // What later scans do not see is still in monitor as it was last seen, and is named as unseen.
    for (at, scene) in
        [(120, "1 failed"), (130, "1 full a:u:unread@red b:p:strictest@blue c:f:monitor@red e:p:defensive")]
    {
        desk.scan(at, scene);
        let all = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        assert_eq!((all.in_monitor, all.in_monitor_unseen), (Some(2), Some(if at == 120 { 2 } else { 1 })));
    }
}

/// A classic ARN has no id: a load balancer that gets the name of a deleted one changed no mode, and was in none before.
#[test]
fn a_classic_load_balancer_of_a_deleted_name_begins_anew() {
    let figures = |again: &str| {
        let mut desk = Desk::new();
        for (at, scene) in [(0, "1 full a:f:monitor b:p"), (100, "1 full b:p"), (130, again)] {
            let mut report = report(&format!("run-{at}"), at, scene);
            report.load_balancers.iter_mut().for_each(|lb| lb.kind = Kind::Classic);
            report.findings.iter_mut().for_each(|finding| finding.kind = Kind::Classic);
            desk.ledger.record(&desk.lease, &report, &[]).expect("records");
        }
        let all = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        (all.time_in_monitor.count, all.in_monitor, all.in_monitor_since)
    };
    assert_eq!(figures("1 full a:p:defensive b:p"), (0, Some(0), None), "nothing left monitor");
    assert_eq!(figures("1 full a:f:monitor b:p"), (0, Some(1), Some(time(130))), "not since its predecessor's time");
    assert_eq!(figures("1 full a:u:unread b:p"), (0, Some(0), None), "its mode was never read");
}

#[test]
fn the_figures_of_one_rule_are_those_of_its_findings() {
    let mut desk = Desk::new();
    for (at, scene) in [(0, "1 full a:f b:f"), (50, "1 full a:p b:f")] {
        desk.scan(at, scene);
    }
    let of = |rule| desk.ledger.kpis_of_rule(Some(rule), None, None, &FigureGroup::All).expect("reads").remove(0);
    let (one, all) = (of(RULE), desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0));
    assert_eq!(one, all, "the scenes have one rule");
    let other = of("another-rule");
    assert_eq!((other.time_to_remediate.count, other.open, other.in_monitor), (0, 0, all.in_monitor));
}

#[test]
fn nothing_recorded_is_no_figure() {
    let desk = Desk::new();
    assert!(desk.ledger.history(None, None, &FigureGroup::All).expect("reads").is_empty());
    let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
    assert_eq!((kpi.time_to_remediate.mean, kpi.came_back.of, kpi.came_back.basis_points()), (None, 0, None));
}

#[test]
fn a_diff_puts_every_finding_under_what_happened_to_it() {
    let mut desk = Desk::new();
    let before = |regressed| {
        format!(
            "1 full fixed:f regressed:{regressed} turned:p excepted:f ended:e vanished:f lost:f same:f fine:p; 2 full dark:f; 3 full retired:e"
        )
    };
    desk.scan(0, &before('f'));
    desk.scan(3, &before('p'));
    desk.scan(5, &before('p'));
    desk.scan(
        10,
        "1 full fixed:n regressed:f turned:f excepted:e ended:f lost:u same:f fine:p new:f; 2 failed; 3 closed",
    );
    let diff = desk.ledger.diff("run-3", "run-10").expect("reads");
    let names = |lines: &[doorward_ledger::DiffLine]| {
        let name = |line: &doorward_ledger::DiffLine| {
            line.load_balancer.as_str().split('/').nth(2).unwrap_or_default().to_owned()
        };
        lines.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    // What never failed before is new, whether it was judged before or not.
    assert_eq!(names(&diff.new), "new turned");
    assert_eq!(names(&diff.fixed), "fixed");
    assert_eq!(names(&diff.regressed), "regressed");
    assert_eq!(names(&diff.excepted), "excepted");
    assert_eq!(names(&diff.exception_ended), "ended");
    assert_eq!(names(&diff.vanished), "vanished retired");
    assert_eq!(names(&diff.now_unseen), "lost dark");
    assert_eq!((diff.unchanged, diff.failing_before, diff.failing_after), (1, 8, 8));
    let same = desk.ledger.diff("run-3", "run-5").expect("reads");
    assert_eq!((same.unchanged, same.failing_before, same.failing_after), (8, 8, 8));
    let back = desk.ledger.diff("run-10", "run-3").expect("reads");
    assert_eq!(
        (names(&back.fixed), names(&back.exception_ended)),
        ("regressed turned".to_owned(), "excepted".to_owned())
    );
    assert!(matches!(desk.ledger.diff("run-0", "nope"), Err(LedgerError::UnknownRun { .. })));
}

#[test]
fn a_difference_names_severity_owner_and_both_modes() {
    let mut desk = Desk::new();
    desk.scan(
        0,
        "1 full fixed:f@red raised:f:monitor@red denied:f@blue gone:f; 2 full far:f:defensive; 3 full waived:f",
    );
    desk.scan(
        10,
        "1 full fixed:p:strictest@red raised:f:defensive@green denied:u:unread@blue new:f:absent; 2 failed; \
         3 full waived:e",
    );
    let diff = desk.ledger.diff("run-0", "run-10").expect("reads");
    let lines = ChangeKind::ALL.into_iter().flat_map(|kind| diff.list(kind));
    let said: Vec<String> = lines
        .map(|line| {
            let severity = line.severity.map_or("none", Severity::as_str);
            let name = line.load_balancer.load_balancer_name();
            format!("{name} {severity} {} {} -> {}", line.owner, line.mode_before, line.mode_after)
        })
        .collect();
    assert_eq!(
        said,
        [
            "new high unowned none -> absent",
            // The second scan could not read the mode of one, and did not look at the other at all.
            "denied high blue monitor -> unknown",
            "far high unowned defensive -> unknown",
            "waived high unowned monitor -> monitor",
            "fixed high red monitor -> strictest",
            "gone high unowned monitor -> none",
        ]
    );
    // Backwards, and across a scan that read the mode again: what the scan between could not read stays unknown.
    desk.scan(20, "1 full fixed:p:strictest@red raised:p:strictest@green denied:p:strictest@blue; 2 full; 3 full");
    let back = desk.ledger.diff("run-20", "run-10").expect("reads");
    let denied = back.list(ChangeKind::Regressed).iter().find(|line| line.load_balancer.as_str().contains("/denied/"));
    assert!(denied.is_none_or(|line| line.mode_after == RecordedMode::Unknown), "{back:?}");
    let raised = desk.ledger.diff("run-10", "run-20").expect("reads");
    let modes = |name: &str| {
        let mut lines = ChangeKind::ALL.into_iter().flat_map(|kind| raised.list(kind));
        let line = lines.find(|line| line.load_balancer.load_balancer_name() == name).expect(name);
        (line.mode_before, line.mode_after)
    };
    assert_eq!(modes("raised"), (RecordedMode::Read(Mode::Defensive), RecordedMode::Read(Mode::Strictest)));
    assert_eq!(modes("denied"), (RecordedMode::Unknown, RecordedMode::Read(Mode::Strictest)));
    let names = desk.ledger.known_names().expect("reads");
    assert_eq!(names.accounts.len(), 3);
    assert_eq!(names.owners, ["blue", "green", "red", "unowned"]);
    assert_eq!((names.ous, names.rules), (vec!["/Workloads".to_owned()], vec![RULE.to_owned()]));
    assert_eq!(names.runs, ["run-20", "run-10", "run-0"]);
}

/// Tags of accounts that were not read may name the cost centre: key figures name it as costs and owner pages do.
#[test]
fn a_cost_centre_that_was_not_read_is_unread_in_key_figures_too() {
    let mut desk = Desk::new();
    for (at, reason) in [(0, GapReason::NotAsked), (10, GapReason::AccessDenied)] {
        let mut scan = report(&format!("run-{at}"), at, "1 full a:f b:f@red c:f");
        for account in &mut scan.accounts {
            account.tags = Observed::unread(Gap::new(reason, "organizations:ListTagsForResource"));
        }
        let keys = ["Cost-Centre".to_owned()];
        desk.ledger.record(&desk.lease, &scan, &keys).expect("records");
        let centres = CostCentres::new(&scan.accounts, &keys);
        let expected: BTreeSet<String> = scan.load_balancers.iter().map(|lb| centres.of(lb)).collect();
        assert_eq!(expected.len(), 2, "{expected:?}");
        let by = FigureGroup::Tag("Cost-Centre".to_owned());
        let newest = desk.ledger.history(Some(time(at)), None, &by).expect("reads");
        let groups: BTreeSet<String> = newest.into_iter().filter_map(|run| run.group).collect();
        assert_eq!(groups, expected, "{reason:?}");
    }
    // What could not be read does not move a load balancer to another group.
    let kpis = desk.ledger.kpis(None, None, &FigureGroup::Tag("Cost-Centre".to_owned())).expect("reads");
    let groups: Vec<_> = kpis.iter().filter_map(|kpi| Some((kpi.group.as_deref()?, kpi.open))).collect();
    assert_eq!(groups, [("(unread: not-asked)", 2), ("cc-red", 1)]);
}
