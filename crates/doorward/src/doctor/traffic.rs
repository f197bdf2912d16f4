//! What traffic is read from: metrics where load balancers are, and the buckets that they log to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_core::access::Access;
use doorward_core::normalize::Normalized;
use doorward_core::{Clock, Stop};
use doorward_model::{AccountId, AccountRegion, Gap, Grant, LoadBalancer};
use doorward_traffic::{CallLimits, Capability, Known, Metered, Metric, Operation, Reach, Source, Window};
use futures::StreamExt as _;
use jiff::SignedDuration;

use super::AT_ONCE;
use super::missing::{Missing, Stage};
use crate::settings::Settings;
use crate::traffic::{Reaches, Roles, key, log_bucket};

/// What was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tried {
    /// Account-Regions that were asked for a metric.
    pub(super) metrics: usize,
    /// Prefixes of buckets that were listed.
    pub(super) buckets: usize,
    /// Those of them in which no object lies, so that reading one was not tried.
    pub(super) empty: usize,
}

/// Where logs lie, and whose session reads them.
type Shelf = (AccountRegion, String, String);

/// Asks for one metric in every account-Region with load balancers, and for one byte of every log prefix.
pub(super) async fn look(
    settings: &Settings,
    access: &Arc<Access>,
    scan: &Normalized,
    stop: &Stop,
    clock: &Clock,
) -> (Tried, Vec<Missing>) {
    let asked: Vec<&LoadBalancer> = scan.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
    let roles = Roles::new(access.clone(), Reaches::of_logs(&settings.traffic, &asked));
    let limits =
        CallLimits { tries: settings.calls.tries, deadline: settings.calls.call_deadline.0, ..CallLimits::default() };
    let source = Source::new(roles, limits);
    let mut metered: BTreeMap<AccountRegion, Metered> = BTreeMap::new();
    // One of the accounts that log there is asked about.
    let mut shelves: BTreeMap<Shelf, &AccountId> = BTreeMap::new();
    for lb in asked {
        let place = AccountRegion { account: lb.account.clone(), region: lb.region.clone() };
        if let Some((bucket, prefix)) = log_bucket(lb) {
            let reader = settings.traffic.log_account.clone().unwrap_or_else(|| lb.account.clone());
            let reader = AccountRegion { account: reader, region: lb.region.clone() };
            shelves.entry((reader, bucket.to_owned(), prefix.to_owned())).or_insert(&lb.account);
        }
        metered.entry(place.clone()).or_insert_with(|| Metered { balancer: key(lb), place });
    }
    let mut tried = Tried { metrics: metered.len(), buckets: shelves.len(), empty: 0 };
    let missing = |reader: &AccountRegion, place: String, resource: String, gap: Gap| Missing {
        stage: Stage::Traffic,
        account: Some(reader.account.clone()),
        place,
        role: Some(access.entry_for(&reader.account, &settings.traffic.role())),
        resource,
        gap,
    };
    let mut all = Vec::new();
    for (place, gap) in metrics(&source, metered, stop, clock).await {
        all.push(missing(&place, super::place(&place.account, Some(&place.region)), "*".to_owned(), gap));
    }
    let asked = futures::stream::iter(shelves).map(|((reader, bucket, prefix), account)| {
        let source = &source;
        async move {
            let told = tokio::select! {
                biased;
                gap = stop.stopped(Operation::ListObjectsV2.action()) => Err(gap),
                told = source.look(&reader, &bucket, &prefix, account) => told,
            };
            (reader, bucket, prefix, told)
        }
    });
    let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    for (reader, bucket, prefix, told) in answers {
        match told {
            Ok(true) => {}
            Ok(false) => tried.empty += 1,
            Err(gap) => {
                let reach = Reach { buckets: BTreeSet::from([bucket.clone()]), athena: None };
                let of_action = |grant: &Grant| grant.actions.iter().any(|one| gap.action.as_deref() == Some(one));
                let grant = Capability::Logs.grants(&reach).into_iter().find(of_action);
                let arns = grant.map(|grant| grant.resources_anywhere(access.partition()));
                let resource = arns.and_then(|arns| arns.into_iter().next()).unwrap_or_else(|| "*".to_owned());
                let place = format!("s3://{bucket}/{prefix} as {}", reader.account);
                all.push(missing(&reader, place, resource, gap));
            }
        }
    }
    (tried, all)
}

/// Account-Regions in which a metric cannot be read.
async fn metrics(
    source: &Source<Roles>,
    metered: BTreeMap<AccountRegion, Metered>,
    stop: &Stop,
    clock: &Clock,
) -> Vec<(AccountRegion, Gap)> {
    let now = clock();
    let hour = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(now);
    let Ok(window) = Window::covering(hour, now) else { return Vec::new() };
    let metered: Vec<Metered> = metered.into_values().collect();
    let operation = Operation::GetMetricData.action();
    let series = tokio::select! {
        biased;
        gap = stop.stopped(operation) => {
            return metered.into_iter().map(|one| (one.place, gap.clone())).collect();
        }
        series = source.metrics(&metered, &[Metric::Requests], window, 300, now) => series,
    };
    let unread = metered.into_iter().filter_map(|one| match series.get(&one.balancer)?.total(Metric::Requests) {
        Known::Unread(gap) => Some((one.place, gap.as_ref().clone())),
        _ => None,
    });
    unread.collect()
}
