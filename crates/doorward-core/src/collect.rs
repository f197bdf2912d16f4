//! Collect: reads account-Regions concurrently and yields each one when it is complete.
//!
//! The stream is unordered, so that a later stage can checkpoint every result at once; normalize sorts at the end.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_aws::{Access, CallRoute, Operation, Stop};
use doorward_model::{Arn, Gap, GapReason, Kind, Listing, Observed, RawLoadBalancer, RegionInventory};

use crate::discover::Target;

pub(crate) mod classic;
mod entry_points;
mod listed;
mod log_delivery;
mod rehearsal;
mod single_load_balancer;
mod tags;
mod target_groups;
pub(crate) mod v2;

pub use rehearsal::{AT_MOST, beyond, rehearse, tried};
pub(crate) use single_load_balancer::read_one;
pub use single_load_balancer::single;

/// Optional reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectSettings {
    /// Whether the listeners of application load balancers are read: one more call for each. No verdict depends on
    /// them, because an application load balancer admits only HTTP and HTTPS.
    pub alb_listeners: bool,
    /// Whether deliveries of CloudWatch Logs ("vended logs") are read for load balancers whose attributes disable access logs.
    pub vended_logs: bool,
    /// Whether target groups are read: one call for a page of them in each account-Region with an application load balancer. Without them
    /// it is unknown whether the internet reaches an internal load balancer, and which version of HTTP targets are sent.
    pub target_groups: bool,
    /// Whether CloudFront VPC origins and integrations of API Gateway are read, for account-Regions with an internal application load
    /// balancer: one call for a page of VPC origins, one for a page of APIs, and one for each API. Without them it is unknown whether these
    /// services lead to an internal load balancer, and the verdict says so.
    pub reachability: bool,
}

/// The number of load balancers of one account-Region whose details are read concurrently: enough to use the request limit of
/// the account-Region, few enough that one account does not hold all connections.
const AT_ONCE: usize = 8;

/// Reads every target; each yields a result, whatever happens. After a stop, unfinished targets yield an interrupted one.
pub fn collect<'a>(
    access: &'a Access,
    settings: CollectSettings,
    targets: Vec<Target>,
    stop: &'a Stop,
) -> impl Stream<Item = RegionInventory> + 'a {
    each(access, settings, targets, usize::MAX, stop)
}

fn each<'a>(
    access: &'a Access,
    settings: CollectSettings,
    targets: Vec<Target>,
    most: usize,
    stop: &'a Stop,
) -> impl Stream<Item = RegionInventory> + 'a {
    // A target that waits for the rate limiter holds no request permit, so many more targets than requests may be in progress:
    // 512 keep a few throttled accounts from blocking all others.
    futures::stream::iter(targets)
        .map(move |target| async move {
            let inventory = tokio::select! {
                biased;
                gap = stop.stopped(Operation::DescribeLoadBalancers.action()) => {
                    RegionInventory::failed(target.place.account.clone(), Some(target.place.region.clone()), gap)
                }
                inventory = one(CollectContext { access, target: &target, settings, most }) => inventory,
            };
            access.caller.forget(&target.place.account, &target.place.region);
            inventory
        })
        .buffer_unordered(512)
}

/// Everything that a module below needs to call AWS for one target.
#[derive(Clone, Copy)]
pub(crate) struct CollectContext<'a> {
    pub(crate) access: &'a Access,
    pub(crate) target: &'a Target,
    pub(crate) settings: CollectSettings,
    /// The maximum number of load balancers of each API whose details are read.
    pub(crate) most: usize,
}

impl<'a> CollectContext<'a> {
    pub(crate) fn route(&self, operation: Operation) -> CallRoute<'a> {
        let Target { place, region_enabled, session } = self.target;
        CallRoute { session, region: &place.region, region_enabled: *region_enabled, operation }
    }

    /// Which of the listed load balancers are read in detail, by position: those that can parse HTTP; if they exceed the
    /// maximum, an evenly spaced selection of them.
    fn chosen(&self, found: &[RawLoadBalancer]) -> Vec<bool> {
        let can: Vec<bool> = found.iter().map(|raw| raw.kind.can_parse_http()).collect();
        let all = can.iter().filter(|can| **can).count();
        if all <= self.most {
            return can;
        }
        let mut number = 0;
        let mut pick = |can: bool| {
            if !can {
                return false;
            }
            let share = |upto: usize| upto * self.most / all;
            number += 1;
            share(number) > share(number - 1)
        };
        can.into_iter().map(&mut pick).collect()
    }
}

