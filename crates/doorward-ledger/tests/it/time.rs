//! The time of what is recorded is that of its observation, whatever the run that brought it was doing meanwhile.

use doorward_ledger::{LEASE_TTL, Lease, Ledger, Recorded};
use doorward_model::{Evidence, ScanHistory, ScanReport};
use jiff::SignedDuration;

use crate::scene::{Desk, arn, inventory, report, time};

const DAY: i64 = 86_400;

/// A run that began and ended at two times, and read its account-Regions at a third and its load balancers at a fourth.
#[derive(Clone, Copy)]
struct Times {
    began: i64,
    place: i64,
    read: i64,
    ended: i64,
}

/// A run whose times lie seconds apart.
fn brisk(at: i64) -> Times {
    Times { began: at, place: at + 1, read: at + 2, ended: at + 3 }
}

fn dated(id: &str, times: Times, scene: &str) -> ScanReport {
    let mut report = report(id, times.ended, scene);
    report.run.started = time(times.began);
    for line in &mut report.coverage.lines {
        line.read_at = line.read_at.map(|_| time(times.place));
    }
    for lb in &mut report.load_balancers {
        let operation = "elasticloadbalancing:DescribeLoadBalancerAttributes".into();
        lb.evidence = Some(Evidence { operation, at: time(times.read), request_id: None });
    }
    for finding in &mut report.findings {
        finding.observed_at = Some(time(times.read));
    }
    report
}

/// Records at a time, as the machine's clock has it.
fn record(ledger: &mut Ledger, lease: &mut Lease, now: i64, report: &ScanReport) -> (Recorded, ScanHistory) {
    ledger.renew_lease(lease, time(now), LEASE_TTL).expect("renewed");
    ledger.record(lease, report, &[]).expect("records")
}

fn run(desk: &mut Desk, id: &str, times: Times, scene: &str) -> (ScanReport, Recorded) {
    let report = dated(id, times, scene);
    let (recorded, history) = record(&mut desk.ledger, &mut desk.lease, times.ended, &report);
    (report.with_history(history), recorded)
}

#[test]
fn first_last_and_resolved_are_the_times_of_readings() {
    // A scan that was stopped and went on: everything was read when it began, and it ended 45 days later.
    let resumed = Times { began: 0, place: 10, read: 20, ended: 45 * DAY };
    let mut desk = Desk::new();
    let (report, _) = run(&mut desk, "resumed", resumed, "1 full a:f b:f");
    let history = report.findings[0].history.as_deref().cloned().expect("it failed");
    assert_eq!((history.first_seen, history.last_seen), (time(20), time(20)));
    let open = desk.ledger.open_findings().expect("reads");
    assert_eq!((open[0].first_seen, open[0].last_seen, open[0].unseen), (time(20), time(20), false));

    let later = Times { began: 50 * DAY, place: 50 * DAY + 10, read: 50 * DAY + 20, ended: 51 * DAY };
    let (report, recorded) = run(&mut desk, "later", later, "1 full a:p");
    assert_eq!((recorded.fixed, recorded.gone, recorded.late, recorded.ahead), (1, 1, 0, 0));
    let history = report.findings[0].history.as_deref().cloned().expect("it failed");
    assert_eq!((history.last_seen, history.resolved), (time(later.read), Some(time(later.read))));

    // What is missing from a list was missing when the list was read; what nobody could see is as old as before.
    let kpi = desk.ledger.kpis(None, None, &doorward_ledger::FigureGroup::All).expect("reads").remove(0);
    assert_eq!(kpi.time_to_remediate.mean, Some(SignedDuration::from_secs(50 * DAY)));
    let gone =
        desk.ledger.kpis(Some(time(later.place)), Some(time(later.place + 1)), &doorward_ledger::FigureGroup::All);
    assert_eq!(gone.expect("reads")[0].gone, 1);
}

#[test]
fn a_mode_changed_between_two_readings_not_between_two_ends() {
    let mut desk = Desk::new();
    let first = Times { began: 0, place: 10, read: 20, ended: DAY };
    run(&mut desk, "first", first, "1 full a:f");
    // Not to be read for a while: the mode before was certainly there no later than the first run began.
    run(&mut desk, "unread", brisk(2 * DAY), "1 full a:u");
    let last = Times { began: 3 * DAY, place: 3 * DAY + 10, read: 3 * DAY + 20, ended: 4 * DAY };
    run(&mut desk, "last", last, "1 full a:p");
    run(&mut desk, "again", brisk(5 * DAY), "1 full a:f");
    let modes = desk.ledger.mode_history(arn("000000000001", "a").as_str()).expect("reads");
    let reported: Vec<_> = modes.iter().map(|m| (m.before.as_ref().map(|run| run.at), m.after.at)).collect();
    let expected = [
        (None, time(first.read)),
        (Some(time(first.began)), time(last.read)),
        (Some(time(last.place)), time(brisk(5 * DAY).read)),
    ];
    assert_eq!(reported, expected);
    let ids: Vec<_> =
        modes.iter().map(|m| (m.before.as_ref().map(|run| run.run.as_str()), m.after.run.as_str())).collect();
    assert_eq!(ids, [(None, "first"), (Some("first"), "last"), (Some("last"), "again")]);
}

