//! Laws over random histories.

use doorward_ledger::{FigureGroup, FindingStatus};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::scene::{Desk, time};

/// Status, and names and verdicts of load balancers.
type Account = (&'static str, Vec<(u8, char)>);

/// Renders accounts as a scene.
fn scene(accounts: &[Account]) -> String {
    let account = |(n, (status, things)): (usize, &Account)| {
        let mut seen = std::collections::BTreeMap::new();
        seen.extend(things.iter().copied());
        let things: String = seen.iter().map(|(name, verdict)| format!(" lb{name}:{verdict}")).collect();
        format!("{} {status}{}", n + 1, if matches!(*status, "full" | "partial") { things } else { String::new() })
    };
    accounts.iter().enumerate().map(account).collect::<Vec<_>>().join("; ")
}

fn things(verdicts: &'static [char]) -> impl Strategy<Value = Vec<(u8, char)>> {
    proptest::collection::vec((0..6_u8, proptest::sample::select(verdicts)), 0..6)
}

pub(crate) fn whole() -> impl Strategy<Value = String> {
    proptest::collection::vec((Just("full"), things(&['f', 'e', 'p', 'u', 'n'])), 1..4).prop_map(|a| scene(&a))
}

/// A scan that saw nothing that could end anything: accounts left out, denied, cut short, verdicts unreachable.
fn broken() -> impl Strategy<Value = String> {
    let account = prop_oneof![
        Just(("failed", Vec::new())),
        Just(("skipped", Vec::new())),
        things(&['u']).prop_map(|things| ("partial", things)),
        things(&['-']).prop_map(|things| ("partial", things)),
    ];
    proptest::collection::vec(account, 0..4).prop_map(|a| scene(&a))
}

pub(crate) fn any_scan() -> impl Strategy<Value = String> {
    let account = (
        proptest::sample::select(vec!["full", "full", "partial", "failed", "skipped", "closed"]),
        things(&['f', 'e', 'p', 'u', 'n', '-']),
    );
    proptest::collection::vec(account, 0..4).prop_map(|a| scene(&a))
}

/// `PROPTEST_CASES` sets the number of cases.
pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_narrower_denied_or_partial_scan_resolves_nothing(first in whole(), later in proptest::collection::vec(broken(), 1..4)) {
        let mut desk = Desk::new();
        desk.scan(0, &first);
        let names = |desk: &Desk| {
            let open = desk.ledger.open_findings().expect("reads");
            open.into_iter().map(|f| (f.id, f.state, f.first_seen, f.last_seen)).collect::<Vec<_>>()
        };
        let before = names(&desk);
        for (n, scan) in (1..).zip(&later) {
            let (_, recorded) = desk.scan(n * 10, scan);
            prop_assert_eq!((recorded.fixed, recorded.gone, recorded.retired), (0, 0, 0));
            prop_assert_eq!(names(&desk), before.clone(), "{} after {}", scan, first);
        }
        let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        prop_assert_eq!((kpi.time_to_remediate.count, kpi.gone, kpi.retired), (0, 0, 0));
    }

    #[test]
    fn diffs_and_summaries_add_up(scans in proptest::collection::vec(any_scan(), 2..6)) {
        let mut desk = Desk::new();
        for (n, scan) in (0..).zip(&scans) {
            desk.scan(n * 10, scan);
            let summary = desk.ledger.history(None, None, &FigureGroup::All).expect("reads").pop().expect("recorded");
            let owners = desk.ledger.history(Some(time(n * 10)), None, &FigureGroup::Owner).expect("reads");
            prop_assert_eq!(owners.iter().map(|s| s.load_balancers).sum::<usize>(), summary.load_balancers);
            prop_assert_eq!(owners.iter().map(|s| s.open_total).sum::<usize>(), summary.open_total);
            prop_assert_eq!(owners.iter().map(|s| s.unseen).sum::<usize>(), summary.unseen);
            let failing = desk.ledger.open_findings().expect("reads");
            prop_assert_eq!(failing.len(), summary.open_total + summary.excepted + summary.unseen, "{:?}", scans);
        }
        let last = scans.len() - 1;
        for n in 0..last {
            let diff = desk.ledger.diff(&format!("run-{}", n * 10), &format!("run-{}", last * 10)).expect("reads");
            let newly_excepted =
                diff.excepted.iter().filter(|l| !l.before.is_some_and(FindingStatus::is_failing)).count();
            prop_assert_eq!(
                diff.failing_after + diff.fixed.len() + diff.vanished.len(),
                diff.failing_before + diff.new.len() + diff.regressed.len() + newly_excepted,
                "{:?}", diff
            );
            prop_assert_eq!(diff.failing_after, desk.ledger.open_findings().expect("reads").len());
        }
        desk.ledger.integrity().expect("sound");
    }

    #[test]
    fn recording_again_changes_nothing(scans in proptest::collection::vec(any_scan(), 1..4)) {
        let mut desk = Desk::new();
        let mut reports = Vec::new();
        for (n, scan) in (0..).zip(&scans) {
            reports.push(desk.scan(n * 10, scan).0);
        }
        let reported = |desk: &Desk| {
            (desk.failing(), desk.ledger.history(None, None, &FigureGroup::Owner).expect("reads"), desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads"))
        };
        let before = reported(&desk);
        for (n, scan) in (0..).zip(&scans) {
            let (report, recorded) = desk.scan(n * 10, scan);
            prop_assert!(recorded.already);
            if n + 1 == i64::try_from(scans.len()).expect("few") {
                prop_assert_eq!(&report, &reports[reports.len() - 1]);
            }
        }
        prop_assert_eq!(reported(&desk), before);
    }

    #[test]
    fn time_to_remediate_is_exact(looks in proptest::collection::vec((1..5000_i64, proptest::sample::select(vec!['f', 'e', 'p', 'u', 'd', 'x', 'n'])), 1..20)) {
        let mut desk = Desk::new();
        let mut now = 0;
        // The oracle: since when it fails; since when it is excepted and how long it was before; what ended.
        let (mut opened, mut excepted_since, mut excepted): (Option<i64>, Option<i64>, i64) = (None, None, 0);
        let mut ended: Vec<(i64, i64)> = Vec::new();
        let mut gone = 0;
        for (gap, look) in looks {
            now += gap;
            desk.scan(now, &match look {
                'd' => "1 failed".to_owned(),
                'x' => "1 full".to_owned(),
                verdict => format!("1 full a:{verdict}"),
            });
            if matches!(look, 'u' | 'd') {
                continue;
            }
            if look != 'e' {
                excepted += excepted_since.take().map_or(0, |since| now - since);
            }
            match look {
                'f' => opened = opened.or(Some(now)),
                'e' => {
                    opened = opened.or(Some(now));
                    excepted_since = excepted_since.or(Some(now));
                }
                _ => {
                    if let Some(since) = opened.take() {
                        if look == 'x' { gone += 1 } else { ended.push((now - since, excepted)) }
                    }
                    excepted = 0;
                }
            }
        }
        let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        let mean = |spans: Vec<i64>| {
            let sum: i64 = spans.iter().map(|s| s * 1_000_000_000).sum();
            let count = i64::try_from(spans.len()).expect("few");
            (count > 0).then(|| SignedDuration::from_nanos(sum / count))
        };
        prop_assert_eq!(kpi.time_to_remediate.count, ended.len());
        prop_assert_eq!(kpi.gone, gone);
        prop_assert_eq!(kpi.time_to_remediate.mean, mean(ended.iter().map(|e| e.0).collect()));
        prop_assert_eq!(kpi.without_exception.mean, mean(ended.iter().map(|e| e.0 - e.1).collect()));
        prop_assert_eq!(kpi.under_exception.mean, mean(ended.iter().map(|e| e.1).filter(|e| *e > 0).collect()));
        prop_assert_eq!(kpi.open + kpi.excepted, usize::from(opened.is_some()));
        prop_assert_eq!(kpi.excepted, usize::from(excepted_since.is_some()));
    }
}
