//! Metrics of CloudWatch: series of points, and how long they are kept at which resolution.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::World;
use super::build::{region, timestamp};
use super::spec::MetricSpec;

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

/// Adds the points of one declaration to their series.
pub(super) fn add(world: &World, spec: &MetricSpec) -> Result<(), String> {
    let account = *world.by_id.get(&spec.account).ok_or_else(|| format!("there is no account {}", spec.account))?;
    let cell = world.cell(account, region(world, &spec.region)?);
    let mut namespace = "AWS/ApplicationELB";
    let mut dimensions = spec.dimensions.clone();
    if let Some(name) = &spec.load_balancer {
        let arn = world
            .arn(&spec.account, &spec.region, name)
            .ok_or_else(|| format!("there is no load balancer {name:?} in {} {}", spec.account, spec.region))?;
        let resource = arn.split_once("loadbalancer/").map_or("", |(_, resource)| resource);
        if resource.contains('/') {
            dimensions.insert("LoadBalancer".to_owned(), resource.to_owned());
        } else {
            namespace = "AWS/ELB";
            dimensions.insert("LoadBalancerName".to_owned(), resource.to_owned());
        }
    }
    if let Some(status) = spec.status.as_deref().filter(|status| !STATUSES.contains(status)) {
        return Err(format!("status {status:?} is none that a query can have"));
    }
    let from = timestamp(spec.from.as_deref())?.as_second();
    let every = i64::from(spec.every.unwrap_or(60).max(1));
    let key = (spec.namespace.clone().unwrap_or_else(|| namespace.to_owned()), spec.name.clone(), dimensions);
    let mut cell = world.write(cell);
    let series = cell.metrics.entry(key).or_default();
    series.status = spec.status.clone().or(series.status.take());
    for (number, value) in (0_i64..).zip(&spec.values) {
        *series.points.entry(from + number * every).or_default() += value;
    }
    Ok(())
}

const STATUSES: [&str; 4] = ["Complete", "InternalError", "PartialData", "Forbidden"];

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
