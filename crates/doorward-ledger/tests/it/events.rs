//! Looks that an event asked for: they say what they saw of one load balancer, and nothing of anything else.

use doorward_ledger::{FigureGroup, FindingStatus, LedgerError};
use doorward_model::{Edit, Mode};
use proptest::prelude::*;

use crate::laws::{any_scan, config, whole};
use crate::scene::{Desk, arn, id, time};

fn edit(event: &str, at: i64, left: Mode) -> Edit {
    Edit {
        event: event.to_owned(),
        call: "ModifyLoadBalancerAttributes".to_owned(),
        at: time(at),
        by: format!("arn:aws:iam::000000000001:user/{event}"),
        issuer: None,
        service: None,
        source: Some("203.0.113.9".to_owned()),
        agent: None,
        request_id: None,
        change: None,
        left,
    }
}

/// Who left which load balancer in its mode.
fn authors(desk: &Desk) -> Vec<String> {
    let name = |arn: &doorward_model::Arn| arn.as_str().split('/').nth(2).unwrap_or_default().to_owned();
    desk.ledger.edits().expect("reads").iter().map(|(arn, edit)| format!("{}:{}", name(arn), edit.event)).collect()
}

#[test]
fn a_failure_opens_and_ends_by_what_events_see() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:p b:f; 2 full c:f");
    let (report, recorded) = desk.event(10, (1, "a:f"), None);
    assert_eq!((recorded.opened, recorded.mode_changes, recorded.fixed), (1, 1, 0));
    assert_eq!(report.findings[0].history.as_ref().map(|h| h.first_seen), Some(time(10)));
    assert_eq!(desk.failing(), "a=Open b=Open c=Open");
    let (_, recorded) = desk.event(20, (1, "a:p"), None);
    assert_eq!((recorded.fixed, recorded.mode_changes), (1, 1));
    let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
    assert_eq!(kpi.time_to_remediate.mean.map(|mean| mean.as_secs()), Some(10));
    // The runs that bracket a change of mode are the looks that saw it.
    let modes = desk.ledger.mode_history(arn("000000000001", "a").as_str()).expect("reads");
    let runs: Vec<_> =
        modes.iter().map(|m| (m.before.as_ref().map(|r| r.run.as_str()), m.after.run.as_str())).collect();
    assert_eq!(runs, [(None, "run-0"), (Some("run-0"), "event-10"), (Some("event-10"), "event-20")]);
    assert_eq!(desk.ledger.runs().expect("reads").len(), 1, "an event is no scan");
    assert!(matches!(desk.ledger.diff("run-0", "event-20"), Err(LedgerError::UnknownRun { .. })));
    desk.ledger.integrity().expect("sound");
}

#[test]
fn an_event_before_the_first_scan_is_remembered_and_is_no_trend() {
    let mut desk = Desk::new();
    let (report, recorded) = desk.event(5, (1, "a:f"), None);
    assert_eq!((recorded.opened, report.findings[0].history.is_some()), (1, true));
    assert_eq!(desk.failing(), "a=Open");
    assert!(desk.ledger.history(None, None, &FigureGroup::All).expect("reads").is_empty());
    let (report, recorded) = desk.scan(10, "1 full a:f");
    assert_eq!(recorded.opened, 0);
    let history = report.findings[0].history.as_deref().cloned().expect("known");
    assert_eq!((history.first_seen, history.last_seen), (time(5), time(10)));
    assert!(desk.ledger.mode_changes(time(0)).expect("reads").is_empty(), "what was there first is no change");
}

