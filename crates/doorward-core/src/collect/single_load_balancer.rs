//! One load balancer, read as by a scan: for a command that reacts to a change of it.

use std::sync::Arc;

use doorward_aws::{Access, Operation, Stop};
use doorward_model::{Arn, Gap, GapReason, Listing, RegionInventory};

use super::listed::is_missing;
use super::{ApiResult, CollectContext, CollectSettings, classic, log_delivery, surroundings, v2};
use crate::discover::Target;
use crate::mode::ModeSubject;

/// Reads one load balancer of an account-Region. Both lists of the result are marked as not asked, so that it is no evidence on
/// any other load balancer. If the load balancer was deleted, it is the only entry of `gone`; if it could not be read, the
/// result has neither, and its gaps say why.
pub async fn single(
    access: &Access,
    settings: CollectSettings,
    target: &Target,
    subject: &ModeSubject,
    stop: &Stop,
) -> RegionInventory {
    let context = CollectContext { access, target, settings, most: usize::MAX };
    tokio::select! {
        biased;
        gap = stop.stopped(Operation::DescribeLoadBalancers.action()) => region_inventory(context, &subject.arn, Err(gap)),
        inventory = read_one(context, subject) => inventory,
    }
}

/// The same, without cancellation.
pub(crate) async fn read_one(context: CollectContext<'_>, subject: &ModeSubject) -> RegionInventory {
    let read_at = Some((context.access.clock)());
    let result = match subject.classic_name() {
        Some(name) => classic::read_all(context, Some(name)).await,
        None => v2::read_all(context, Some(&subject.arn)).await,
    };
    let mut inventory = region_inventory(context, &subject.arn, Ok(result));
    inventory.read_at = read_at;
    if context.settings.vended_logs {
        log_delivery::add(context, &mut inventory.load_balancers).await;
    }
    Box::pin(surroundings(context, &mut inventory.load_balancers)).await;
    inventory
}

/// The result for the requested load balancer alone.
fn region_inventory(context: CollectContext<'_>, arn: &Arn, result: Result<ApiResult, Gap>) -> RegionInventory {
    let place = &context.target.place;
    let others = Gap::new(GapReason::NotAsked, Operation::DescribeLoadBalancers.action())
        .with_message("only one load balancer was requested");
    let mut inventory = RegionInventory::failed(place.account.clone(), Some(place.region.clone()), others);
    let result = match result {
        Ok(result) => result,
        Err(gap) => {
            inventory.gaps.push(gap);
            return inventory;
        }
    };
    inventory.gaps = result.gaps;
    inventory.load_balancers = result.load_balancers;
    inventory.gone = result.gone;
    if let Listing::Unread(gap) = result.listing {
        if is_missing(&gap) {
            inventory.gone = vec![arn.clone()];
        } else {
            inventory.gaps.push(Arc::unwrap_or_clone(gap));
        }
    }
    let foreign = |other: &Arn| other != arn;
    let answered = !inventory.load_balancers.is_empty() || !inventory.gone.is_empty() || !inventory.gaps.is_empty();
    if !answered || inventory.load_balancers.iter().any(|raw| foreign(&raw.arn)) {
        inventory.load_balancers.retain(|raw| !foreign(&raw.arn));
        let gap = Gap::new(GapReason::Malformed, Operation::DescribeLoadBalancers.action());
        inventory.gaps.push(gap.with_message("the response is about another load balancer than the requested one"));
    }
    inventory
}
