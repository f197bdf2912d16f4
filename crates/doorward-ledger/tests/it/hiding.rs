//! A scan that sees less: what it did not see stays as it was last seen, in every figure.

use std::collections::BTreeMap;

use doorward_ledger::{DiffLine, FigureGroup, Kpi, RecordedMode, RunSummary};
use doorward_model::{Bounds, Mode, Severity, WhyUnseen};
use proptest::prelude::*;

use crate::laws::config;
use crate::scene::{Desk, id, time};

fn newest(desk: &Desk) -> RunSummary {
    desk.ledger.history(None, None, &FigureGroup::All).expect("reads").pop().expect("recorded")
}

/// What each way of not seeing leaves of a failing load balancer `a` and a passing one `b` that an earlier scan saw.
#[test]
fn what_was_not_observed_is_neither_fixed_nor_fewer() {
    for (later, why, load_balancers) in [
        ("1 failed", WhyUnseen::LoadBalancerNotSeen, 2),
        ("1 skipped", WhyUnseen::LoadBalancerNotSeen, 2),
        ("1 partial", WhyUnseen::LoadBalancerNotSeen, 2),
        ("1 suspended", WhyUnseen::LoadBalancerNotSeen, 2),
        ("", WhyUnseen::LoadBalancerNotSeen, 2),
        ("2 full", WhyUnseen::LoadBalancerNotSeen, 2),
        ("1 partial b:p@red", WhyUnseen::LoadBalancerNotSeen, 1),
        ("1 full a:u@red b:p@red", WhyUnseen::Unreadable, 0),
        ("1 full a:s@red b:s@red", WhyUnseen::NotAsked, 0),
        ("1 full a:-@red b:-@red", WhyUnseen::NotAsked, 0),
    ] {
        let mut desk = Desk::new();
        desk.scan(0, "1 full a:f@red b:p@red");
        let (report, recorded) = desk.scan(10, later);
        assert_eq!((recorded.fixed, recorded.gone, recorded.retired), (0, 0, 0), "{later:?}");
        let unseen = report.unseen.as_ref().expect("a ledger was asked");
        let reported: Vec<_> = unseen.findings.iter().map(|f| (f.id.clone(), f.because, f.last_seen)).collect();
        assert_eq!(reported, [(id(1, "a"), why, time(0))], "{later:?}");
        assert_eq!((unseen.findings[0].owner.as_str(), unseen.findings[0].severity), ("red", Some(Severity::High)));
        assert_eq!(unseen.load_balancers.len(), load_balancers, "{later:?}");
        assert!(unseen.load_balancers.iter().all(|lb| lb.last_seen == time(0) && lb.owner == "red"), "{later:?}");
        let run = newest(&desk);
        assert_eq!((run.open_total, run.open_known, run.unseen), (0, Some(1), 1), "{later:?}");
        assert!(!run.saw_all(), "{later:?}");
        let owners = desk.ledger.history(Some(time(10)), None, &FigureGroup::Owner).expect("reads");
        let red = owners.iter().find(|run| run.group.as_deref() == Some("red")).expect("red is still there");
        assert_eq!(red.open_known, Some(1), "{later:?}");
        let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        assert_eq!((kpi.time_to_remediate.count, kpi.open, kpi.open_unseen), (0, 1, 1), "{later:?}");
        let diff = desk.ledger.diff("run-0", "run-10").expect("reads");
        assert_eq!((diff.fixed.len(), diff.vanished.len(), diff.now_unseen.len()), (0, 0, 1), "{later:?}");
        // Once more: it is unchanged, and still not seen.
        desk.scan(20, later);
        let diff = desk.ledger.diff("run-10", "run-20").expect("reads");
        assert_eq!((diff.fixed.len(), diff.unchanged, diff.unchanged_unseen), (0, 1, 1), "{later:?}");
        // Seen again and passing: only now it is fixed, and counted from the first failure.
        let (report, recorded) = desk.scan(30, "1 full a:p@red b:p@red; 2 full");
        assert_eq!(recorded.fixed, 1, "{later:?}");
        assert!(report.unseen.is_some_and(|unseen| unseen.is_empty()), "{later:?}");
        assert!(newest(&desk).saw_all(), "{later:?}");
    }
}