#[test]
fn the_later_observation_counts_whichever_comes_first() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:p b:p");
    desk.event(20, (1, "a:f"), None);
    // A scan that ended before the event looked and is recorded after it.
    let (report, _) = desk.scan(10, "1 full a:p b:f");
    assert_eq!(desk.failing(), "a=Open b=Open");
    assert_eq!(report.findings[0].history.as_ref().map(|h| h.last_seen), Some(time(20)));
    // Nor does it say that the load balancer is gone.
    let (_, recorded) = desk.scan(15, "1 full b:f");
    assert_eq!((recorded.gone, desk.failing().as_str()), (0, "a=Open b=Open"));
    // And an event that looked before the newest scan says nothing.
    desk.scan(30, "1 full a:p b:f");
    let (_, recorded) = desk.event(25, (1, "a:f"), None);
    assert_eq!((recorded.late, recorded.opened, desk.failing().as_str()), (1, 0, "b=Open"));
    // A full listing later does.
    desk.event(40, (1, "a:f"), None);
    let (_, recorded) = desk.scan(50, "1 full b:f");
    assert_eq!((recorded.gone, desk.failing().as_str()), (1, "b=Open"));
    desk.ledger.integrity().expect("sound");
}

#[test]
fn what_is_newer_than_a_scan_is_reported() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:p b:p");
    desk.event(10, (1, "a:f"), None);
    desk.event(12, (1, "b:f:defensive"), None);
    let looks = |at| {
        desk.ledger
            .looks_since(time(at), time(1000))
            .expect("reads")
            .into_iter()
            .map(|raw| raw.name)
            .collect::<Vec<_>>()
    };
    assert_eq!((looks(0), looks(10), looks(12)), (vec!["a".to_owned(), "b".to_owned()], vec!["b".to_owned()], vec![]));
}

#[test]
fn a_look_is_no_scan_and_a_scan_no_look() {
    let mut desk = Desk::new();
    let mut scan = crate::scene::report("run-0", 0, "1 full a:f");
    let raw = crate::scene::inventory("run-0", 0, "1 full a:f").cells.remove(0).load_balancers.remove(0);
    let reported = desk.ledger.record_look(&desk.lease, &scan, &raw, &[]);
    assert!(matches!(reported, Err(LedgerError::RunKind { .. })), "{reported:?}");
    scan.run.only = Some(raw.arn.clone());
    let reported = desk.ledger.record(&desk.lease, &scan, &[]);
    assert!(matches!(reported, Err(LedgerError::RunKind { .. })), "{reported:?}");
    assert_eq!(desk.failing(), "");
}

#[test]
fn what_an_event_could_not_judge_stays_as_it_was() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f b:f");
    let (report, recorded) = desk.event(10, (1, "a:u"), None);
    assert_eq!((recorded.fixed, recorded.lost_sight), (0, 1));
    assert_eq!(desk.failing(), "a=Open? b=Open");
    assert_eq!(report.findings[0].history.as_ref().map(|h| h.last_seen), Some(time(0)));
    desk.event(20, (1, "a:f"), None);
    assert_eq!(desk.failing(), "a=Open b=Open");
}

#[test]
fn who_set_a_mode_is_known_as_long_as_the_mode_holds() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:p b:p");
    desk.event(10, (1, "a:f"), Some(edit("first", 9, Mode::Monitor)));
    desk.event(11, (1, "a:f"), Some(edit("first", 9, Mode::Monitor)));
    assert_eq!(authors(&desk), ["a:first"], "the same event twice is one edit");
    assert!(desk.ledger.knows_event("first").expect("reads") && !desk.ledger.knows_event("other").expect("reads"));
    desk.scan(20, "1 full a:f b:p");
    desk.scan(25, "1 partial a:u; 2 full");
    assert_eq!(authors(&desk), ["a:first"], "nobody saw another mode");
    desk.event(30, (1, "a:f"), Some(edit("second", 29, Mode::Monitor)));
    assert_eq!(authors(&desk), ["a:second"], "the newest counts");
    desk.event(31, (1, "a:f"), Some(edit("late", 1, Mode::Monitor)));
    assert_eq!(authors(&desk), ["a:second"], "one that was made earlier and is told later does not");
    desk.scan(40, "1 full a:p b:p");
    assert!(authors(&desk).is_empty(), "somebody set it since");
    desk.scan(50, "1 full a:f b:p");
    assert!(authors(&desk).is_empty(), "who set it this time, nobody said");
    desk.event(60, (1, "a:f"), Some(edit("third", 59, Mode::Monitor)));
    desk.scan(70, "1 full b:p");
    desk.scan(80, "1 full a:f b:p");
    assert!(authors(&desk).is_empty(), "another load balancer of the same name");
}

