//! Security Hub in every account-Region that findings would go to: whether it is enabled, and whether the publishing role can read it.

use std::collections::BTreeSet;

use doorward_aws::ClientProvider;
use doorward_aws::Stop;
use doorward_aws::access::{Access, Purpose};
use doorward_model::{AccountRegion, Gap};
use doorward_sink_securityhub::{ACTIONS, Closed, grants, look as ask};
use futures::StreamExt as _;

use super::CONCURRENCY;
use super::gaps::{PlacedGap, Stage};

/// Reads one finding in each account-Region. Importing is not tried, because that would write.
pub async fn probe_security_hub(
    aws: &ClientProvider,
    security_hubs: &BTreeSet<AccountRegion>,
    purpose: &Purpose,
    access: &Access,
    stop: &Stop,
) -> Vec<PlacedGap> {
    let asked = futures::stream::iter(security_hubs).map(|security_hub| async move {
        tokio::select! {
            biased;
            gap = stop.stopped(ACTIONS[1]) => Some((security_hub, Closed::Unreachable(gap))),
            answer = ask(aws, security_hub, access.partition()) => answer.err().map(|why| (security_hub, why)),
        }
    });
    let closed: Vec<_> = asked.buffered(CONCURRENCY).filter_map(std::future::ready).collect().await;
    let gaps = closed.into_iter().map(|(security_hub, why)| {
        let granted = grants().into_iter().find(|grant| grant.actions.contains(&why.gap().operation.as_str()));
        let arns = granted.map(|grant| grant.resources_in(access.partition(), security_hub.account.as_str()));
        PlacedGap {
            stage: Stage::Publish,
            account: Some(security_hub.account.clone()),
            place: super::place_name(&security_hub.account, Some(&security_hub.region)),
            role: Some(access.entry_for(&security_hub.account, purpose)),
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