#[test]
fn what_the_newest_scan_did_not_see_is_unseen_however_long_it_took() {
    let mut desk = Desk::new();
    run(&mut desk, "first", Times { began: 0, place: 10, read: 20, ended: 3 * DAY }, "1 full a:f; 2 full b:f");
    let slow = Times { began: 4 * DAY, place: 4 * DAY + 1, read: 4 * DAY + 2, ended: 9 * DAY };
    run(&mut desk, "slow", slow, "1 full a:f; 2 failed");
    assert_eq!(desk.failing(), "a=Open b=Open?");
    let history = desk.ledger.history(None, None, &doorward_ledger::FigureGroup::All).expect("reads");
    assert_eq!(history.iter().map(|run| (run.open_total, run.unseen)).collect::<Vec<_>>(), [(2, 0), (1, 1)]);
    let open = desk.ledger.open_findings().expect("reads");
    assert_eq!((open[0].last_seen, open[1].last_seen), (time(slow.place), time(20)));
}

#[test]
fn a_clock_that_was_ahead_freezes_nothing() {
    let ahead = 300 * DAY;
    // (what the clock that was ahead saw, what is seen later by a right one, what fails then)
    for (wrong, right, failing, gone) in [
        ("1 full a:p", "1 full a:f", "a=Open", 0),
        ("1 full a:f", "1 full a:p", "", 0),
        ("1 full a:f", "1 full a:f", "a=Open", 0),
        ("1 full a:f", "1 full", "", 1),
        ("1 full a:e", "1 failed", "a=Excepted?", 0),
    ] {
        let mut desk = Desk::new();
        run(&mut desk, "zero", brisk(0), "1 full a:f");
        run(&mut desk, "ahead", brisk(ahead), wrong);
        let (report, recorded) = run(&mut desk, "right", brisk(2 * DAY), right);
        assert_eq!((desk.failing().as_str(), recorded.gone, recorded.late), (failing, gone, 0), "{wrong} then {right}");
        if !right.contains("failed") {
            assert_eq!((recorded.ahead, recorded.latest_ahead), (1, Some(time(brisk(ahead).place))), "{wrong}");
            for history in report.findings.iter().filter_map(|finding| finding.history.as_ref()) {
                let times = [Some(history.first_seen), Some(history.last_seen), history.resolved];
                assert!(times.into_iter().flatten().all(|at| at <= time(brisk(2 * DAY).ended)), "{history:?}");
            }
            let (_, recorded) = run(&mut desk, "after", brisk(3 * DAY), right);
            assert_eq!((recorded.ahead, recorded.late), (0, 0), "one scan sets it right");
            for open in desk.ledger.open_findings().expect("reads") {
                assert!(
                    [open.first_seen, open.opened, open.last_seen].iter().all(|at| *at <= time(4 * DAY)),
                    "{open:?}"
                );
            }
            let kpi = desk.ledger.kpis(None, None, &doorward_ledger::FigureGroup::All).expect("reads").remove(0);
            assert!(kpi.time_to_remediate.mean.is_none_or(|mean| !mean.is_negative()), "{kpi:?}");
        }
    }
}

