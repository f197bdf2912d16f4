//! The metrics that a watch compares: since a change, and before it.

use std::future::Future;

use doorward_model::{Gap, LoadBalancer};
use jiff::{SignedDuration, Timestamp};

use super::{BlockedByLogs, LAG, PERIOD, loss};
use crate::ChangeTarget;

/// The metrics of a load balancer in one period. Periods without a request have no sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricSample {
    /// When the period began.
    pub at: Timestamp,
    /// Requests for which a target was chosen.
    pub requests: f64,
    /// Requests that the load balancer answered with 4xx itself; those that a mode blocks are among them, and not in `requests`.
    pub elb_4xx: f64,
    /// Requests that a target answered with 5xx.
    pub target_5xx: f64,
    /// New connections.
    pub connections: f64,
    /// Requests that do not comply with HTTP, in every mode, blocked or not.
    pub non_compliant: f64,
    /// Requests that a target answered with 4xx.
    pub target_4xx: f64,
}

impl MetricSample {
    /// A period in which nothing is counted.
    pub const fn empty(at: Timestamp) -> Self {
        Self { at, requests: 0.0, elb_4xx: 0.0, target_5xx: 0.0, connections: 0.0, non_compliant: 0.0, target_4xx: 0.0 }
    }

    /// All requests.
    pub(super) fn all(&self) -> f64 {
        self.requests + self.elb_4xx
    }

    /// Requests that a target answered with an error.
    pub(super) fn target_errors(&self) -> f64 {
        self.target_4xx + self.target_5xx
    }
}

/// The metrics of a load balancer in some stretches of time, one sample for each period.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricSamples {
    pub(super) samples: Vec<MetricSample>,
}

impl MetricSamples {
    /// From samples in any order.
    pub fn new(mut samples: Vec<MetricSample>) -> Self {
        samples.sort_by_key(|sample| sample.at);
        Self { samples }
    }

    /// The samples, in the order of time.
    pub fn samples(&self) -> &[MetricSample] {
        &self.samples
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.samples.sort_by_key(|sample| sample.at);
        self.samples.dedup_by_key(|sample| sample.at);
    }
}

/// The metrics of a load balancer before a change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsualMetrics {
    /// Periods of the hours before the change, and of the same hours of the weeks before.
    pub minutes: MetricSamples,
    /// Whole hours of the weeks before the change, one sample for each; empty if they were not read.
    pub hours: MetricSamples,
    /// Why the whole hours could not be read, if they could not.
    pub hours_unread: Option<String>,
}

impl From<MetricSamples> for UsualMetrics {
    fn from(minutes: MetricSamples) -> Self {
        Self { minutes, ..Self::default() }
    }
}

/// Reads the metrics of load balancers. The program implements it with CloudWatch.
pub trait MetricSource {
    /// The metrics from one time until before another, both at whole periods.
    fn read(
        &self,
        target: &ChangeTarget,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<MetricSamples, Gap>>;

    /// The same in samples of whole hours, from one whole hour until before another. A source without them returns none: the watch then
    /// knows less of the usual variation, and compares more coarsely.
    fn read_hours(
        &self,
        target: &ChangeTarget,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<MetricSamples, Gap>> {
        let _ = (target, from, until);
        std::future::ready(Ok(MetricSamples::default()))
    }

    /// The sources of requests that were blocked since a change, from access logs that cover the time and the load balancer.
    ///
    /// # Errors
    /// Why such logs were not read.
    fn blocked(
        &self,
        lb: &LoadBalancer,
        changed: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<BlockedByLogs, String>> {
        let _ = (lb, changed, until);
        std::future::ready(Err("this source has no access logs".to_owned()))
    }
}

/// The usual metrics: the three hours before a change, the same hours of the weeks before, and how whole hours varied.
pub(crate) async fn usual<G: MetricSource>(
    metrics: &G,
    target: &ChangeTarget,
    since: Timestamp,
    end: Timestamp,
    weeks: u32,
) -> Result<UsualMetrics, String> {
    let hour = SignedDuration::from_hours(1);
    let mut minutes = metrics.read(target, shift(floor(since), hour * -3), floor(since)).await.map_err(unread)?;
    for week in 1..=i32::try_from(weeks).unwrap_or(1) {
        let back = SignedDuration::from_hours(24 * 7) * -week;
        let (from, until) = (shift(floor(since), back - hour), shift(ceil(end), back + hour));
        minutes.extend(metrics.read(target, from, until).await.map_err(unread)?);
    }
    let until = whole_hour(since);
    let from = shift(until, hour * -i32::try_from(loss::hours_to_read(weeks)).unwrap_or(i32::MAX));
    // The verdict does not depend on them alone: without them it is coarser.
    let (hours, hours_unread) = match metrics.read_hours(target, from, until).await {
        Ok(hours) => (hours, None),
        Err(gap) => (MetricSamples::default(), Some(format!("whole hours of its metrics could not be read: {gap}"))),
    };
    Ok(UsualMetrics { minutes, hours, hours_unread })
}

/// The metrics since a change, as far as CloudWatch reports them at a time, in whole periods; without the period of the change.
pub(crate) async fn since<G: MetricSource>(
    metrics: &G,
    target: &ChangeTarget,
    changed: Timestamp,
    at: Timestamp,
) -> Result<MetricSamples, String> {
    let (from, until) = (ceil(changed), reported(at));
    if until > from { metrics.read(target, from, until).await.map_err(unread) } else { Ok(MetricSamples::default()) }
}

/// The number of periods that can be read at a time, without the period of the change.
pub(crate) fn periods(changed: Timestamp, at: Timestamp) -> i64 {
    (reported(at).duration_since(ceil(changed)).as_secs() / PERIOD.as_secs()).max(0)
}

/// The end of the periods that CloudWatch reports in full at a time.
pub(crate) fn reported(at: Timestamp) -> Timestamp {
    floor(shift(at, -LAG))
}

fn unread(gap: Gap) -> String {
    format!("its metrics could not be read: {gap}")
}

fn shift(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

fn floor(at: Timestamp) -> Timestamp {
    let period = PERIOD.as_secs();
    Timestamp::from_second(at.as_second().div_euclid(period) * period).unwrap_or(at)
}

fn ceil(at: Timestamp) -> Timestamp {
    let below = floor(at);
    if below == at { at } else { below.saturating_add(PERIOD).unwrap_or(at) }
}

fn whole_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at)
}
