//! Metrics of CloudWatch: series of points, and how long they are kept at which resolution.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What tells a series from another: namespace, metric name, dimensions in order of their names.
pub(crate) type SeriesKey = (String, String, BTreeMap<String, String>);

/// A series of raw points.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// By seconds since the epoch.
    pub(crate) points: BTreeMap<i64, f64>,
    /// A status that queries of it get instead of their values.
    pub(crate) status: Option<String>,
}

/// How many days a point is kept in periods of which multiple.
const KEPT: [(i64, i64); 3] = [(15, 60), (63, 300), (455, 3600)];

/// Whether a point as old as `age` seconds is still there for a query with this period.
pub(crate) fn kept(age: i64, period: i64) -> bool {
    let coarsest = KEPT.iter().find(|(days, _)| age <= days * 86_400);
    coarsest.is_some_and(|(_, multiple)| *multiple == 60 || period % multiple == 0)
}

/// The period's value of a statistic over its raw points; nothing when there are none.
pub(crate) fn statistic(name: &str, values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let sum: f64 = values.iter().sum();
    Some(match name {
        "Sum" => sum,
        "Average" => sum / count,
        "SampleCount" => count,
        "Minimum" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "Maximum" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        _ => return None,
    })
}

/// Where a query that starts here really starts: on a minute, five minutes or an hour, by its age.
pub(crate) fn aligned(start: Timestamp, now: Timestamp) -> i64 {
    let seconds = start.as_second();
    let age = now.as_second() - seconds;
    let step = KEPT.iter().find(|(days, _)| age <= days * 86_400).map_or(3600, |(_, multiple)| *multiple);
    seconds - seconds.rem_euclid(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_points_are_kept_in_longer_periods() {
        for (days, period, expected) in [
            (1, 60, true),
            (14, 1, true),
            (16, 60, false),
            (16, 300, true),
            (64, 300, false),
            (64, 3600, true),
            (64, 86_400, true),
            (456, 3600, false),
        ] {
            assert_eq!(kept(days * 86_400, period), expected, "{days} days, {period} s");
        }
    }
}
