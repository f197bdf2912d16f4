//! Security Hub, wherever findings would go: enabled, and open to the publishing role.

use doorward_core::access::Access;
use doorward_core::normalize::Normalized;
use doorward_core::{Clock, Stop};
use doorward_model::Gap;
use doorward_sink_securityhub::{ACTIONS, Closed, Time, grants, look as ask};
use futures::StreamExt as _;

use super::AT_ONCE;
use super::missing::{Missing, Stage};
use crate::publish::Sessions;
use crate::settings::Settings;

/// Asks every hub for one finding; how many hubs there are, and what is missing.
pub(super) async fn look(
    settings: &Settings,
    access: &Access,
    scan: &Normalized,
    stop: &Stop,
    clock: &Clock,
) -> (usize, Vec<Missing>) {
    let publish = &settings.publish;
    let hubs = publish.hubs(&scan.load_balancers);
    let (doors, time) = (Sessions::new(access, publish.purpose()), Time::new(clock.clone()));
    let asked = futures::stream::iter(&hubs).map(|hub| {
        let (doors, time) = (&doors, &time);
        async move {
            tokio::select! {
                biased;
                gap = stop.stopped(ACTIONS[1]) => Some((hub, Closed::Unreachable(gap))),
                told = ask(doors, hub, access.partition(), publish.share_of_quotas, time) => told.err().map(|why| (hub, why)),
            }
        }
    });
    let closed: Vec<_> = asked.buffered(AT_ONCE).filter_map(std::future::ready).collect().await;
    let missing = closed.into_iter().map(|(hub, why)| {
        let granted = grants().into_iter().find(|grant| grant.actions.contains(&why.gap().operation.as_str()));
        let arns = granted.map(|grant| grant.resources_in(access.partition(), hub.account.as_str()));
        Missing {
            stage: Stage::Publish,
            account: Some(hub.account.clone()),
            place: super::place(&hub.account, Some(&hub.region)),
            role: Some(access.entry_for(&hub.account, &publish.purpose())),
            resource: arns.and_then(|arns| arns.into_iter().next()).unwrap_or_else(|| "*".to_owned()),
            gap: said(why),
        }
    });
    (hubs.len(), missing.collect())
}

/// The gap of a closed hub; of one that is not enabled in words of ours, since AWS's code says something else.
fn said(why: Closed) -> Gap {
    match why {
        Closed::NotEnabled(gap) => gap.with_message("Security Hub is not enabled there"),
        Closed::Unreachable(gap) => gap,
    }
}
