//! The figures of a scan that several outputs show: one figure, one definition, one function. [`crate::FIGURES`] defines them in words.

use std::collections::BTreeSet;

use crate::{Bounds, CoverageStatus, FindingChange, LastMode, Mode, ScanReport, Severity, UnseenFinding, VerdictKind};

/// The rule whose failures are load balancers that are weaker than required.
pub const MODE_RULE: &str = "desync-mode-below-required";

/// The rule about load balancers without traffic.
pub const IDLE_RULE: &str = "load-balancer-idle";

/// The figures. What was not seen is counted beside what was seen, never in it; it is absent where no ledger was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFigures {
    /// Load balancers of every kind that the scan saw.
    pub load_balancers: usize,
    /// Load balancers of every kind that earlier scans saw and this one did not.
    pub load_balancers_unseen: usize,
    /// Load balancers whose mode was judged: weaker, weaker by exception, sufficient, or undetermined.
    pub judged: usize,
    /// Load balancers that are weaker than the policy requires.
    pub weaker: usize,
    /// Load balancers that are weaker than the policy requires, as an exception permits.
    pub weaker_excepted: usize,
    /// Load balancers of which it is unknown whether they are weaker.
    pub undetermined: usize,
    /// Load balancers that were weaker when they were last seen, without an exception.
    pub weaker_unseen: usize,
    /// Load balancers whose mode matters and that were not seen, weaker when last seen or not.
    pub judged_unseen: usize,
    /// Failures from critical to low.
    pub open: usize,
    /// Failures of severity critical and high.
    pub pressing: usize,
    /// Findings of severity critical and high, or of a severity that is not known, that were open when they were last seen and that
    /// this scan did not see.
    pub pressing_unseen: usize,
    /// Failures that only report a possible improvement.
    pub informational: usize,
    /// Failures that an exception permits.
    pub excepted: usize,
    /// Verdicts that could not be determined.
    pub unknown: usize,
    /// Findings that were open when they were last seen, and that this scan did not see.
    pub open_unseen: usize,
    /// Findings that were under an exception when they were last seen, and that this scan did not see.
    pub excepted_unseen: usize,
}

impl KeyFigures {
    /// Counts a report.
    pub fn of(report: &ScanReport) -> Self {
        let verdicts = |kind| report.tally.verdicts.values().filter_map(|kinds| kinds.get(&kind)).sum::<usize>();
        let of_mode =
            |kind| report.tally.verdicts.get(MODE_RULE).and_then(|kinds| kinds.get(&kind)).copied().unwrap_or(0);
        let failures = |severity| report.tally.failures.get(severity).copied().unwrap_or(0);
        let (weaker, weaker_excepted, undetermined) =
            (of_mode(VerdictKind::Fail), of_mode(VerdictKind::Excepted), of_mode(VerdictKind::Unknown));
        let unseen = report.unseen.as_ref();
        let weaker_last = |finding: &&UnseenFinding| finding.rule == MODE_RULE && !finding.excepted;
        Self {
            load_balancers: report.load_balancers.len(),
            load_balancers_unseen: unseen.map_or(0, |unseen| unseen.load_balancers.len()),
            judged: weaker + weaker_excepted + undetermined + of_mode(VerdictKind::Pass),
            weaker,
            weaker_excepted,
            undetermined,
            weaker_unseen: unseen.map_or(0, |unseen| unseen.findings.iter().filter(weaker_last).count()),
            judged_unseen: unseen.map_or(0, |unseen| {
                unseen.load_balancers.iter().filter(|lb| lb.mode.is_some_and(|m| m != LastMode::NotApplicable)).count()
            }),
            open: report.tally.open_findings(),
            pressing: [Severity::Critical, Severity::High].iter().map(failures).sum(),
            pressing_unseen: unseen.map_or(0, crate::Unseen::pressing),
            informational: failures(&Severity::Informational),
            excepted: verdicts(VerdictKind::Excepted),
            unknown: verdicts(VerdictKind::Unknown),
            open_unseen: unseen.map_or(0, crate::Unseen::open),
            excepted_unseen: unseen.map_or(0, crate::Unseen::excepted),
        }
    }

    /// Open findings as far as is known: seen by this scan, or seen last by an earlier one. The figure to compare scans by.
    pub const fn open_known(self) -> usize {
        self.open + self.open_unseen
    }

    /// Failures of severity critical and high as far as is known.
    pub const fn pressing_known(self) -> usize {
        self.pressing + self.pressing_unseen
    }

    /// Load balancers that are weaker than required as far as is known.
    pub const fn weaker_known(self) -> usize {
        self.weaker + self.weaker_unseen
    }

    /// How many load balancers are weaker than required if what is undetermined or was not seen is counted either way.
    pub const fn weaker_bounds(self) -> Bounds {
        Bounds::new(self.weaker, self.undetermined, self.judged, self.judged_unseen)
    }

    /// Load balancers that were weaker than required before some changes led to these figures.
    pub fn weaker_known_before(self, changes: &[FindingChange]) -> usize {
        let of_mode = || changes.iter().filter(|change| change.rule == MODE_RULE);
        let entered = of_mode().filter(|change| change.kind.is_worse()).count();
        let left = of_mode().filter(|change| change.kind.is_better()).count();
        (self.weaker_known() + left).saturating_sub(entered)
    }
}

impl ScanReport {
    /// Load balancers in the scope of this scan: how many it saw, and how many are known. Those in account-Regions that the settings
    /// leave out, and in accounts that are not in the organization any more, are in neither.
    pub fn known_in_scope(&self) -> (usize, usize) {
        let scope: BTreeSet<_> = (self.coverage.lines.iter())
            .filter(|line| line.status != CoverageStatus::Skipped)
            .map(|line| (&line.account, line.region.as_ref()))
            .collect();
        let unseen = self.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
        let missed = unseen
            .filter(|lb| scope.contains(&(&lb.account, Some(&lb.region))) || scope.contains(&(&lb.account, None)));
        let seen = self.load_balancers.len();
        (seen, seen + missed.count())
    }

    /// Whether the scan read nothing: then none of its counts is a zero, and what is known is from earlier scans.
    pub fn read_nothing(&self) -> bool {
        let counts = self.coverage.counts;
        counts.complete == 0 && self.load_balancers.is_empty()
    }

    /// Load balancers that are in defensive or strictest, with what is unknown or was not seen counted both ways.
    pub fn protected_bounds(&self) -> Bounds {
        let tally = &self.tally;
        let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
        let unseen = self.unseen.as_ref().map_or(0, crate::Unseen::mode_population);
        let part = count(Mode::Defensive) + count(Mode::Strictest);
        Bounds::new(part, tally.mode_unknown, tally.mode_population(), unseen)
    }
}
