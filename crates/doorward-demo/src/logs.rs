//! The access logs of a demonstration, where its load balancers write theirs, and what CloudWatch counts of them.

use std::collections::BTreeMap;

use doorward_fakeaws::Server;
use doorward_fakeaws::spec::MetricSpec;
use doorward_model::{LoadBalancer, LogDestination, Observed};
use doorward_traffic::{Hour, HourTally, Key, Limits, LoadBalancerKey, LoadBalancerTally, Metric, Reader, Tally};
use jiff::Timestamp;

use crate::ExampleError;

/// Every access log of `examples/traffic`, by its path there.
const LOGS: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/logs.rs"));

/// Puts the logs into the buckets, and counts them as CloudWatch would. Says whether any found its bucket.
///
/// # Errors
///
/// The emulated world has no such load balancer.
pub fn put_logs(server: &Server, load_balancers: &[LoadBalancer]) -> Result<bool, ExampleError> {
    let places: BTreeMap<LoadBalancerKey, (&LoadBalancer, &str, &str)> = load_balancers
        .iter()
        .filter_map(|lb| match &lb.access_logs {
            Observed::Known(LogDestination::S3 { bucket, prefix }) => {
                Some((doorward_traffic::key(lb), (lb, bucket.as_str(), prefix.as_str())))
            }
            _ => None,
        })
        .collect();
    let world = server.world();
    let mut reader = Reader::new(Limits::default(), None);
    let mut tally = Tally::default();
    // Requests that no target was chosen for are not in RequestCount. A file has lines of one hour only.
    let mut untargeted: BTreeMap<(LoadBalancerKey, Hour), u64> = BTreeMap::new();
    for (path, bytes) in LOGS {
        let Key::AccessLog(object) = Key::read(path) else { continue };
        let Some((_, bucket, prefix)) = places.get(&object.load_balancer) else { continue };
        let key = if prefix.is_empty() { (*path).to_owned() } else { format!("{prefix}/{path}") };
        if world.put_object(bucket, &key, bytes.to_vec(), object.end) {
            let file = reader.read(path, bytes);
            for (key, counted) in &file.load_balancers {
                let without = counted.target_groups.get("-").copied().unwrap_or(0);
                let hour = counted.hours.keys().next().copied();
                hour.into_iter().for_each(|hour| *untargeted.entry((key.clone(), hour)).or_default() += without);
            }
            tally.merge(&file);
        }
    }
    for (key, counted) in &tally.load_balancers {
        let Some((lb, ..)) = places.get(key) else { continue };
        let without = |hour: Hour| untargeted.get(&(key.clone(), hour)).copied().unwrap_or(0);
        let requests = |hour: Hour, tally: &HourTally| tally.lines().saturating_sub(without(hour));
        let odd = |_: Hour, tally: &HourTally| tally.non_compliant();
        for spec in [spec(lb, Metric::Requests, counted, requests), spec(lb, Metric::NonCompliant, counted, odd)] {
            world.add_metric(&spec)?;
        }
    }
    Ok(!tally.load_balancers.is_empty())
}

/// A metric by hour, over the hours that were logged.
fn spec(
    lb: &LoadBalancer,
    metric: Metric,
    counted: &LoadBalancerTally,
    of: impl Fn(Hour, &HourTally) -> u64,
) -> MetricSpec {
    let hours = counted.window().map(|window| (window.starts_at(), window.hours()));
    let (from, count) = hours.unwrap_or((Timestamp::UNIX_EPOCH, 0));
    let mut values = vec![0.0; count as usize];
    for (hour, tally) in &counted.hours {
        let number = hour.start().duration_since(from).as_hours();
        let requests = of(*hour, tally);
        if let Some(value) = usize::try_from(number).ok().and_then(|number| values.get_mut(number)) {
            *value = requests as f64;
        }
    }
    MetricSpec {
        account: lb.account.to_string(),
        region: lb.region.to_string(),
        name: metric.application().to_owned(),
        load_balancer: Some(lb.name.clone()),
        from: Some(from.to_string()),
        every: Some(3600),
        values,
        ..MetricSpec::default()
    }
}
