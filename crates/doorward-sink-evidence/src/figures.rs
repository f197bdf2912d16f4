//! The figures of a run by owner and unit, counted as the ledger counts them, so that periods can be compared.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, CoverageCounts, Kind, Listener, LoadBalancer, Mode, Observed, ScanReport, Severity, Verdict,
};
use jiff::Timestamp;

/// What one run counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFigures {
    /// The run's id.
    pub run: String,
    /// When it ended, UTC.
    pub at: Timestamp,
    /// Its account-Regions.
    pub coverage: CoverageCounts,
    /// Everything.
    pub all: Figures,
    /// By owner; empty where nobody kept it.
    pub by_owner: BTreeMap<String, Figures>,
    /// By unit, as a path of names, without what is below it; empty where nobody kept it.
    pub by_unit: BTreeMap<String, Figures>,
}

/// The figures of everything, or of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode nobody could read.
    pub mode_unknown: usize,
    /// Failures, by severity.
    pub open: BTreeMap<Severity, usize>,
    /// Failures under an exception.
    pub excepted: usize,
    /// Verdicts that could not be reached.
    pub unknown: usize,
}

impl Figures {
    /// Load balancers whose mode matters: the denominator of the shares.
    pub fn population(&self) -> usize {
        self.modes.values().sum::<usize>() + self.mode_unknown
    }

    /// Load balancers in one mode.
    pub fn mode(&self, mode: Mode) -> usize {
        self.modes.get(&mode).copied().unwrap_or(0)
    }

    /// Failures that are wrong: informational ones left out.
    pub fn failing(&self) -> usize {
        self.open.iter().filter(|(severity, _)| **severity > Severity::Informational).map(|(_, count)| count).sum()
    }

    fn add_mode(&mut self, mode: &Observed<Mode>) {
        match mode {
            Observed::Known(mode) => *self.modes.entry(*mode).or_default() += 1,
            Observed::Absent | Observed::Unread(_) => self.mode_unknown += 1,
        }
    }

    fn add_verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Fail { severity, .. } => *self.open.entry(*severity).or_default() += 1,
            Verdict::Excepted { .. } => self.excepted += 1,
            Verdict::Unknown { .. } => self.unknown += 1,
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } => {}
        }
    }
}

impl RunFigures {
    /// Counts a report.
    pub fn of(report: &ScanReport) -> Self {
        let mut figures = Self {
            run: report.run.id.clone(),
            at: report.run.finished,
            coverage: report.coverage.counts,
            all: Figures::default(),
            by_owner: BTreeMap::new(),
            by_unit: BTreeMap::new(),
        };
        for lb in &report.load_balancers {
            let owner = figures.by_owner.entry(lb.owner_label().to_owned()).or_default();
            let unit = figures.by_unit.entry(unit(lb).to_owned()).or_default();
            if out_of_scope(lb).is_none() {
                for group in [&mut figures.all, owner, unit] {
                    group.add_mode(&lb.mode);
                }
            }
        }
        let places: BTreeMap<&Arn, &LoadBalancer> = report.load_balancers.iter().map(|lb| (&lb.arn, lb)).collect();
        for finding in &report.findings {
            figures.all.add_verdict(&finding.verdict);
            let Some(lb) = places.get(&finding.load_balancer) else { continue };
            for group in
                [figures.by_owner.get_mut(lb.owner_label()), figures.by_unit.get_mut(unit(lb))].into_iter().flatten()
            {
                group.add_verdict(&finding.verdict);
            }
        }
        figures
    }
}

/// Where a load balancer's account stands, as people should read it.
pub(crate) fn unit(lb: &LoadBalancer) -> &str {
    match &lb.ou {
        Observed::Known(path) => &path.names,
        Observed::Absent => "(no unit)",
        Observed::Unread(_) => "(unit unread)",
    }
}

/// Why a load balancer's mode does not matter; none where it does.
pub(crate) fn out_of_scope(lb: &LoadBalancer) -> Option<&'static str> {
    if !lb.kind.can_parse_http() {
        return Some("This kind of load balancer does not parse HTTP: it has no desync mitigation mode.");
    }
    let silent = lb.kind == Kind::Classic
        && matches!(&lb.listeners, Observed::Known(listeners) if !listeners.iter().any(Listener::is_http));
    silent.then_some("A classic load balancer without an HTTP or HTTPS listener: its mode does nothing.")
}
