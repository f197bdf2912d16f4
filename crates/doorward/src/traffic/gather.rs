//! Gathers the traffic of an organization: metrics first, then only those logs that the metrics do not answer for.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::{AccountRegion, Gap, Kind, LoadBalancer, LogDestination, Observed};
use doorward_traffic::{
    BalancerKey, CallLimits, Extent, INTERVAL, Known, LogPlace, LogPlan, Memory, Metered, Metric, Missed, Planned,
    Remembered, Series, Source, Span, Tally, Window,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::athena;
use super::found::{Found, Lost, key};
use super::reach::Reaches;
use super::sessions::Roles;
use crate::cli::Engine;
use crate::exit::{Exit, Failure};
use crate::plain::harmless;
use crate::progress::Progress;
use crate::settings::{Settings, TrafficSettings};

/// Periods of the metrics, in seconds: those of the log files.
const PERIOD: u32 = 300;

/// What to gather.
pub(crate) struct Errand<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) load_balancers: &'a [LoadBalancer],
    pub(crate) window: Window,
    /// Read all logs, whatever the metrics say.
    pub(crate) all_logs: bool,
    /// What counts the logs.
    pub(crate) engine: Engine,
    /// Where counts of log files are remembered.
    pub(crate) state: Option<&'a Path>,
    /// Say what would be read, and read no log.
    pub(crate) dry_run: bool,
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

/// Gathers it. None for a dry run.
pub(crate) async fn gather(errand: &Errand<'_>, stop: &Stop) -> Result<Option<Found>, Failure> {
    let settings = errand.settings;
    let asked: Vec<&LoadBalancer> = errand.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
    let reaches = Reaches::of(&settings.traffic, errand.engine, &asked)?;
    let (access, calls) = (settings.access.clone(), settings.calls.clone());
    let access = Access::connect(access, calls, errand.clock.clone(), errand.emulator.as_ref(), stop).await?;
    let limits = CallLimits { tries: settings.calls.tries, ..CallLimits::default() };
    let source = Source::new(Roles::new(Arc::new(access), reaches), limits);
    let series = metrics(&source, &asked, errand).await;
    let found = match errand.engine {
        Engine::Embedded => embedded(&source, &asked, series, errand).await?,
        Engine::Athena => athena::gather(&source, &asked, series, errand, stop).await?,
    };
    Ok(found.map(|found| found.about(errand.load_balancers)))
}

/// Fetches the logs that matter, and counts them here.
async fn embedded(
    source: &Source<Roles>,
    asked: &[&LoadBalancer],
    series: BTreeMap<BalancerKey, Series>,
    errand: &Errand<'_>,
) -> Result<Option<Found>, Failure> {
    let settings = errand.settings;
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
    let mut memory = memory(errand)?;
    let mut found = Found::new(Some(errand.window), Tally::default());
    found.series = series;
    count(source, &plan, errand, memory.as_mut(), &mut found).await;
    // Where fewer were found than the metric counts, reading less was not enough.
    let short = places.iter().filter(|place| extents.get(&place.balancer) == Some(&Extent::AroundPeriods));
    let short = short.filter(|place| falls_short(&found, &place.balancer)).cloned();
    let short: Vec<LogPlace> = short.map(|place| LogPlace { spans: vec![whole(errand.window)], ..place }).collect();
    if !short.is_empty() {
        for place in &short {
            extents.insert(place.balancer.clone(), Extent::AllAfterDisagreement);
            found.tally.balancers.remove(&place.balancer);
            found.tally.files.remove(&place.balancer);
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
        count(source, &plan, errand, memory.as_mut(), &mut found).await;
    }
    if let Some(memory) = memory {
        recall(&memory.remembered, errand);
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
pub(super) fn extent(series: Option<&Series>, window: Window) -> (Extent, Vec<Span>) {
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

/// The counts that are remembered. Days that neither this window nor the usual one reaches are forgotten.
fn memory(errand: &Errand<'_>) -> Result<Option<Memory>, Failure> {
    let Some(folder) = errand.state else { return Ok(None) };
    let settings = &errand.settings.traffic;
    let usual = SignedDuration::from_hours(24 * i64::from(settings.days));
    let usual = errand.window.ends_at().saturating_sub(usual).unwrap_or(Timestamp::MIN);
    let oldest = TimeZone::UTC.to_datetime(usual.min(errand.window.starts_at())).date();
    let most = u64::from(settings.state_megabytes) * 1_000_000;
    let memory = Memory::open(folder, oldest, most);
    memory.map(Some).map_err(|error| Failure::new(Exit::Preflight, error.to_string()))
}

/// Says what was remembered, and what could not be. The counts are right in any case.
fn recall(remembered: &Remembered, errand: &Errand<'_>) {
    let mut out = std::io::stderr();
    if !errand.quiet {
        let _ = writeln!(
            out,
            "{} log files were counted before, {} were read now{}",
            remembered.recalled,
            remembered.read,
            if remembered.outdated > 0 { " (what another version remembered is not used)" } else { "" }
        );
    }
    for (what, lost) in
        [("damaged, so its log files were read again", &remembered.damaged), ("not written", &remembered.unwritten)]
    {
        for sample in &lost.samples {
            let _ = writeln!(out, "remembered counts are {what}: {}", harmless(sample));
        }
        if let more @ 1.. = lost.count - lost.samples.len() as u64 {
            let _ = writeln!(out, "and {more} more");
        }
    }
    if remembered.crowded > 0 {
        let _ = writeln!(
            out,
            "the counts of {} log files found no room and will be read again: raise traffic.state_megabytes",
            remembered.crowded
        );
    }
}

async fn count(
    source: &Source<Roles>,
    plan: &LogPlan,
    errand: &Errand<'_>,
    memory: Option<&mut Memory>,
    found: &mut Found,
) {
    let progress = Progress::start("log files read", errand.quiet);
    let (mut done, all) = (0, plan.objects.len());
    let each = |_: &Planned, _: Result<&Tally, &Gap>| {
        done += 1;
        progress.at(done, all);
    };
    let (threads, window) = (errand.settings.traffic.threads(), Some(errand.window));
    let counted = match memory {
        Some(memory) => source.recount_logs(plan, threads, window, memory, each).await,
        None => source.count_logs(plan, threads, window, each).await,
    };
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
