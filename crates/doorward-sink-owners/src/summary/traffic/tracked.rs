//! The sources of non-compliant requests of an owner's load balancers, followed from scan to scan, as tables.

use doorward_model::{LoadBalancer, SourceState, TrafficStep};
use jiff::Timestamp;
use serde::Serialize;

/// One load balancer with tracked sources.
#[derive(Serialize)]
pub(in crate::summary) struct TrackedRow {
    name: String,
    region: String,
    /// `2 of 5 gone`.
    progress: String,
    /// Whether its traffic supports a stronger mode now.
    raise_now: bool,
    sources: Vec<TrackedItem>,
}

#[derive(Serialize)]
struct TrackedItem {
    who: String,
    what: String,
    state: String,
    since: String,
    fix: String,
}

impl TrackedRow {
    /// The row of a load balancer; none where no source is tracked. `at` is when the scan ended.
    pub(in crate::summary) fn of(lb: &LoadBalancer, at: Timestamp) -> Option<Self> {
        let sources = &lb.tracked_sources;
        if sources.is_empty() {
            return None;
        }
        let gone = sources.iter().filter(|source| source.state() == SourceState::Gone).count();
        Some(Self {
            name: lb.name.clone(),
            region: lb.region.to_string(),
            progress: format!("{gone} of {} gone", sources.len()),
            raise_now: lb.traffic.as_deref().is_some_and(|traffic| traffic.advised().0 == TrafficStep::Raise),
            sources: sources
                .iter()
                .map(|source| TrackedItem {
                    who: format!("{} ({})", source.address, source.agent),
                    what: source.reason.clone(),
                    state: source.state_text(at),
                    since: source.first.strftime("%Y-%m-%d").to_string(),
                    fix: source.fix.clone().unwrap_or_default(),
                })
                .collect(),
        })
    }
}