#[test]
fn a_denied_account_is_not_progress() {
    let mut desk = Desk::new();
    let shop: String = (0..15).map(|n| format!(" s{n:02}:f@shop")).collect();
    desk.scan(0, &format!("1 full{shop}; 2 full a:f b:e c:p:strictest d:p:defensive"));
    desk.scan(10, "1 failed; 2 full a:f b:e c:p:strictest d:p:defensive; 3 failed; 4 skipped");
    let runs = desk.ledger.history(None, None, &FigureGroup::All).expect("reads");
    let open: Vec<_> = runs.iter().map(|run| (run.open_total, run.open_known, run.excepted_known)).collect();
    assert_eq!(open, [(16, Some(16), Some(1)), (1, Some(16), Some(1))]);
    let last = &runs[1];
    assert_eq!(last.not_seen.as_ref().map(|unseen| (unseen.open_total, unseen.excepted)), Some((15, 0)));
    assert_eq!((last.strictest_or_defensive.count, last.strictest_or_defensive.of), (2, 4));
    assert_eq!(last.strictest_or_defensive_known, Some(Bounds { least: 2, most: 17, of: 19 }));
    assert_eq!(last.load_balancers_seen.map(|share| (share.count, share.of)), Some((4, 19)));
    assert_eq!((last.account_regions_unseen, last.never_read), (Some(1), Some(2)), "3 and 4 were never read");
    assert_eq!((last.mode_known(Mode::Monitor), last.mode_known(Mode::Strictest)), (17, 1));
}

#[test]
fn a_first_scan_without_access_is_unknown_and_not_zero() {
    let mut desk = Desk::new();
    desk.scan(0, "1 failed; 2 skipped");
    let run = newest(&desk);
    assert_eq!((run.open_total, run.open_known, run.excepted_known, run.never_read), (0, None, None, Some(2)));
    assert_eq!(run.strictest_known.and_then(Bounds::basis_points), None);
    desk.scan(10, "1 full; 2 full");
    assert_eq!((newest(&desk).open_known, newest(&desk).never_read), (Some(0), Some(0)), "nothing is there: zero");
    // A scan that reads nothing takes nothing away: zero is what is known, and the next scan is compared with it.
    desk.scan(20, "1 failed; 2 failed");
    let run = newest(&desk);
    assert_eq!((run.open_known, run.excepted_known, run.account_regions_unseen), (Some(0), Some(0), Some(2)));
    assert!(!run.saw_all());
}

#[test]
fn an_interrupted_scan_carries_what_it_did_not_reach() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f b:p; 2 full c:f d:f");
    let mut report = crate::scene::report("run-10", 10, "1 full a:f; 2 failed");
    report.run.interrupted = true;
    let unseen = desk.ledger.remember(&report).expect("reads").unseen.expect("a ledger was asked");
    let names = |names: Vec<&str>| names.join(" ");
    assert_eq!(names(unseen.findings.iter().map(|f| f.name.as_str()).collect()), "c d");
    assert_eq!(names(unseen.load_balancers.iter().map(|lb| lb.name.as_str()).collect()), "c d", "b is gone");
    assert_eq!((unseen.open(), unseen.mode_population(), unseen.account_regions), (2, 2, 1));
}

