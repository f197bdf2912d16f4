//! The part of a report that belongs to an audience.

use std::collections::BTreeSet;

use doorward_model::{Arn, Finding, LoadBalancer, Severity, SourceState, TrafficStep, Verdict};
use jiff::Timestamp;

use crate::digest::Totals;

/// The part of the report that belongs to an audience.
#[derive(Default)]
pub(crate) struct AudienceShare<'a> {
    pub(super) findings: Vec<&'a Finding>,
    pub(super) totals: Totals,
    /// The names that its owners have in the report.
    pub(super) owners: BTreeSet<&'a str>,
    failing: BTreeSet<&'a Arn>,
    unknown: BTreeSet<&'a Arn>,
}

impl<'a> AudienceShare<'a> {
    /// Adds a finding.
    pub(super) fn add(&mut self, finding: &'a Finding) {
        self.findings.push(finding);
        self.owners.insert(&finding.owner);
        let totals = &mut self.totals;
        totals.findings += 1;
        match &*finding.verdict {
            Verdict::Pass { .. } => totals.passing += 1,
            Verdict::Fail { severity: Severity::Informational, .. } => totals.informational += 1,
            Verdict::Fail { .. } => {
                totals.failing += 1;
                totals.load_balancers_failing += usize::from(self.failing.insert(&finding.load_balancer));
            }
            Verdict::Excepted { .. } => totals.excepted += 1,
            Verdict::Unknown { .. } => {
                totals.unknown += 1;
                totals.load_balancers_unknown += usize::from(self.unknown.insert(&finding.load_balancer));
            }
            Verdict::NotApplicable { .. } => totals.not_applicable += 1,
            Verdict::NotAsked { .. } => totals.not_asked += 1,
        }
    }

    /// The number of verdicts in it.
    pub(crate) fn findings(&self) -> usize {
        self.findings.len()
    }

    /// The number of load balancers.
    pub(crate) fn load_balancers(&self) -> usize {
        self.totals.load_balancers
    }

    /// The number of failures for more than information, without an exception.
    pub(crate) fn open_findings(&self) -> usize {
        self.totals.failing
    }

    /// The number of owners.
    pub(crate) fn owners(&self) -> usize {
        self.owners.len()
    }
}

/// Counts the tracked sources of a load balancer, and whether its traffic supports a stronger mode at the time of the scan.
pub(super) fn count_sources(totals: &mut Totals, lb: &LoadBalancer, at: Timestamp) {
    totals.sources += lb.tracked_sources.len();
    for source in &lb.tracked_sources {
        totals.sources_gone += usize::from(source.state() == SourceState::Gone);
        totals.sources_back += usize::from(source.state() == SourceState::Back);
        totals.sources_overdue += usize::from(source.is_overdue(at));
    }
    let raise = lb.traffic.as_deref().is_some_and(|traffic| traffic.advised().0 == TrafficStep::Raise);
    totals.raise_now += usize::from(raise);
}