/// The result of one of the two APIs.
struct ApiResult {
    listing: Listing,
    load_balancers: Vec<RawLoadBalancer>,
    gone: Vec<Arn>,
    gaps: Vec<Gap>,
    /// Set if the responses are about another account or Region.
    foreign: Option<Arc<Gap>>,
}

impl ApiResult {
    fn new(listing: Listing, foreign: Option<Arc<Gap>>) -> Self {
        Self { listing, load_balancers: Vec::new(), gone: Vec::new(), gaps: Vec::new(), foreign }
    }

    /// Drops everything, because the responses to this session are about another account or Region.
    fn discard(&mut self, why: &Arc<Gap>) {
        *self = Self::new(Listing::Unread(why.clone()), Some(why.clone()));
    }
}

async fn one(context: CollectContext<'_>) -> RegionInventory {
    let target = context.target;
    let read_at = Some((context.access.clock)());
    let (v2, mut classic) = tokio::join!(v2::read_all(context, None), classic::read_all(context, None));
    if let Some(why) = &v2.foreign {
        // Classic load balancers have no ARN, so nothing else proves that they belong to this account.
        classic.discard(why);
    }
    let mut inventory = RegionInventory {
        account: target.place.account.clone(),
        region: Some(target.place.region.clone()),
        read_at,
        skipped: None,
        listing: v2.listing,
        classic_listing: classic.listing,
        load_balancers: v2.load_balancers,
        gone: v2.gone,
        gaps: v2.gaps,
    };
    inventory.load_balancers.extend(classic.load_balancers);
    inventory.gone.extend(classic.gone);
    inventory.gaps.extend(classic.gaps);
    inventory.load_balancers.sort_by(|a, b| a.arn.cmp(&b.arn));
    inventory.load_balancers.dedup_by(|a, b| a.arn == b.arn);
    inventory.gone.sort();
    if context.settings.vended_logs {
        log_delivery::add(context, &mut inventory.load_balancers).await;
    }
    // Boxed, because the futures of these reads nest deeply.
    Box::pin(surroundings(context, &mut inventory.load_balancers)).await;
    inventory
}

/// Adds what stands in front of the load balancers and behind them.
async fn surroundings(context: CollectContext<'_>, load_balancers: &mut [RawLoadBalancer]) {
    let entry_points = match context.settings.reachability {
        true => entry_points::read(context, load_balancers).await,
        false => None,
    };
    let behind = match context.settings.target_groups {
        true => target_groups::add(context, load_balancers, entry_points.as_ref()).await,
        false => HashMap::new(),
    };
    if let Some(found) = &entry_points {
        found.add_to(load_balancers, &behind);
    }
}

/// A value that is not read, because no verdict needs it.
fn not_asked<T>(operation: Operation) -> Observed<T> {
    Observed::unread(Gap::new(GapReason::NotAsked, operation.action()))
}

/// The gap of a list with an entry that cannot be a load balancer of this account-Region.
fn foreign(operation: Operation, what: &str) -> Gap {
    Gap::new(GapReason::Malformed, operation.action()).with_message(format!("the list contains {what}"))
}

/// Whether the attributes of a load balancer enable access logs.
fn logs_by_attribute(raw: &RawLoadBalancer) -> bool {
    let known = raw.attributes.known();
    known.and_then(|a| a.get("access_logs.s3.enabled")).is_some_and(|enabled| enabled == "true")
}

/// Whether only a delivery can write access logs: for an application load balancer whose attributes were read and disable them.
fn may_log_by_delivery(raw: &RawLoadBalancer) -> bool {
    raw.kind == Kind::Application && raw.attributes.known().is_some() && !logs_by_attribute(raw)
}