#[test]
fn the_ledger_of_an_earlier_version_says_that_it_did_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let old = rusqlite::Connection::open(&path).expect("opens");
    old.execute_batch(include_str!("../fixtures/v1.sql")).expect("loads");
    drop(old);
    let mut ledger = crate::scene::open(&path);
    let runs = ledger.history(None, None, &FigureGroup::All).expect("reads");
    let reported: Vec<_> = runs.iter().map(|run| (run.open_known, run.not_seen.clone(), run.never_read)).collect();
    assert_eq!(reported, [(Some(2), None, None), (Some(2), None, None)], "one open and one not seen");
    let lease = ledger.acquire_lease("new", time(1000), doorward_ledger::LEASE_TTL).expect("free");
    let report = crate::scene::report("run-20", 20, "1 failed; 2 failed");
    let (_, history) = ledger.record(&lease, &report, &[]).expect("records");
    let unseen = history.unseen.expect("a ledger was asked");
    let modes: Vec<_> = unseen.load_balancers.iter().map(|lb| (lb.name.as_str(), lb.mode)).collect();
    use doorward_model::LastMode::{Monitor, Strictest};
    let expected = [("a", Some(Strictest)), ("b", Some(Monitor)), ("c", Some(Monitor)), ("d", Some(Monitor))];
    assert_eq!(modes, expected, "by the mode that it kept");
    let run = ledger.history(None, None, &FigureGroup::All).expect("reads").pop().expect("recorded");
    assert_eq!((run.open_known, run.excepted_known), (Some(2), Some(1)));
}

/// How an account-Region is kept from a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hidden {
    /// It is not.
    No,
    /// Denied, interrupted, or its role is missing.
    Failed,
    /// Narrowed away or excluded.
    Skipped,
    /// Its list was cut short before the first load balancer.
    Cut,
    /// Its account is not even listed.
    Missing,
    /// Its load balancers are seen, and the rule is not asked.
    NotAsked,
    /// Its load balancers are seen, and the rule is switched off.
    Disabled,
}

