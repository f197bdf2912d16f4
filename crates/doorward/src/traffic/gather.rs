//! Gathers the traffic of an organization: metrics first, then only those logs that the metrics do not answer for.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::{AccountRegion, Kind, LoadBalancer, LogDestination, Observed};
use doorward_traffic::{
    BalancerKey, CallLimits, Extent, INTERVAL, Known, LogPlace, LogPlan, Metered, Metric, Missed, Series, Source, Span,
    Tally, Window,
};
use jiff::Timestamp;

use super::found::{Found, Lost, key};
use super::sessions::Roles;
use super::settings::TrafficSettings;
use crate::exit::Failure;
use crate::plain::harmless;
use crate::progress::Progress;
use crate::settings::Settings;

/// Periods of the metrics, in seconds: those of the log files.
const PERIOD: u32 = 300;

/// What to gather.
pub(crate) struct Errand<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) load_balancers: &'a [LoadBalancer],
    pub(crate) window: Window,
    /// Read all logs, whatever the metrics say.
    pub(crate) all_logs: bool,
    /// Say what would be read, and read no log.
    pub(crate) dry_run: bool,
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

/// Gathers it. None for a dry run.
pub(crate) async fn gather(errand: &Errand<'_>, stop: &Stop) -> Result<Option<Found>, Failure> {
    let settings = errand.settings;
    let (access, calls) = (settings.access.clone(), settings.calls.clone());
    let access = Access::connect(access, calls, errand.clock.clone(), errand.emulator.as_ref(), stop).await?;
    let limits = CallLimits { tries: settings.calls.tries, ..CallLimits::default() };
    let source = Source::new(Roles::new(Arc::new(access), settings.traffic.purpose()), limits);
    let asked: Vec<&LoadBalancer> = errand.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
    let series = metrics(&source, &asked, errand).await;
    let (mut extents, mut places) = (BTreeMap::new(), Vec::new());
    for lb in asked {
        let Some((bucket, prefix)) = logs(lb) else { continue };
        let key = key(lb);
        let (extent, spans) = if errand.all_logs {
            (Extent::AllWithoutMetric, vec![whole(errand.window)])
        } else {
            extent(series.get(&key), errand.window)
        };
        extents.insert(key.clone(), extent);
        if !spans.is_empty() {
            places.push(place(lb, bucket, prefix, spans, &settings.traffic));
        }
    }
    let plan = source.plan_logs(&places).await;
    tell(&plan, &extents, &settings.traffic, errand);
    if errand.dry_run {
        return Ok(None);
    }
    let mut found = Found::new(Some(errand.window), Tally::default());
    found.series = series;
    count(&source, &plan, errand, &mut found).await;
    // Where fewer were found than the metric counts, reading less was not enough.
    let short = places.iter().filter(|place| extents.get(&place.balancer) == Some(&Extent::AroundPeriods));
    let short = short.filter(|place| falls_short(&found, &place.balancer)).cloned();
    let short: Vec<LogPlace> = short.map(|place| LogPlace { spans: vec![whole(errand.window)], ..place }).collect();
    if !short.is_empty() {
        for place in &short {
            extents.insert(place.balancer.clone(), Extent::AllAfterDisagreement);
            found.tally.balancers.remove(&place.balancer);
            found.missed.retain(|lost| lost.balancer != place.balancer);
        }
        if !errand.quiet {
            let _ = writeln!(
                std::io::stderr(),
                "{} load balancers logged less than CloudWatch counts around its periods: all of their logs are read",
                short.len()
            );
        }
        let plan = source.plan_logs(&short).await;
        count(&source, &plan, errand, &mut found).await;
    }
    found.extents = extents;
    Ok(Some(found))
}

async fn metrics(
    source: &Source<Roles>,
    asked: &[&LoadBalancer],
    errand: &Errand<'_>,
) -> BTreeMap<BalancerKey, Series> {
    let metered: Vec<Metered> = asked
        .iter()
        .map(|lb| {
            let place = AccountRegion { account: lb.account.clone(), region: lb.region.clone() };
            Metered { balancer: key(lb), place }
        })
        .collect();
    source.metrics(&metered, &Metric::ALL, errand.window, PERIOD, (errand.clock)()).await
}

pub(crate) fn logs(lb: &LoadBalancer) -> Option<(&str, &str)> {
    match &lb.access_logs {
        // Logs of classic load balancers have no classification.
        Observed::Known(LogDestination::S3 { bucket, prefix }) if lb.kind == Kind::Application => {
            Some((bucket, prefix))
        }
        _ => None,
    }
}

fn whole(window: Window) -> Span {
    (window.starts_at(), window.ends_at())
}

/// How much of the logs has to be read, by what the metric says.
fn extent(series: Option<&Series>, window: Window) -> (Extent, Vec<Span>) {
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

/// Spans with an interval more on each side, because log and metric cut time at different moments; joined where they meet.
fn widened(spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
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

fn place(lb: &LoadBalancer, bucket: &str, prefix: &str, spans: Vec<Span>, settings: &TrafficSettings) -> LogPlace {
    let account = settings.log_account.clone().unwrap_or_else(|| lb.account.clone());
    LogPlace {
        balancer: key(lb),
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        reader: AccountRegion { account, region: lb.region.clone() },
        spans,
    }
}

/// Says what will be read, before any of it is.
fn tell(plan: &LogPlan, extents: &BTreeMap<BalancerKey, Extent>, settings: &TrafficSettings, errand: &Errand<'_>) {
    if errand.quiet && !errand.dry_run {
        return;
    }
    let of = |wanted: Extent| extents.values().filter(|extent| **extent == wanted).count();
    let cost = plan.cost(&settings.prices());
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "{} load balancers log to S3: {} cleared by CloudWatch's metric, {} without traffic, {} around the metric's periods, {} in full",
        extents.len(),
        of(Extent::Cleared),
        of(Extent::NoTraffic),
        of(Extent::AroundPeriods),
        of(Extent::AllWithoutMetric),
    );
    let _ = writeln!(
        out,
        "to read: {} objects, {:.1} MB; about {:.4} dollars for requests and {:.4} for the bytes if they leave their Region",
        plan.gets(),
        plan.bytes() as f64 / 1e6,
        cost.requests,
        cost.transfer_from_afar
    );
    for Missed { balancer, what, gap } in &plan.missed {
        let _ = writeln!(out, "cannot be listed: {}", harmless(&format!("{balancer}: {what}: {gap}")));
    }
}

async fn count(source: &Source<Roles>, plan: &LogPlan, errand: &Errand<'_>, found: &mut Found) {
    let progress = Progress::start("log files read", errand.quiet);
    let (mut done, all) = (0, plan.objects.len());
    let threads = errand.settings.traffic.threads();
    let counted = source
        .count_logs(plan, threads, Some(errand.window), |_, _| {
            done += 1;
            progress.at(done, all);
        })
        .await;
    progress.finish();
    found.tally.merge(&counted.tally);
    found.missed.extend(counted.missed.into_iter().map(|Missed { balancer, what, gap }| Lost { balancer, what, gap }));
}

/// Whether fewer requests were found than the metric counts.
fn falls_short(found: &Found, key: &BalancerKey) -> bool {
    let expected = found.series.get(key).and_then(|series| series.total(Metric::NonCompliant).count());
    let logged = found.tally.balancers.get(key).map_or(0, doorward_traffic::BalancerTally::non_compliant);
    expected.is_some_and(|expected| logged < expected)
}
