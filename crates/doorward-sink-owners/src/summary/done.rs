//! What Doorward did to the modes of an owner's load balancers, as a list of a page.

use doorward_model::{AppliedChange, LoadBalancer};
use serde::Serialize;

/// One change of one load balancer.
#[derive(Serialize)]
pub(super) struct Done {
    name: String,
    region: String,
    /// `monitor to defensive`
    modes: String,
    status: &'static str,
    /// Whether it ended as it was meant to.
    good: bool,
    at: String,
    by: String,
    change: String,
    why: String,
    detail: String,
}

impl Done {
    /// Everything that was done to a load balancer, the oldest first.
    pub(super) fn all(lb: &LoadBalancer) -> impl Iterator<Item = Self> {
        lb.changes.iter().map(|change| Self::of(lb, change))
    }

    fn of(lb: &LoadBalancer, done: &AppliedChange) -> Self {
        Self {
            name: lb.name.clone(),
            region: lb.region.to_string(),
            modes: format!("{} to {}", done.from, done.to),
            status: done.status.label(),
            good: done.status.is_good(),
            at: done.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            by: done.by.clone(),
            change: done.change.clone(),
            why: done.why.trim_end_matches('.').to_owned(),
            detail: done.detail.clone(),
        }
    }
}
