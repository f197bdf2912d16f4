//! Mode changes of an owner's load balancers, made by Doorward or by others.

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

/// Who left a load balancer in the mode it is in, as AWS's event of the call said.
#[derive(Serialize)]
pub(super) struct Left {
    name: String,
    region: String,
    /// `set to monitor by ... at ...`
    text: String,
    source: Option<String>,
}

impl Left {
    /// The known edit of a load balancer, if any.
    pub(super) fn of(lb: &LoadBalancer) -> Option<Self> {
        let edit = lb.edited.as_ref()?;
        let (name, region) = (lb.name.clone(), lb.region.to_string());
        Some(Self { name, region, text: edit.to_string(), source: edit.source.clone() })
    }
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
