//! Deadlines over random histories, against an account of them that knows nothing of the ledger.

use doorward_ledger::{FigureGroup, LONGEST_INTERVAL};
use doorward_model::{Deadline, DeadlineState};
use proptest::prelude::*;

use crate::laws::config;
use crate::scene::{Desk, report};

const DAY: i64 = 86_400;

/// The deadline of every failure here.
const ALLOWED: i64 = 20;

/// One scan: seconds since the one before, and what it found of the only load balancer: a verdict as in a scene, `d`enied, `s`kipped
/// (out of its scope), or an account-Region that was read in `P`art without it.
type Look = (i64, char);

fn look() -> impl Strategy<Value = Look> {
    let gap = prop_oneof![1..3 * DAY, Just(DAY), Just(7 * DAY), 7 * DAY..20 * DAY];
    let what = proptest::sample::select(vec!['f', 'f', 'f', 'f', 'f', 'e', 'p', 'u', 'd', 's', 'P']);
    (gap, what)
}

/// What is known of the failure by the letters alone.
#[derive(Default)]
struct Proof {
    observed: i64,
    last: Option<(i64, char)>,
    interrupted: bool,
    /// Observed seconds of episodes that ended by a pass.
    ended: Vec<i64>,
}

impl Proof {
    fn look(&mut self, at: i64, what: char) {
        match what {
            'd' | 'u' | 'P' => self.interrupted = true,
            's' => {}
            verdict => {
                let before = self.last.map(|(_, verdict)| verdict);
                let fails = |verdict: char| matches!(verdict, 'f' | 'e');
                if fails(verdict) && !before.is_some_and(fails) {
                    self.observed = 0;
                } else if let (Some((last, 'f')), true) = (self.last, fails(verdict))
                    && !self.interrupted
                    && at - last <= i64::try_from(LONGEST_INTERVAL.as_secs()).expect("short")
                {
                    self.observed += at - last;
                }
                if !fails(verdict) && before.is_some_and(fails) {
                    self.ended.push(self.observed);
                }
                self.last = Some((at, verdict));
                self.interrupted = false;
            }
        }
    }

    fn is_overdue(&self) -> bool {
        self.observed >= ALLOWED * DAY
    }
}

fn scene(what: char) -> String {
    match what {
        'd' => "1 failed".to_owned(),
        's' => "1 skipped".to_owned(),
        'P' => "1 partial other:p".to_owned(),
        verdict => format!("1 full web:{verdict}"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn only_observed_time_makes_a_failure_overdue(looks in proptest::collection::vec(look(), 1..25)) {
        let mut desk = Desk::new();
        let mut proof = Proof::default();
        let mut at = 0;
        for (gap, what) in &looks {
            at += gap;
            let mut report = report(&format!("run-{at}"), at, &scene(*what));
            for finding in report.findings.iter_mut().filter(|finding| finding.verdict.severity().is_some()) {
                let days = u32::try_from(ALLOWED).expect("small");
                finding.deadline = Some(Box::new(Deadline::new(days, "a setting".to_owned())));
            }
            let (_, history) = desk.ledger.record(&desk.lease, &report, &[]).expect("records");
            let report = report.with_history(history);
            proof.look(at, *what);
            let web = report.findings.iter().find(|finding| finding.name == "web");
            if let Some(finding) = web.filter(|_| *what == 'f') {
                let deadline = finding.deadline.as_ref().expect("a deadline");
                let observed = deadline.observed_seconds.expect("known");
                prop_assert_eq!(i64::try_from(observed).expect("short"), proof.observed, "{:?}", looks);
                let expected = if proof.is_overdue() { DeadlineState::Overdue } else { DeadlineState::InTime };
                prop_assert_eq!(deadline.state, expected);
                let opened = finding.history.as_ref().and_then(|history| history.failing).expect("it fails").opened;
                let whole = report.run.finished.duration_since(opened).as_secs();
                let unobserved = i64::try_from(deadline.unobserved_seconds.expect("known")).expect("short");
                prop_assert!(unobserved <= whole - proof.observed, "unobserved time is part of the rest");
            }
            let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
            let open = matches!(proof.last, Some((_, 'f')));
            prop_assert_eq!((kpi.with_deadline, kpi.overdue), (usize::from(open), usize::from(open && proof.is_overdue())));
            let in_time = proof.ended.iter().filter(|observed| **observed < ALLOWED * DAY).count();
            prop_assert!(kpi.in_time.of + kpi.in_time_unknown <= proof.ended.len() && kpi.in_time.count <= in_time);
        }
    }
}

#[test]
fn a_deadline_passes_to_the_second_and_not_while_nothing_is_read() {
    let deadline = |desk: &mut Desk, at: i64, scene: &str| {
        let mut report = report(&format!("run-{at}"), at, scene);
        report
            .findings
            .iter_mut()
            .for_each(|finding| finding.deadline = Some(Box::new(Deadline::new(2, "a setting".to_owned()))));
        let (_, history) = desk.ledger.record(&desk.lease, &report, &[]).expect("records");
        let finding = report.with_history(history).findings.remove(0);
        *finding.deadline.expect("a deadline")
    };
    let mut desk = Desk::new();
    assert_eq!(deadline(&mut desk, 0, "1 full web:f").state, DeadlineState::InTime);
    assert_eq!(deadline(&mut desk, 2 * DAY - 1, "1 full web:f").state, DeadlineState::InTime);
    let passed = deadline(&mut desk, 2 * DAY, "1 full web:f");
    assert_eq!((passed.state, passed.unobserved_seconds), (DeadlineState::Overdue, Some(0)));

    let mut desk = Desk::new();
    deadline(&mut desk, 0, "1 full web:f");
    desk.scan(DAY, "1 failed");
    let after = deadline(&mut desk, 40 * DAY, "1 full web:f");
    let expected = (DeadlineState::InTime, Some(0), Some(40 * 86_400));
    assert_eq!((after.state, after.observed_seconds, after.unobserved_seconds), expected);
    assert_eq!(deadline(&mut desk, 41 * DAY, "1 full web:f").state, DeadlineState::InTime);
    assert_eq!(deadline(&mut desk, 42 * DAY, "1 full web:f").state, DeadlineState::Overdue);
}

#[test]
fn a_failure_that_was_not_observed_up_to_its_deadline_is_in_no_share() {
    let in_time = |scans: &[(i64, &str)]| {
        let mut desk = Desk::new();
        for (day, scene) in scans {
            let mut report = report(&format!("run-{day}"), day * DAY, scene);
            for finding in report.findings.iter_mut().filter(|finding| finding.verdict.severity().is_some()) {
                finding.deadline = Some(Box::new(Deadline::new(2, "a setting".to_owned())));
            }
            desk.ledger.record(&desk.lease, &report, &[]).expect("records");
        }
        let kpi = desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads").remove(0);
        (kpi.in_time.count, kpi.in_time.of, kpi.in_time_unknown)
    };
    assert_eq!(in_time(&[(0, "1 full web:f"), (1, "1 full web:p")]), (1, 1, 0));
    assert_eq!(
        in_time(&[(0, "1 full web:f"), (1, "1 full web:f"), (2, "1 full web:f"), (3, "1 full web:p")]),
        (0, 1, 0)
    );
    assert_eq!(in_time(&[(0, "1 full web:f"), (1, "1 failed"), (40, "1 full web:p")]), (0, 0, 1));
    // Under an exception for all but a day.
    assert_eq!(in_time(&[(0, "1 full web:f"), (1, "1 full web:e"), (30, "1 full web:p")]), (1, 1, 0));
}
