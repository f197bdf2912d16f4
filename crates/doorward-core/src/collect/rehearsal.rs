//! The rehearsal of a scan: the same calls, for all account-Regions and for few load balancers in each.
//!
//! Its cells say what a scan would leave unread, because they come about in the same way. What cannot come out is a refusal
//! that is about one load balancer alone, where only some of many were asked.

use std::collections::BTreeSet;

use futures::Stream;

use doorward_model::{Arn, Gap, GapReason, Observed, RegionInventory};

use super::{CollectContext, CollectSettings, each, log_delivery, tags, v2};
use crate::Stop;
use crate::access::Access;
use crate::actions::Operation;
use crate::discover::Target;

/// Load balancers of each API that are read in detail in an account-Region. With the lists and the tags that stays below the
/// calls that the default pace admits at once.
pub const AT_MOST: usize = 8;

/// A load balancer that does not exist: AWS judges permissions before it looks.
const NOBODY: &str = "loadbalancer/app/doorward-doctor/0000000000000000";

/// Reads every target as [`collect`](super::collect()) does, but of each API at most [`AT_MOST`] load balancers in detail; the
/// others' details are marked as not asked for.
pub fn rehearse<'a>(
    access: &'a Access,
    settings: CollectSettings,
    targets: Vec<Target>,
    stop: &'a Stop,
) -> impl Stream<Item = RegionInventory> + 'a {
    each(access, settings, targets, AT_MOST, stop)
}

/// The operations about load balancers that a inventory came about with, whether they were allowed or not.
pub fn tried(inventory: &RegionInventory) -> BTreeSet<Operation> {
    let mut tried = BTreeSet::new();
    let asked = |gap: Option<&std::sync::Arc<Gap>>| gap.is_none_or(|gap| gap.reason != GapReason::NotAsked);
    for raw in &inventory.load_balancers {
        if asked(raw.attributes.gap()) {
            tried.insert(Operation::DescribeLoadBalancerAttributes);
        }
        if asked(raw.tags.gap()) {
            tried.insert(Operation::DescribeTags);
        }
        if raw.kind == doorward_model::Kind::Application && asked(raw.listeners.gap()) {
            tried.insert(Operation::DescribeListeners);
        }
        match &raw.vended_logs {
            Observed::Absent => {}
            Observed::Known(places) => {
                tried.insert(Operation::DescribeDeliverySources);
                if !places.is_empty() {
                    tried.insert(Operation::DescribeDeliveries);
                }
            }
            Observed::Unread(gap) if gap.reason == GapReason::NotAsked => {}
            Observed::Unread(_) => {
                tried.extend([Operation::DescribeDeliverySources, Operation::DescribeDeliveries]);
            }
        }
    }
    tried
}

/// Asks for what was not tried although the settings may need it, once each, about a load balancer that does not exist.
/// Returns why an action would not be answered; IAM does not tell the two generations of load balancers apart.
pub async fn beyond(
    access: &Access,
    settings: CollectSettings,
    target: &Target,
    tried: &BTreeSet<Operation>,
    stop: &Stop,
) -> Vec<Gap> {
    tokio::select! {
        biased;
        gap = stop.stopped(Operation::DescribeLoadBalancerAttributes.action()) => vec![gap],
        gaps = ask(CollectContext { access, target, settings, most: 0 }, tried) => gaps,
    }
}

async fn ask(context: CollectContext<'_>, tried: &BTreeSet<Operation>) -> Vec<Gap> {
    let place = &context.target.place;
    let arn =
        format!("arn:{}:elasticloadbalancing:{}:{}:{NOBODY}", context.access.partition(), place.region, place.account);
    let Ok(arn) = Arn::new(&arn) else { return Vec::new() };
    let open = |operation: Operation, wanted: bool| wanted && !tried.contains(&operation);
    let mut gaps = Vec::new();
    if open(Operation::DescribeLoadBalancerAttributes, true) {
        gaps.extend(v2::attributes(context, &arn).await.err());
    }
    if open(Operation::DescribeTags, true) {
        let answers = tags::read(context, vec![arn.clone()]).await;
        gaps.extend(answers.get(&arn).and_then(Observed::gap).map(|gap| gap.as_ref().clone()));
    }
    if open(Operation::DescribeListeners, context.settings.alb_listeners) {
        gaps.extend(v2::listeners(context, &arn).await.gap().map(|gap| gap.as_ref().clone()));
    }
    if open(Operation::DescribeDeliverySources, context.settings.vended_logs) {
        gaps.extend(log_delivery::sources(context).await.err());
    }
    if open(Operation::DescribeDeliveries, context.settings.vended_logs) {
        gaps.extend(log_delivery::deliveries(context).await.err());
    }
    gaps.retain(|gap| !gap.code.as_deref().is_some_and(|code| code.contains("NotFound")));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_balancer_that_does_not_exist_has_a_usable_arn() {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:{NOBODY}");
        assert_eq!(Arn::new(&arn).expect("an ARN").account(), "111122223333");
    }
}
