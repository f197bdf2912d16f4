//! The rehearsal of a scan: the same calls in all account-Regions, for few load balancers in each.
//!
//! Its gaps are those of a scan, because the same code reads. It cannot find a denial that concerns a single load balancer that
//! is not among the few.

use std::collections::BTreeSet;

use futures::Stream;

use doorward_aws::{Access, Operation, Stop};
use doorward_model::{Arn, Gap, GapReason, Observed, RegionInventory};

use super::{CollectContext, CollectSettings, each, entry_points, log_delivery, tags, target_groups, v2};
use crate::discover::Target;

/// The number of load balancers of each API that are read in detail in an account-Region. Together with the lists and the tags
/// these calls stay within the burst of the default rate limit.
pub const AT_MOST: usize = 8;

/// A load balancer that does not exist: AWS checks permissions before existence.
const NONEXISTENT: &str = "loadbalancer/app/doorward-doctor/0000000000000000";

/// The same for a target group.
const NONEXISTENT_GROUP: &str = "targetgroup/doorward-doctor/0000000000000000";

/// The same for an API of API Gateway, whose ids are ten letters and digits.
const NONEXISTENT_API: &str = "doorwarddr";

/// Reads every target like [`collect`](super::collect()), but the details of at most [`AT_MOST`] load balancers of each API; the
/// details of the others are marked as not asked.
pub fn rehearse<'a>(
    access: &'a Access,
    settings: CollectSettings,
    targets: Vec<Target>,
    stop: &'a Stop,
) -> impl Stream<Item = RegionInventory> + 'a {
    each(access, settings, targets, AT_MOST, stop)
}

/// The operations on load balancers that a inventory came about with, whether they were allowed or not.
pub fn tried(inventory: &RegionInventory) -> BTreeSet<Operation> {
    let mut tried = BTreeSet::new();
    let was_asked = |gap: &std::sync::Arc<Gap>| gap.reason != GapReason::NotAsked;
    let asked = |gap: Option<&std::sync::Arc<Gap>>| gap.is_none_or(was_asked);
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
        if raw.kind == doorward_model::Kind::Application && asked(raw.target_groups.gap()) {
            tried.insert(Operation::DescribeTargetGroups);
        }
        let of_targets = |gap: &std::sync::Arc<Gap>| gap.operation == Operation::DescribeTargetHealth.action();
        let through = raw.reached_through.known().is_some_and(|through| !through.is_empty());
        if through || raw.reached_through.gap().is_some_and(of_targets) {
            tried.insert(Operation::DescribeTargetHealth);
        }
        if raw.vpc_origins.known().is_some() || raw.vpc_origins.gap().is_some_and(was_asked) {
            tried.insert(Operation::ListVpcOrigins);
        }
        if let Some(found) = raw.api_integrations.known() {
            tried.insert(Operation::GetApis);
            tried.extend((!found.is_empty()).then_some(Operation::GetIntegrations));
        }
        if let Some(gap) = raw.api_integrations.gap().filter(|gap| was_asked(gap)) {
            let denied_integrations = gap.message.as_deref().is_some_and(|text| text.contains("/integrations"));
            tried.insert(if denied_integrations { Operation::GetIntegrations } else { Operation::GetApis });
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

/// Calls each operation that was not tried and that the settings may need, once, for a load balancer that does not exist.
/// Returns the gaps; IAM has the same actions for both generations of load balancers.
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
    let arn = format!(
        "arn:{}:elasticloadbalancing:{}:{}:{NONEXISTENT}",
        context.access.partition(),
        place.region,
        place.account
    );
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
    if open(Operation::DescribeTargetGroups, context.settings.target_groups) {
        gaps.extend(target_groups::read(context).await.err());
    }
    if open(Operation::DescribeTargetHealth, context.settings.target_groups) {
        let group = arn.as_str().replacen(NONEXISTENT, NONEXISTENT_GROUP, 1);
        gaps.extend(target_groups::targets(context, &group).await.err());
    }
    if open(Operation::ListVpcOrigins, context.settings.reachability) {
        gaps.extend(entry_points::vpc_origins(context).await.err());
    }
    // One action for both, so that one denial is one gap.
    let listed = match open(Operation::GetApis, context.settings.reachability) {
        true => entry_points::apis(context).await.err(),
        false => None,
    };
    if listed.is_none() && open(Operation::GetIntegrations, context.settings.reachability) {
        gaps.extend(entry_points::integrations(context, NONEXISTENT_API).await.err());
    }
    gaps.extend(listed);
    gaps.retain(|gap| !gap.code.as_deref().is_some_and(|code| code.contains("NotFound")));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_balancer_that_does_not_exist_has_a_usable_arn() {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:{NONEXISTENT}");
        assert_eq!(Arn::new(&arn).expect("an ARN").account(), "111122223333");
    }
}
