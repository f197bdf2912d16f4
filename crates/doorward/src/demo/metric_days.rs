//! The daily metrics of a demonstration: made up, the same in every run, and collected as `doorward metrics collect` does.

use std::path::Path;
use std::sync::Arc;

use doorward_aws::Stop;
use doorward_fakeaws::Server;
use doorward_fakeaws::spec::MetricSpec;
use doorward_model::{DailyMetric, Kind, LoadBalancer};
use doorward_traffic::cloudwatch_name;
use jiff::{SignedDuration, Timestamp};

use crate::collect_metrics::CollectJob;
use crate::exit::{Exit, Failure};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;

/// Puts daily metrics into the emulated world, for every load balancer but those of these names, and collects them into the ledger.
pub(super) async fn collect(
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    idle: &[String],
    today: Timestamp,
) -> Result<(), Failure> {
    let load_balancers = AssembledScan::of(None, settings, ledger)?.report.load_balancers;
    let used = load_balancers.iter().filter(|lb| !idle.contains(&lb.name));
    for (number, lb) in used.enumerate() {
        put(server, lb, number, settings.metrics.days, today)?;
    }
    let job = CollectJob {
        settings,
        ledger,
        load_balancers: &load_balancers,
        days: settings.metrics.days,
        clock: Arc::new(move || today),
        emulator: Some(super::emulator(server)?),
    };
    // The demo takes a second: it needs no stop.
    let (_stopper, stop) = Stop::new();
    job.run(&stop).await.map(drop)
}

/// One value for each day, at its first second: fewer at the end of the week, and other numbers for every load balancer.
fn put(server: &Server, lb: &LoadBalancer, number: usize, days: u32, today: Timestamp) -> Result<(), Failure> {
    let internal = |problem: String| Failure::new(Exit::Internal, format!("the example's metrics: {problem}"));
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
        server.world().add_metric(&spec).map_err(|e| internal(e.to_string()))?;
    }
    Ok(())
}
