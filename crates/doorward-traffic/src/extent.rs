//! Which log objects have to be read at all, by what CloudWatch's metric counts.
//!
//! A load balancer counts non-compliant requests in a metric, so only the objects around the periods in which that metric is above
//! zero can hold any. All other requests are in the metric of all requests. Whether the objects that were read hold as many requests as
//! the metric counts is checked afterwards ([`falls_short`]); if they do not, all objects have to be read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::{Known, Metric, Series};
use crate::object::INTERVAL;
use crate::source::LogSpan;
use crate::tally::LoadBalancerTally;
use crate::window::Window;

/// How much of the logs of a load balancer is read, and why.
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

/// The whole window as one span.
pub(crate) fn whole(window: Window) -> LogSpan {
    (window.starts_at(), window.ends_at())
}

/// How much of the logs has to be read, and the spans of time whose lines are wanted, in order and apart. Without metrics that is
/// the whole window.
pub fn extent(series: Option<&Series>, window: Window) -> (Extent, Vec<LogSpan>) {
    let all = || (Extent::AllWithoutMetric, vec![whole(window)]);
    let Some(series) = series else { return all() };
    match series.total(Metric::NonCompliant) {
        Known::Count(0) => (Extent::Cleared, Vec::new()),
        Known::NoTraffic => (Extent::NoTraffic, Vec::new()),
        Known::Unread(_) | Known::NotAsked => all(),
        Known::Count(_) => match series.above_zero(Metric::NonCompliant) {
            Some(spans) => (Extent::AroundPeriods, widened(spans)),
            None => all(),
        },
    }
}

/// Spans with one log interval more on each side, because log and metric cut time at different moments; joined where they meet.
fn widened(spans: Vec<LogSpan>) -> Vec<LogSpan> {
    let mut joined: Vec<LogSpan> = Vec::new();
    for (start, end) in spans {
        let start = start.saturating_sub(INTERVAL).unwrap_or(Timestamp::MIN);
        let end = end.saturating_add(INTERVAL).unwrap_or(Timestamp::MAX);
        match joined.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// Whether the logs that were read hold fewer non-compliant requests than the metric counts: then reading less was not enough.
pub fn falls_short(series: Option<&Series>, tally: Option<&LoadBalancerTally>) -> bool {
    let expected = series.and_then(|series| series.total(Metric::NonCompliant).count());
    let logged = tally.map_or(0, LoadBalancerTally::non_compliant);
    expected.is_some_and(|expected| logged < expected)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use doorward_model::{AccountId, AccountRegion, Region};
    use proptest::prelude::*;

    use super::*;
    use crate::metric::Answer;
    use crate::source::LogPlace;
    use crate::tally::LoadBalancerKey;

    const START: i64 = 1_788_220_800;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).expect("a time")
    }

    fn series(counts: &[u64], period: u32, with_requests: bool) -> Series {
        let time = |number: usize| at(i64::from(period) * number as i64);
        let points = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut answers = BTreeMap::from([(
            Metric::NonCompliant,
            Answer::Points(points.map(|(n, count)| (time(n), *count)).collect()),
        )]);
        if with_requests {
            answers.insert(Metric::Requests, Answer::Points([(time(0), 1_000)].into()));
        }
        let window = Window::covering(time(0), time(counts.len().max(1))).expect("a window");
        Series { window, period_seconds: period, answers }
    }

    /// The numbers of those of the first `objects` log objects, one for each interval, that would be read.
    fn read(series: Option<&Series>, objects: i64) -> (Extent, Vec<i64>) {
        let window = Window::covering(at(0), at(300 * objects)).expect("a window");
        let (extent, spans) = extent(series, window);
        let account = AccountId::new("111122223333").expect("an account");
        let region = Region::new("eu-west-1").expect("a Region");
        let place = LogPlace {
            load_balancer: LoadBalancerKey { account: None, region: None, id: "app/web/50dc6c495c0c9188".to_owned() },
            bucket: "logs".to_owned(),
            prefix: String::new(),
            reader: AccountRegion { account, region },
            spans,
        };
        let end = |number: i64| at(300 * (number + 1));
        (extent, (0..objects).filter(|number| place.wants(end(*number))).collect())
    }

    #[test]
    fn a_zero_clears_and_nothing_known_reads_all() {
        let all: Vec<i64> = (0..12).collect();
        assert_eq!(read(Some(&series(&[0; 12], 300, true)), 12), (Extent::Cleared, vec![]));
        assert_eq!(read(Some(&series(&[0; 12], 300, false)), 12), (Extent::AllWithoutMetric, all.clone()));
        assert_eq!(read(None, 12), (Extent::AllWithoutMetric, all));
        let mut one = [0; 12];
        one[6] = 3;
        // The period itself, one interval on each side, one more whose lines may be late, and nothing else.
        assert_eq!(read(Some(&series(&one, 300, true)), 12), (Extent::AroundPeriods, vec![5, 6, 7, 8]));
    }

    #[test]
    fn fewer_requests_than_the_metric_counts_fall_short() {
        let counted = series(&[0, 0, 5], 300, true);
        assert!(falls_short(Some(&counted), None));
        assert!(falls_short(Some(&counted), Some(&LoadBalancerTally::default())));
        assert!(!falls_short(Some(&series(&[0; 3], 300, true)), None));
        assert!(!falls_short(None, None));
    }

    proptest! {
        /// A request is logged in the object of its interval and counted in the period of its time, give or take a minute.
        #[test]
        fn no_request_that_counts_is_skipped(
            requests in prop::collection::vec((0_i64..36_000, -60_i64..=60), 0..20),
            period in prop::sample::select(vec![60_u32, 300, 3_600]),
        ) {
            let mut counts = vec![0_u64; 36_100 / period as usize + 2];
            for (second, off) in &requests {
                let counted = (second + off).max(0);
                counts[counted as usize / period as usize] += 1;
            }
            let (_, objects) = read(Some(&series(&counts, period, true)), 121);
            for (second, _) in requests {
                prop_assert!(objects.contains(&(second / 300)), "{second}");
            }
        }
    }
}
