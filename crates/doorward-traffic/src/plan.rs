//! Reading less: which objects have to be fetched at all, what that costs, and the proof that nothing was missed.
//!
//! A load balancer counts requests that are not compliant in a metric, so only the objects of periods in which that metric
//! is above zero can hold any. The other requests are in the metric of all requests. Whether the objects fetched held as many as the metric
//! counted is checked afterwards; where they did not, all objects have to be read.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::{Known, Metric, Series};
use crate::object::{INTERVAL, LogObject};
use crate::tally::{BalancerKey, BalancerTally};

/// What fetching costs, in US dollars. AWS changes prices; these are settings, not facts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A million GET requests.
    pub million_gets: f64,
    /// A gigabyte (10^9 bytes) that leaves the Region; 0 where the reader runs in it.
    pub gigabyte_out: f64,
    /// A terabyte (10^12 bytes) that Athena scans.
    pub terabyte_scanned: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { million_gets: 0.40, gigabyte_out: 0.0, terabyte_scanned: 5.0 }
    }
}

/// An object that was listed, with its size as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// What its key says.
    pub object: LogObject,
    /// Its whole key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// Why so many objects of a load balancer are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// None: the metric was zero for the whole window, while there was traffic.
    Cleared,
    /// None: there was no traffic.
    NoTraffic,
    /// Those around the periods in which the metric is above zero.
    AroundPeriods,
    /// All, because the metric could not be read or was not asked for.
    AllWithoutMetric,
    /// All, because what was found did not agree with the metric.
    AllAfterDisagreement,
    /// All, because Athena scans whole days.
    AllByAthena,
}

/// The plan for one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalancerPlan {
    /// The load balancer.
    pub balancer: BalancerKey,
    /// How much is fetched, and why.
    pub extent: Extent,
    /// What is fetched, in the order of keys.
    pub fetch: Vec<ListedObject>,
    /// Objects that are left out.
    pub skipped: u64,
    /// Their bytes.
    pub skipped_bytes: u64,
    /// What the objects have to hold of requests that are not compliant, as the metric counts.
    pub expected: Option<u64>,
}

/// What all of it costs. Shown before anything is fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Objects to fetch.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects left out.
    pub skipped: u64,
    /// Their bytes.
    pub skipped_bytes: u64,
    /// US dollars, by the prices in the settings.
    pub dollars: f64,
}

/// Plans for load balancers with their metrics and the objects that were listed. Objects of load balancers that are not in
/// `series` are all fetched.
pub fn plan(series: &BTreeMap<BalancerKey, Series>, objects: Vec<ListedObject>) -> Vec<BalancerPlan> {
    let mut listed: BTreeMap<BalancerKey, Vec<ListedObject>> =
        series.keys().map(|key| (key.clone(), Vec::new())).collect();
    for object in objects {
        listed.entry(object.object.balancer.clone()).or_default().push(object);
    }
    let one = |(balancer, objects): (BalancerKey, Vec<ListedObject>)| {
        let series = series.get(&balancer);
        plan_one(balancer, series, objects)
    };
    listed.into_iter().map(one).collect()
}

fn plan_one(balancer: BalancerKey, series: Option<&Series>, objects: Vec<ListedObject>) -> BalancerPlan {
    let known = series.map(|series| series.total(Metric::NonCompliant));
    let (extent, expected, spans) = match known {
        Some(Known::Count(0)) => (Extent::Cleared, Some(0), Some(Vec::new())),
        Some(Known::NoTraffic) => (Extent::NoTraffic, None, Some(Vec::new())),
        Some(Known::Count(count)) => {
            let spans = series.and_then(|series| series.above_zero(Metric::NonCompliant));
            (Extent::AroundPeriods, Some(count), spans)
        }
        Some(Known::Unread(_) | Known::NotAsked) | None => (Extent::AllWithoutMetric, None, None),
    };
    let wanted = |object: &ListedObject| {
        let Some(spans) = &spans else { return true };
        spans.iter().any(|(start, end)| may_hold(object.object.end, *start, *end))
    };
    let (mut fetch, left): (Vec<_>, Vec<_>) = objects.into_iter().partition(wanted);
    fetch.sort_by(|a, b| a.key.cmp(&b.key));
    let (skipped, skipped_bytes) = (left.len() as u64, left.iter().map(|object| object.bytes).sum());
    BalancerPlan { balancer, extent, fetch, skipped, skipped_bytes, expected }
}

/// Whether an object of which the five minutes end then may hold lines of a span. One interval more on each side, because
/// log and metric cut time at different moments.
fn may_hold(object_end: Timestamp, start: Timestamp, end: Timestamp) -> bool {
    let object_start = object_end.saturating_sub(INTERVAL).unwrap_or(Timestamp::MIN);
    let start = start.saturating_sub(INTERVAL).unwrap_or(Timestamp::MIN);
    let end = end.saturating_add(INTERVAL).unwrap_or(Timestamp::MAX);
    object_start < end && start < object_end
}

/// What a plan costs.
pub fn estimate(plans: &[BalancerPlan], prices: Prices) -> Estimate {
    let mut sum = Estimate::default();
    for plan in plans {
        sum.objects += plan.fetch.len() as u64;
        sum.bytes += plan.fetch.iter().map(|object| object.bytes).sum::<u64>();
        sum.skipped += plan.skipped;
        sum.skipped_bytes += plan.skipped_bytes;
    }
    sum.dollars = sum.objects as f64 / 1e6 * prices.million_gets + sum.bytes as f64 / 1e9 * prices.gigabyte_out;
    sum
}

