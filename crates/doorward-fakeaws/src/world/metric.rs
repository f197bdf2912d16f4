//! Metrics of CloudWatch: series of points, and how long they are kept at which resolution.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The identity of a series: namespace, metric name, and dimensions ordered by name.
pub(crate) type SeriesKey = (String, String, BTreeMap<String, String>);

/// A series of raw points.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// By seconds since the epoch.
    pub(crate) points: BTreeMap<i64, f64>,
    /// A status that queries get instead of values.
    pub(crate) status: Option<String>,
}

/// Retention: days, and the period in seconds of which a query's period must be a multiple.
const RETENTION: [(i64, i64); 3] = [(15, 60), (63, 300), (455, 3600)];

/// Whether a point of this age in seconds is available for a query with this period.
pub(crate) fn kept(age: i64, period: i64) -> bool {
    let coarsest = RETENTION.iter().find(|(days, _)| age <= days * 86_400);
    coarsest.is_some_and(|(_, multiple)| *multiple == 60 || period % multiple == 0)
}

/// The value of a statistic over the raw points of a period; none without points.
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

/// The effective start of a query: rounded down to a minute, five minutes or an hour, by its age.
pub(crate) fn aligned(start: Timestamp, now: Timestamp) -> i64 {
    let seconds = start.as_second();
    let age = now.as_second() - seconds;
    let step = RETENTION.iter().find(|(days, _)| age <= days * 86_400).map_or(3600, |(_, multiple)| *multiple);
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
