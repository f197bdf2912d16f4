//! The part of a report that belongs to an audience.

use std::collections::BTreeSet;

use doorward_model::{Finding, LoadBalancer, SourceState, TrafficStep};
use jiff::Timestamp;

use crate::digest::Totals;

/// The part of the report that belongs to an audience.
#[derive(Default)]
pub(crate) struct AudienceShare<'a> {
    pub(super) findings: Vec<&'a Finding>,
    pub(super) totals: Totals,
    /// The names that its owners have in the report.
    pub(super) owners: BTreeSet<&'a str>,
}

impl AudienceShare<'_> {
    /// The number of verdicts in it.
    pub(crate) fn findings(&self) -> usize {
        self.findings.len()
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