/// Parts of a scan that are merged after a newer scan was recorded.
#[test]
fn the_newest_scan_is_the_one_that_ended_last() {
    let mut desk = Desk::new();
    run(&mut desk, "first", brisk(0), "1 full a:f b:f; 2 full c:f");
    run(&mut desk, "newer", brisk(5 * DAY), "1 full a:p b:f; 2 failed");
    let parts = dated("parts", brisk(2 * DAY), "1 full a:f b:f d:f; 2 full c:f e:f");
    let (recorded, _) = record(&mut desk.ledger, &mut desk.lease, 6 * DAY, &parts);
    assert_eq!((recorded.late, recorded.opened, recorded.ahead), (1, 1, 0));
    let ids = |desk: &Desk| desk.ledger.runs().expect("reads").into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(&desk), ["first", "parts", "newer"]);
    assert_eq!(desk.ledger.known_names().expect("reads").runs, ["newer", "parts", "first"]);
    for (name, id) in [("latest", "newer"), ("latest~1", "parts"), ("latest~2", "first")] {
        assert_eq!(desk.ledger.run_named(name).expect("reads").as_deref(), Ok(id));
    }
    let history = desk.ledger.history(None, None, &doorward_ledger::FigureGroup::All).expect("reads");
    let figures: Vec<_> = history.iter().map(|run| (run.run.id.as_str(), run.open_total)).collect();
    assert_eq!(figures, [("first", 3), ("parts", 5), ("newer", 1)]);
    // What the newest scan saw is seen, and what only the older parts saw is not.
    assert_eq!(desk.failing(), "b=Open c=Open? e=Open?");
    let kpi = desk.ledger.kpis(None, None, &doorward_ledger::FigureGroup::All).expect("reads").remove(0);
    assert_eq!((kpi.open, kpi.open_unseen), (3, 2));
    // Where both read, the reading of the parts is not kept: nothing counts as new or vanished between them.
    for (from, to) in [("parts", "newer"), ("newer", "parts")] {
        let diff = desk.ledger.diff(from, to).expect("compares");
        assert!(diff.recorded_late);
        let ended = diff.new.len() + diff.vanished.len() + diff.fixed.len() + diff.regressed.len();
        assert_eq!((ended, diff.failing_before, diff.failing_after), (0, 3, 3), "{from} {to}");
    }
    let unseen = desk.ledger.diff("parts", "newer").expect("compares").now_unseen;
    assert_eq!(unseen.iter().map(|line| line.load_balancer.load_balancer_name()).collect::<Vec<_>>(), ["c", "e"]);
    assert!(!desk.ledger.diff("first", "newer").expect("compares").recorded_late);
    // The next scan is the newest, and one dated in the future is never newer than what follows it.
    run(&mut desk, "wrong", brisk(300 * DAY), "1 full a:p b:f; 2 full c:p e:p");
    run(&mut desk, "last", brisk(7 * DAY), "1 full a:p b:f; 2 full c:p e:f");
    assert_eq!(ids(&desk), ["first", "parts", "newer", "wrong", "last"]);
    assert_eq!(desk.failing(), "b=Open e=Open");
}

/// What an older scan could not read, or read as closed, says nothing about what a newer one saw.
#[test]
fn a_late_scan_ends_and_hides_nothing() {
    for older in ["1 failed; 2 full", "1 closed; 2 full"] {
        let mut desk = Desk::new();
        run(&mut desk, "newer", brisk(5 * DAY), "1 full a:f; 2 full");
        let parts = dated("parts", brisk(2 * DAY), older);
        record(&mut desk.ledger, &mut desk.lease, 6 * DAY, &parts);
        assert_eq!(desk.failing(), "a=Open", "{older}");
    }
}

#[test]
fn a_look_dated_by_a_clock_that_was_ahead_replaces_nothing() {
    let mut desk = Desk::new();
    run(&mut desk, "zero", brisk(0), "1 full a:f");
    desk.event(300 * DAY, (1, "a:p"), None);
    assert_eq!(desk.failing(), "");
    let looks = |desk: &Desk, now| desk.ledger.looks_since(time(0), time(now)).expect("reads").len();
    assert_eq!((looks(&desk, 2 * DAY), looks(&desk, 301 * DAY)), (0, 1));
    let (_, recorded) = run(&mut desk, "right", brisk(2 * DAY), "1 full a:f");
    assert_eq!((desk.failing().as_str(), recorded.late, recorded.ahead), ("a=Open", 0, 1));
    assert_eq!(looks(&desk, 301 * DAY), 0, "nothing of it is left");
}

#[test]
fn a_raw_scan_keeps_when_each_account_region_was_read() {
    let mut desk = Desk::new();
    let scene = "1 full a:f; 2 full; 3 failed; 4 skipped";
    for at in [10, 20] {
        let mut whole = inventory(&format!("run-{at}"), at, scene);
        for (number, cell) in (0..).zip(&mut whole.cells) {
            cell.read_at = cell.read_at.map(|_| time(at) + SignedDuration::from_nanos(number));
        }
        desk.ledger.begin_run(&desk.lease, &crate::checkpoint::header(&whole)).expect("begins");
        let cells = whole.cells.iter();
        let kept = cells.map(|cell| desk.ledger.commit_cell(&desk.lease, &whole.run.id, cell)).all(|kept| kept.is_ok());
        assert!(kept && desk.ledger.unfinished_run().expect("reads").expect("begun").cells == whole.cells);
        desk.ledger.finish_run(&desk.lease, &whole).expect("finishes");
        assert_eq!(desk.ledger.inventory(&whole.run.id).expect("reads"), Some(whole));
        let report = report(&format!("run-{at}"), at, scene);
        desk.ledger.record(&desk.lease, &report, &[]).expect("records");
    }
    let texts: i64 = rusqlite::Connection::open(&desk.path)
        .and_then(|db| db.query_row("SELECT count(*) FROM bodies", [], |row| row.get(0)))
        .expect("counts");
    assert_eq!(texts, 5, "a time alone makes no new text: four account-Regions and the accounts");
}
