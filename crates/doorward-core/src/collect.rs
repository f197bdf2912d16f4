//! Collect: one account-Region after the other, many at once, each delivered when it is settled.
//!
//! The stream is unordered on purpose: a later stage can checkpoint every inventory as it comes, and whoever needs an order
//! sorts at the end.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{Arn, Gap, GapReason, Kind, Listing, Observed, RawLoadBalancer, RegionInventory};

use crate::Stop;
use crate::access::Access;
use crate::actions::Operation;
use crate::call::Route;
use crate::discover::Target;
use crate::pages;

pub(crate) mod classic;
mod listed;
mod log_delivery;
mod rehearsal;
mod single;
mod tags;
pub(crate) mod v2;

pub use rehearsal::{AT_MOST, beyond, rehearse, tried};
pub(crate) use single::read_one;
pub use single::single;

/// What is collected beyond the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectSettings {
    /// Whether the listeners of application load balancers are read: one more call for each. No verdict depends on
    /// them, because an application load balancer admits only HTTP and HTTPS.
    pub alb_listeners: bool,
    /// Whether CloudWatch Logs is asked for deliveries ("vended logs") where the attributes say that nothing is logged.
    pub vended_logs: bool,
}

/// Load balancers of one account-Region whose details are read at once.
const AT_ONCE: usize = 8;

/// Reads every target; each ends as a inventory, whatever happens. When stopped, what is under way ends as interrupted.
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
    // A target that waits for its turn holds no request permit, so many more may be under way than requests: a few
    // throttled accounts must not keep the others from starting.
    futures::stream::iter(targets)
        .map(move |target| async move {
            let inventory = tokio::select! {
                biased;
                gap = stop.stopped(Operation::DescribeLoadBalancers.action()) => {
                    RegionInventory::failed(target.place.account.clone(), Some(target.place.region.clone()), gap)
                }
                inventory = one(CollectContext { access, target: &target, settings, most }) => inventory,
            };
            access.caller.paces.forget(&target.place.account, &target.place.region);
            inventory
        })
        .buffer_unordered(512)
}

/// Everything a module below needs to call AWS for one target.
#[derive(Clone, Copy)]
pub(crate) struct CollectContext<'a> {
    pub(crate) access: &'a Access,
    pub(crate) target: &'a Target,
    pub(crate) settings: CollectSettings,
    /// How many load balancers of each API are read in detail.
    pub(crate) most: usize,
}

impl<'a> CollectContext<'a> {
    pub(crate) fn route(&self, operation: Operation) -> Route<'a> {
        let Target { place, told_enabled, session } = self.target;
        let family = pages::family(operation);
        Route { session, region: &place.region, told_enabled: *told_enabled, family, operation }
    }

    /// Which of the load balancers found are read in detail, by position: those that can parse HTTP, and of them no more than
    /// are wanted, evenly apart.
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

/// What one of the two APIs brought.
struct ApiResult {
    listing: Listing,
    load_balancers: Vec<RawLoadBalancer>,
    gone: Vec<Arn>,
    gaps: Vec<Gap>,
    /// Set where the answers are about another account or Region.
    foreign: Option<Arc<Gap>>,
}

impl ApiResult {
    fn new(listing: Listing, foreign: Option<Arc<Gap>>) -> Self {
        Self { listing, load_balancers: Vec::new(), gone: Vec::new(), gaps: Vec::new(), foreign }
    }

    /// Nothing, because what this session answers is about another account or Region.
    fn discard(&mut self, why: &Arc<Gap>) {
        *self = Self::new(Listing::Unread(why.clone()), Some(why.clone()));
    }
}

async fn one(context: CollectContext<'_>) -> RegionInventory {
    let target = context.target;
    let read_at = Some((context.access.clock)());
    let (v2, mut classic) = tokio::join!(v2::read_all(context, None), classic::read_all(context, None));
    if let Some(why) = &v2.foreign {
        // Classic load balancers have no ARN that names their account, so nothing ties them to this one any more.
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
    inventory
}

/// The value of something that is not read, because no verdict depends on it.
fn not_asked<T>(operation: Operation) -> Observed<T> {
    Observed::unread(Gap::new(GapReason::NotAsked, operation.action()))
}

/// A list that contains what cannot be a load balancer of this account-Region.
fn foreign(operation: Operation, what: &str) -> Gap {
    Gap::new(GapReason::Malformed, operation.action()).with_message(format!("the list contains {what}"))
}

/// Whether a load balancer's own attributes say that it writes access logs.
fn logs_by_attribute(raw: &RawLoadBalancer) -> bool {
    let known = raw.attributes.known();
    known.and_then(|a| a.get("access_logs.s3.enabled")).is_some_and(|enabled| enabled == "true")
}

/// Whether access logs can only be a delivery's: an application load balancer whose attributes were read and log nothing.
fn may_log_by_delivery(raw: &RawLoadBalancer) -> bool {
    raw.kind == Kind::Application && raw.attributes.known().is_some() && !logs_by_attribute(raw)
}