/// Everything the ledger says of findings of load balancers other than one.
fn others(desk: &Desk, one: &str) -> String {
    let open = desk.ledger.open_findings().expect("reads");
    let open: Vec<_> = open.into_iter().filter(|finding| finding.id != one).collect();
    let mut changes = Vec::new();
    for account in 1..4_u64 {
        for name in 0..6_u8 {
            let id = id(account, &format!("lb{name}"));
            if id != one {
                changes.push(desk.ledger.transitions(&id).expect("reads"));
            }
        }
    }
    format!("{open:?} {changes:?}")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_event_says_nothing_of_anything_else(
        before in proptest::collection::vec(any_scan(), 1..4),
        after in whole(),
        account in 1..4_u64,
        name in 0..6_u8,
        verdict in proptest::sample::select(vec!['f', 'e', 'p', 'u', 'n', '-']),
    ) {
        let (mut desk, mut twin) = (Desk::new(), Desk::new());
        for (n, scan) in (0..).zip(&before) {
            desk.scan(n * 10, scan);
            twin.scan(n * 10, scan);
        }
        let last = i64::try_from(before.len()).expect("few") * 10 - 10;
        let name = format!("lb{name}");
        let one = id(account, &name);
        let (was, trend) = (others(&desk, &one), |desk: &Desk, by: &FigureGroup| desk.ledger.history(None, None, by).expect("reads"));
        let standing = |desk: &Desk| desk.ledger.transitions(&one).expect("reads").last().map(|t| (t.to, t.unseen));
        let stood = standing(&desk);
        let (_, recorded) = desk.event(last + 5, (account, &format!("{name}:{verdict}")), None);
        prop_assert_eq!((recorded.gone, recorded.retired, recorded.late), (0, 0, 0));
        prop_assert_eq!(others(&desk, &one), was);
        for by in [FigureGroup::All, FigureGroup::Owner, FigureGroup::Ou] {
            prop_assert_eq!(trend(&desk, &by), trend(&twin, &by));
        }
        prop_assert_eq!(desk.ledger.runs().expect("reads"), twin.ledger.runs().expect("reads"));
        // What it saw is what is known, and what it did not see stays.
        let seen = match verdict {
            'f' => Some(FindingStatus::Open),
            'e' => Some(FindingStatus::Excepted),
            'p' => Some(FindingStatus::Passing),
            'n' => Some(FindingStatus::NotApplicable),
            _ => None,
        };
        match seen {
            Some(state) => prop_assert_eq!(standing(&desk), Some((state, false))),
            None => prop_assert_eq!(
                standing(&desk).map(|(state, _)| state).filter(|s| s.is_failing()),
                stood.map(|(state, _)| state).filter(|s| s.is_failing())
            ),
        }
        // The next scan counts as if there had been no event.
        let next = format!("{after}; 9 full z:p");
        desk.scan(last + 10, &next);
        twin.scan(last + 10, &next);
        let (counted, expected) = (trend(&desk, &FigureGroup::All), trend(&twin, &FigureGroup::All));
        let without_unseen = |mut all: Vec<doorward_ledger::RunSummary>| {
            for run in &mut all {
                run.unseen = 0;
                (run.not_seen, run.load_balancers_seen) = (None, None);
                (run.open_known, run.excepted_known) = (None, None);
                (run.strictest_known, run.strictest_or_defensive_known) = (None, None);
            }
            all
        };
        prop_assert_eq!(without_unseen(counted), without_unseen(expected));
        desk.ledger.integrity().expect("sound");
    }
}