/// A load balancer of the truth: verdict and owner.
type Thing = (char, &'static str);
/// The truth of one account: its load balancers by name.
type Account = BTreeMap<u8, Thing>;

const ACCOUNTS: usize = 3;

fn truth() -> impl Strategy<Value = Vec<Account>> {
    let thing = (
        proptest::sample::select(vec!['f', 'f', 'e', 'p', 'n', 'u']),
        proptest::sample::select(vec!["red", "blue", ""]),
    );
    proptest::collection::vec(proptest::collection::btree_map(0..5_u8, thing, 0..5), ACCOUNTS)
}

fn hidden() -> impl Strategy<Value = Vec<Hidden>> {
    use Hidden::{Cut, Disabled, Failed, Missing, No, NotAsked, Skipped};
    let ways = vec![No, No, No, Failed, Skipped, Cut, Missing, NotAsked, Disabled];
    proptest::collection::vec(proptest::sample::select(ways), ACCOUNTS)
}

fn things(account: &Account, verdict: impl Fn(u8, char) -> char) -> String {
    let mode = |truth: char| match truth {
        'p' => "strictest",
        'u' => "unread",
        _ => "monitor",
    };
    account
        .iter()
        .map(|(name, (truth, owner))| {
            let owner = if owner.is_empty() { String::new() } else { format!("@{owner}") };
            format!(" lb{name}:{}:{}{owner}", verdict(*name, *truth), mode(*truth))
        })
        .collect()
}

/// Plays a history in which account-Regions are hidden, and beside it one in which everything is seen of a world where
/// what is hidden stands still as it was last seen.
fn play(history: &[(Vec<Account>, Vec<Hidden>)]) -> (Desk, Desk) {
    let (mut desk, mut still) = (Desk::new(), Desk::new());
    // What was last seen of each account, once anything was, and the last verdict on each load balancer that is there.
    let mut last: Vec<Option<Account>> = vec![None; ACCOUNTS];
    let mut verdicts: Vec<BTreeMap<u8, char>> = vec![BTreeMap::new(); ACCOUNTS];
    for (n, (truth, hidden)) in (0..).zip(history) {
        let (mut scene, mut frozen) = (Vec::new(), Vec::new());
        let accounts = truth.iter().zip(hidden).zip(last.iter_mut().zip(&mut verdicts)).zip(1..);
        for (((account, hidden), (last, verdicts)), number) in accounts {
            let listed = matches!(hidden, Hidden::No | Hidden::NotAsked | Hidden::Disabled);
            if listed {
                *last = Some(account.clone());
                verdicts.retain(|name, _| account.contains_key(name));
            }
            if *hidden == Hidden::No {
                // An unreadable verdict is no verdict: the one before stands.
                let read = account.iter().filter(|(_, thing)| thing.0 != 'u');
                verdicts.extend(read.map(|(name, thing)| (*name, thing.0)));
            }
            match hidden {
                Hidden::No => scene.push(format!("{number} full{}", things(account, |_, truth| truth))),
                Hidden::Failed => scene.push(format!("{number} failed")),
                Hidden::Skipped => scene.push(format!("{number} skipped")),
                Hidden::Cut => scene.push(format!("{number} partial")),
                Hidden::Missing => {}
                Hidden::NotAsked => scene.push(format!("{number} full{}", things(account, |_, _| 's'))),
                Hidden::Disabled => scene.push(format!("{number} full{}", things(account, |_, _| '-'))),
            }
            if let Some(last) = last {
                let as_seen = |name: u8, _| verdicts.get(&name).copied().unwrap_or('u');
                frozen.push(format!("{number} full{}", things(last, as_seen)));
            }
        }
        desk.scan(n * 10, &scene.join("; "));
        still.scan(n * 10, &frozen.join("; "));
    }
    (desk, still)
}

/// The figures that people compare between scans and groups, as far as is known.
fn known(run: &RunSummary) -> String {
    let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let modes = [Mode::Monitor, Mode::Defensive, Mode::Strictest].map(|mode| run.mode_known(mode));
    let unseen = run.not_seen.as_ref().expect("kept");
    format!(
        "open {:?} {:?}, excepted {:?}, modes {modes:?}, unread {}, not applicable {}, unowned {}, of {:?}",
        run.open_known.unwrap_or(0),
        severities.map(|severity| run.open_known_of(severity)),
        run.excepted_known.unwrap_or(0),
        run.mode_unknown + unseen.mode_unknown,
        run.mode_not_applicable,
        run.unowned.count + unseen.unowned,
        run.strictest_known.map(|bounds| bounds.of),
    )
}

/// Groups in which nothing is known are left out: nothing is lost with them.
fn trend(desk: &Desk, by: &FigureGroup) -> Vec<(String, Option<String>, String)> {
    // Nothing was ever counted by a tag that no load balancer was seen with.
    let Ok(runs) = desk.ledger.history(None, None, by) else { return Vec::new() };
    let nothing = |run: &RunSummary| run.group.is_some() && run.strictest_known.is_some_and(|known| known.of == 0);
    runs.iter().filter(|run| !nothing(run)).map(|run| (run.run.id.clone(), run.group.clone(), known(run))).collect()
}

fn figures(desk: &Desk, by: &FigureGroup) -> Vec<Kpi> {
    let mut kpis = desk.ledger.kpis(None, None, by).unwrap_or_default();
    kpis.iter_mut().for_each(|kpi| {
        (kpi.open_unseen, kpi.excepted_unseen, kpi.overdue_unseen, kpi.in_monitor_unseen) = (0, 0, 0, Some(0));
    });
    kpis
}

proptest! {
    #![proptest_config(config())]

    /// What "improves" means, figure by figure. Counts of open and excepted findings, of load balancers in monitor and without
    /// an owner, and every key figure: they are those of a world that stands still where nobody looks, so no scan moves them by
    /// seeing less. Shares: the range around them holds the share of that world, and its upper end is no lower, its lower end no
    /// higher. Differences: nothing is fixed, vanished, excepted or new that is not so in that world.
    #[test]
    fn hiding_improves_no_figure(history in proptest::collection::vec((truth(), hidden()), 1..6)) {
        let (desk, still) = play(&history);
        for by in [FigureGroup::All, FigureGroup::Owner, FigureGroup::Ou, FigureGroup::Tag("cost-centre".to_owned())] {
            prop_assert_eq!(trend(&desk, &by), trend(&still, &by), "{:?} {:?}", by, history);
            prop_assert_eq!(figures(&desk, &by), figures(&still, &by), "{:?} {:?}", by, history);
        }
        let (runs, whole) = (desk.ledger.history(None, None, &FigureGroup::All), still.ledger.history(None, None, &FigureGroup::All));
        let (runs, whole) = (runs.expect("reads"), whole.expect("reads"));
        let mut has_read = false;
        for (run, whole) in runs.iter().zip(&whole) {
            for (part, all) in [
                (run.strictest_known, whole.strictest_known),
                (run.strictest_or_defensive_known, whole.strictest_or_defensive_known),
            ] {
                let (part, all) = (part.expect("kept"), all.expect("kept"));
                prop_assert!(part.least <= all.least && part.most >= all.most && part.of == all.of, "{:?}", history);
            }
            let (seen, all) = (run.load_balancers_seen.expect("kept"), whole.load_balancers_seen.expect("kept"));
            prop_assert!(seen.count <= all.count && seen.of == all.of, "{:?}", history);
            // Nothing at all is known: not a zero. A list that was cut short before its first load balancer shows nothing either. And a
            // figure is unknown in no other case.
            has_read |= run.coverage.complete > 0;
            let is_nothing_known = !has_read && seen.of == 0;
            prop_assert_eq!(run.open_known.is_none(), is_nothing_known, "{:?}", history);
            prop_assert_eq!(run.excepted_known.is_none(), is_nothing_known, "{:?}", history);
        }
        let last = history.len() - 1;
        for n in 0..last {
            let (from, to) = (format!("run-{}", n * 10), format!("run-{}", (n + 1) * 10));
            let (ours, theirs) = (desk.ledger.diff(&from, &to), still.ledger.diff(&from, &to));
            let (ours, theirs) = (ours.expect("reads"), theirs.expect("reads"));
            for (ours, theirs) in [(&ours.fixed, &theirs.fixed), (&ours.vanished, &theirs.vanished)] {
                let ids = |lines: &[DiffLine]| lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>();
                prop_assert_eq!(ids(ours), ids(theirs), "{:?}", history);
                for (our, their) in ours.iter().zip(theirs) {
                    // A mode that a scan did not read is unknown, and never another one.
                    for (our, their) in [(our.mode_before, their.mode_before), (our.mode_after, their.mode_after)] {
                        prop_assert!(our == their || our == RecordedMode::Unknown, "{:?}", history);
                    }
                    prop_assert_eq!((our.severity, &our.owner), (their.severity, &their.owner), "{:?}", history);
                }
            }
            prop_assert_eq!((ours.failing_before, ours.failing_after), (theirs.failing_before, theirs.failing_after));
            prop_assert_eq!(ours.new.len() + ours.regressed.len(), theirs.new.len() + theirs.regressed.len());
        }
        desk.ledger.integrity().expect("sound");
    }

    /// What was seen and what was not are apart, and together they are what is known. A step down is never larger than what was
    /// seen to end.
    #[test]
    fn a_trend_falls_only_by_what_was_seen_to_end(history in proptest::collection::vec((truth(), hidden()), 2..6)) {
        let (desk, _) = play(&history);
        let runs = desk.ledger.history(None, None, &FigureGroup::All).expect("reads");
        for run in &runs {
            let unseen = run.not_seen.as_ref().expect("kept");
            prop_assert_eq!(run.open_known.unwrap_or(0), run.open_total + unseen.open_total);
            prop_assert_eq!(run.unseen, unseen.open_total + unseen.excepted);
        }
        for pair in runs.windows(2) {
            let [before, after] = pair else { continue };
            let failing = |run: &RunSummary| run.open_known.unwrap_or(0) + run.excepted_known.unwrap_or(0);
            let diff = desk.ledger.diff(&before.run.id, &after.run.id).expect("reads");
            let ended = diff.fixed.len() + diff.vanished.len();
            prop_assert!(failing(after) + ended >= failing(before), "{:?}", history);
        }
    }
}
