//! The daily metrics of a demonstration: made up, and the same in every run.

use doorward_fakeaws::Server;
use doorward_fakeaws::spec::MetricSpec;
use doorward_model::{DailyMetric, Kind, LoadBalancer};
use doorward_traffic::cloudwatch_name;
use jiff::{SignedDuration, Timestamp};

use crate::ExampleError;

/// Puts daily metrics of so many days before today into the emulated world, for every load balancer but those of these names.
///
/// # Errors
///
/// The emulated world has no such load balancer.
pub fn put_daily_metrics(
    server: &Server,
    load_balancers: &[LoadBalancer],
    idle: &[String],
    days: u32,
    today: Timestamp,
) -> Result<(), ExampleError> {
    let used = load_balancers.iter().filter(|lb| !idle.contains(&lb.name));
    used.enumerate().try_for_each(|(number, lb)| put(server, lb, number, days, today))
}

/// One value for each day, at its first second: fewer at the end of the week, and other numbers for every load balancer.
fn put(server: &Server, lb: &LoadBalancer, number: usize, days: u32, today: Timestamp) -> Result<(), ExampleError> {
    let midnight = today.as_second().div_euclid(86_400) * 86_400;
    let from = Timestamp::from_second(midnight).unwrap_or(today);
    let from = from.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(from);
    for metric in DailyMetric::of(lb.kind) {
        let Some((namespace, _, name)) = cloudwatch_name(lb.kind, *metric) else { continue };
        let value = |day: u32| {
            let weekend = if matches!(day % 7, 5 | 6) { 3 } else { 10 };
            let base = (2_000 + number * 137) * weekend + usize::try_from(day % 11).unwrap_or(0) * 40;
            let value = match metric {
                DailyMetric::Requests | DailyMetric::NewFlows => base,
                DailyMetric::Bytes => base * 5_000,
                DailyMetric::NewConnections => base / 4,
                DailyMetric::NonCompliant => base / 900,
                DailyMetric::Target5xx | DailyMetric::LoadBalancer4xx => base / 700,
                DailyMetric::Target4xx => base / 150,
                DailyMetric::Redirects | DailyMetric::FixedResponses | DailyMetric::LoadBalancer5xx => 0,
            };
            value as f64
        };
        let spec = MetricSpec {
            account: lb.account.to_string(),
            region: lb.region.to_string(),
            namespace: (lb.kind != Kind::Classic).then(|| namespace.to_owned()),
            name: name.to_owned(),
            load_balancer: Some(lb.name.clone()),
            from: Some(from.to_string()),
            every: Some(86_400),
            values: (0..days).map(value).collect(),
            ..MetricSpec::default()
        };
        server.world().add_metric(&spec)?;
    }
    Ok(())
}
