//! Security Hub in every account-Region that findings would go to: whether it is enabled, and whether the publishing role can read it.

use std::collections::BTreeSet;

use doorward_aws::ClientProvider;
use doorward_core::Stop;
use doorward_core::access::{Access, Purpose};
use doorward_model::{AccountRegion, Gap};
use doorward_sink_securityhub::{ACTIONS, Closed, grants, look as ask};
use futures::StreamExt as _;

use super::CONCURRENCY;
use super::gaps::{PlacedGap, Stage};

/// Reads one finding in each account-Region. Importing is not tried, because that would write.
pub async fn probe_security_hub(
    aws: &ClientProvider,
    hubs: &BTreeSet<AccountRegion>,
    purpose: &Purpose,
    access: &Access,
    stop: &Stop,
) -> Vec<PlacedGap> {
    let asked = futures::stream::iter(hubs).map(|hub| async move {
        tokio::select! {
            biased;
            gap = stop.stopped(ACTIONS[1]) => Some((hub, Closed::Unreachable(gap))),
            answer = ask(aws, hub, access.partition()) => answer.err().map(|why| (hub, why)),
        }
    });
    let closed: Vec<_> = asked.buffered(CONCURRENCY).filter_map(std::future::ready).collect().await;
    let gaps = closed.into_iter().map(|(hub, why)| {
        let granted = grants().into_iter().find(|grant| grant.actions.contains(&why.gap().operation.as_str()));
        let arns = granted.map(|grant| grant.resources_in(access.partition(), hub.account.as_str()));
        PlacedGap {
            stage: Stage::Publish,
            account: Some(hub.account.clone()),
            place: super::place_name(&hub.account, Some(&hub.region)),
            role: Some(access.entry_for(&hub.account, purpose)),
            resource: arns.and_then(|arns| arns.into_iter().next()).unwrap_or_else(|| "*".to_owned()),
            gap: explained(why),
        }
    });
    gaps.collect()
}

/// The gap, with a message of our own where Security Hub is not enabled: AWS answers with an error about access then.
fn explained(why: Closed) -> Gap {
    match why {
        Closed::NotEnabled(gap) => gap.with_message("Security Hub is not enabled there"),
        Closed::Unreachable(gap) => gap,
    }
}
