//! Figures of a set of load balancers: modes, failures, exposure, and the load balancer that has been in monitor longest.

use doorward_model::{EffectiveMode, MODE_RULE, Mode, Severity, UnseenFinding, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::partition::OwnedLoadBalancer;

/// The points that one failure adds to the exposure. The weights are ours, and every page that uses them lists them: a step weighs about four
/// times the one below, so that no pile of small things outweighs a grave one by accident.
pub(crate) const fn weight(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 64,
        Severity::High => 16,
        Severity::Medium => 4,
        Severity::Low => 1,
        Severity::Informational => 0,
    }
}

/// Whole days from one time to another; never negative.
pub(crate) fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.duration_since(from).as_hours() / 24).max(0)
}

/// The age of a finding in words: `70 days`.
pub(crate) fn age(first_seen: Timestamp, now: Timestamp) -> String {
    match days(first_seen, now) {
        0 => "less than 1 day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OwnerFigures {
    pub(crate) load_balancers: usize,
    pub(crate) monitor: usize,
    pub(crate) defensive: usize,
    pub(crate) strictest: usize,
    pub(crate) mode_unknown: usize,
    /// No mode, or one that does nothing: in no share.
    pub(crate) mode_not_applicable: usize,
    /// Failures by severity, worst first.
    pub(crate) failures: [usize; 5],
    pub(crate) excepted: usize,
    pub(crate) unknown: usize,
    /// The weights of all failures.
    pub(crate) exposure: usize,
    /// The weights that failures under exception would have.
    pub(crate) exposure_excepted: usize,
    /// Load balancers that earlier scans saw and this one did not: in no figure above.
    pub(crate) load_balancers_unseen: usize,
    /// Findings that failed when they were last seen, and were not seen by this scan.
    pub(crate) failing_unseen: usize,
    /// The same, under an exception.
    pub(crate) excepted_unseen: usize,
    /// The weights of those failures.
    pub(crate) exposure_unseen: usize,
    /// Since when the load balancer that has been failing longest in monitor does so.
    pub(crate) oldest_monitor: Option<Timestamp>,
    pub(crate) oldest_monitor_name: Option<String>,
    /// Load balancers in monitor without a recorded date since when their mode fails.
    pub(crate) monitor_undated: usize,
}

impl OwnerFigures {
    /// The figures of all of them.
    pub(crate) fn of<'a>(load_balancers: impl IntoIterator<Item = &'a OwnedLoadBalancer<'a>>) -> Self {
        let mut figures = Self::default();
        load_balancers.into_iter().for_each(|held| figures.add(held));
        figures
    }

    /// The denominator of a share of modes.
    pub(crate) fn mode_population(&self) -> usize {
        self.monitor + self.defensive + self.strictest + self.mode_unknown
    }

    /// Failures that are more than something worth knowing.
    pub(crate) fn failing(&self) -> usize {
        self.failures.iter().take(4).sum()
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, held: &OwnedLoadBalancer<'_>) {
        self.load_balancers += 1;
        match held.lb.effective_mode() {
            EffectiveMode::Known(Mode::Monitor) => {
                self.monitor += 1;
                self.date(held);
            }
            EffectiveMode::Known(Mode::Defensive) => self.defensive += 1,
            EffectiveMode::Known(Mode::Strictest) => self.strictest += 1,
            EffectiveMode::Unknown => self.mode_unknown += 1,
            EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => self.mode_not_applicable += 1,
        }
        held.findings.iter().for_each(|finding| self.count(&finding.verdict));
    }

    /// Counts one verdict.
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Fail { severity, .. } => {
                let place = Severity::ALL.iter().position(|one| one == severity);
                if let Some(failures) = place.and_then(|place| self.failures.get_mut(place)) {
                    *failures += 1;
                }
                self.exposure += weight(*severity);
            }
            Verdict::Excepted { severity, .. } => {
                self.excepted += 1;
                self.exposure_excepted += weight(*severity);
            }
            Verdict::Unknown { .. } => self.unknown += 1,
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => {}
        }
    }

    /// Counts a load balancer that is known and was not seen.
    pub(crate) fn miss_load_balancer(&mut self) {
        self.load_balancers_unseen += 1;
    }

    /// Counts a finding that failed when it was last seen.
    pub(crate) fn miss(&mut self, finding: &UnseenFinding) {
        if finding.excepted {
            self.excepted_unseen += 1;
        } else {
            self.failing_unseen += 1;
            self.exposure_unseen += finding.severity.map_or(0, weight);
        }
    }

    fn date(&mut self, held: &OwnedLoadBalancer<'_>) {
        let fails = |verdict: &Verdict| matches!(verdict, Verdict::Fail { .. } | Verdict::Excepted { .. });
        let about_mode = held.findings.iter().find(|finding| finding.rule == MODE_RULE && fails(&finding.verdict));
        match about_mode.and_then(|finding| finding.history.as_ref()?.open_since()) {
            Some(since) if self.oldest_monitor.is_none_or(|oldest| since < oldest) => {
                self.oldest_monitor = Some(since);
                self.oldest_monitor_name = Some(held.lb.name.clone());
            }
            Some(_) => {}
            None => self.monitor_undated += 1,
        }
    }
}
