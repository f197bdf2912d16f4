//! What traffic analysis reads: metrics of the load balancers, and the buckets with their access logs.

use std::collections::{BTreeMap, BTreeSet};

use doorward_aws::access::{Access, Purpose};
use doorward_aws::{Clock, Stop};
use doorward_model::{AccountId, AccountRegion, Gap, Grant, LoadBalancer};
use doorward_traffic::{Capability, Known, LoadBalancerKey, Metered, Metric, Operation, Reach, Source, Window};
use futures::StreamExt as _;
use jiff::SignedDuration;

use super::CONCURRENCY;
use super::gaps::{PlacedGap, Stage};

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficProbe {
    /// Account-Regions in which reading a metric was tried.
    pub metrics: usize,
    /// Prefixes of buckets that listing was tried on.
    pub log_prefixes: usize,
    /// Those of them that contain no object, so that reading one was not tried.
    pub empty_log_prefixes: usize,
}

/// The account-Region whose session reads a prefix, the bucket and the prefix.
type LogPrefix = (AccountRegion, String, String);

/// The metrics and log prefixes to read.
#[derive(Debug)]
pub struct TrafficPlan {
    purpose: Purpose,
    /// The account that reads all logs, if it is not each load balancer's own.
    log_account: Option<AccountId>,
    /// One load balancer of each account-Region stands for all of them.
    metered: BTreeMap<AccountRegion, Metered>,
    /// One of the accounts that write logs to the prefix.
    prefixes: BTreeMap<LogPrefix, AccountId>,
}

impl TrafficPlan {
    /// Reads nothing yet. `purpose` names the role of traffic analysis.
    pub fn new(purpose: Purpose, log_account: Option<AccountId>) -> Self {
        Self { purpose, log_account, metered: BTreeMap::new(), prefixes: BTreeMap::new() }
    }

    /// Adds a load balancer, with the bucket and prefix of its access logs if it writes any.
    pub fn add(&mut self, lb: &LoadBalancer, key: LoadBalancerKey, logs: Option<(&str, &str)>) {
        let place = AccountRegion { account: lb.account.clone(), region: lb.region.clone() };
        if let Some((bucket, prefix)) = logs {
            let account = self.log_account.clone().unwrap_or_else(|| lb.account.clone());
            let reader = AccountRegion { account, region: lb.region.clone() };
            let prefix = (reader, bucket.to_owned(), prefix.to_owned());
            self.prefixes.entry(prefix).or_insert_with(|| lb.account.clone());
        }
        self.metered.entry(place.clone()).or_insert_with(|| Metered { load_balancer: key, place });
    }
}

/// Reads one metric in every account-Region with load balancers, and one byte of every log prefix.
pub async fn probe_traffic(
    source: &Source,
    plan: TrafficPlan,
    access: &Access,
    stop: &Stop,
    clock: &Clock,
) -> (TrafficProbe, Vec<PlacedGap>) {
    let mut probe =
        TrafficProbe { metrics: plan.metered.len(), log_prefixes: plan.prefixes.len(), empty_log_prefixes: 0 };
    let placed = |reader: &AccountRegion, place: String, resource: String, gap: Gap| PlacedGap {
        stage: Stage::Traffic,
        account: Some(reader.account.clone()),
        place,
        role: Some(access.entry_for(&reader.account, &plan.purpose)),
        resource,
        gap,
    };
    let mut gaps = Vec::new();
    for (place, gap) in metrics(source, plan.metered, stop, clock).await {
        gaps.push(placed(&place, super::place_name(&place.account, Some(&place.region)), "*".to_owned(), gap));
    }
    let asked = futures::stream::iter(plan.prefixes).map(|((reader, bucket, prefix), account)| async move {
        let answer = tokio::select! {
            biased;
            gap = stop.stopped(Operation::ListObjectsV2.action()) => Err(gap),
            answer = source.look(&reader, &bucket, &prefix, &account) => answer,
        };
        (reader, bucket, prefix, answer)
    });
    let answers: Vec<_> = asked.buffered(CONCURRENCY).collect().await;
    for (reader, bucket, prefix, answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => probe.empty_log_prefixes += 1,
            Err(gap) => {
                let place = format!("s3://{bucket}/{prefix} as {}", reader.account);
                gaps.push(placed(&reader, place, log_resource(&bucket, &gap, access.partition()), gap));
            }
        }
    }
    (probe, gaps)
}

/// The resource on which the refused action has to be allowed, as in the policy of the role.
fn log_resource(bucket: &str, gap: &Gap, partition: &str) -> String {
    let reach = Reach { buckets: BTreeSet::from([bucket.to_owned()]), athena: None };
    let has_action = |grant: &Grant| grant.actions.iter().any(|one| gap.action.as_deref() == Some(one));
    let grant = Capability::Logs.grants(&reach).into_iter().find(has_action);
    let arns = grant.map(|grant| grant.resources_anywhere(partition));
    arns.and_then(|arns| arns.into_iter().next()).unwrap_or_else(|| "*".to_owned())
}

/// The account-Regions in which a metric cannot be read.
async fn metrics(
    source: &Source,
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
    let unread = metered.into_iter().filter_map(|one| match series.get(&one.load_balancer)?.total(Metric::Requests) {
        Known::Unread(gap) => Some((one.place, gap.as_ref().clone())),
        _ => None,
    });
    unread.collect()
}