/// Whether reading less was enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// As many were found as the metric counts, or more: nothing was missed.
    Complete {
        /// Found in the objects.
        found: u64,
        /// Counted by the metric.
        expected: u64,
    },
    /// Fewer were found. All objects have to be read; what is missing then was never logged.
    Incomplete {
        /// Found in the objects.
        found: u64,
        /// Counted by the metric.
        expected: u64,
    },
    /// There is no metric to compare with, and everything was read instead.
    NotNeeded,
}

impl BalancerPlan {
    /// Compares what was found with the metric. A line that was not understood may be any, so it proves nothing.
    pub fn proof(&self, tally: Option<&BalancerTally>) -> Proof {
        let Some(expected) = self.expected else { return Proof::NotNeeded };
        let found = tally.map_or(0, BalancerTally::non_compliant);
        if found >= expected { Proof::Complete { found, expected } } else { Proof::Incomplete { found, expected } }
    }

    /// The plan that reads everything, for when the proof failed.
    #[must_use]
    pub fn all(&self, objects: impl IntoIterator<Item = ListedObject>) -> Self {
        let mine = |object: &ListedObject| object.object.balancer == self.balancer;
        let mut fetch: Vec<ListedObject> = objects.into_iter().filter(mine).collect();
        fetch.sort_by(|a, b| a.key.cmp(&b.key));
        let (balancer, extent) = (self.balancer.clone(), Extent::AllAfterDisagreement);
        Self { balancer, extent, fetch, skipped: 0, skipped_bytes: 0, expected: self.expected }
    }
}

/// The longest period with which reading less makes sense: with longer ones hardly anything is left out. CloudWatch keeps
/// periods of five minutes for 63 days.
pub const LONGEST_PERIOD: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::Answer;
    use crate::object::Key;
    use crate::window::Window;

    const START: i64 = 1_788_220_800;

    fn object(number: i64) -> ListedObject {
        let end = Timestamp::from_second(START + 300 * (number + 1)).expect("a time");
        let key = format!(
            "111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_{}_198.51.100.60_abcdefgh.log.gz",
            end.strftime("%Y%m%dT%H%MZ")
        );
        let Key::AccessLog(object) = Key::read(&key) else { panic!("{key}") };
        assert_eq!(object.end, end);
        ListedObject { object, key, bytes: 1_000 }
    }

    fn series(counts: &[u64], period: u32, with_requests: bool) -> BTreeMap<BalancerKey, Series> {
        let at = |number: usize| Timestamp::from_second(START + i64::from(period) * number as i64).expect("a time");
        let points = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut answers = BTreeMap::from([(
            Metric::NonCompliant,
            Answer::Points(points.map(|(n, count)| (at(n), *count)).collect()),
        )]);
        if with_requests {
            answers.insert(Metric::Requests, Answer::Points([(at(0), 1_000)].into()));
        }
        let window = Window::covering(at(0), at(counts.len().max(1))).expect("a window");
        BTreeMap::from([(object(0).object.balancer, Series { window, period_seconds: period, answers })])
    }

    #[test]
    fn a_zero_clears_and_nothing_known_reads_all() {
        let objects: Vec<ListedObject> = (0..12).map(object).collect();
        let only = |series: &BTreeMap<BalancerKey, Series>| {
            let plans = plan(series, objects.clone());
            assert_eq!(plans.len(), 1);
            (plans[0].extent, plans[0].fetch.len(), plans[0].skipped)
        };
        assert_eq!(only(&series(&[0; 12], 300, true)), (Extent::Cleared, 0, 12));
        assert_eq!(only(&series(&[0; 12], 300, false)), (Extent::AllWithoutMetric, 12, 0));
        assert_eq!(only(&BTreeMap::new()), (Extent::AllWithoutMetric, 12, 0));
        let mut one = [0; 12];
        one[6] = 3;
        // The period itself, one interval on each side, and nothing else.
        assert_eq!(only(&series(&one, 300, true)), (Extent::AroundPeriods, 3, 9));
        let plans = plan(&series(&one, 300, true), objects);
        let sum = estimate(&plans, Prices { million_gets: 0.4, gigabyte_out: 0.09, ..Prices::default() });
        assert_eq!((sum.objects, sum.bytes, sum.skipped_bytes), (3, 3_000, 9_000));
        assert!((sum.dollars - (3.0 * 0.4e-6 + 3e-6 * 0.09)).abs() < 1e-12);
    }

    #[test]
    fn what_was_not_found_reads_all() {
        let objects: Vec<ListedObject> = (0..12).map(object).collect();
        let plans = plan(&series(&[0, 0, 5], 300, true), objects.clone());
        assert_eq!(plans[0].proof(None), Proof::Incomplete { found: 0, expected: 5 });
        assert_eq!(plans[0].all(objects).fetch.len(), 12);
    }

    proptest! {
        /// A request is logged in the object of its interval and counted in the period of its time, give or take a minute.
        #[test]
        fn no_request_that_counts_is_skipped(
            at in prop::collection::vec((0_i64..36_000, -60_i64..=60), 0..20), period in prop::sample::select(vec![60_u32, 300, 3_600]),
        ) {
            let mut counts = vec![0_u64; 36_100 / period as usize + 2];
            for (second, off) in &at {
                let counted = (second + off).max(0);
                counts[counted as usize / period as usize] += 1;
            }
            let plans = plan(&series(&counts, period, true), (0..121).map(object).collect());
            for (second, _) in at {
                let holds = object(second / 300);
                prop_assert!(plans[0].fetch.contains(&holds), "{second}");
            }
        }
    }
}
