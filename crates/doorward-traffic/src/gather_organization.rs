//! Gathers the traffic of an organization: metrics first, then only those logs that the metrics do not answer for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use doorward_model::{AccountId, AccountRegion, Gap, Kind, LoadBalancer, LogDestination, Observed};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::count_cache::{CacheUse, CountCache, CountCacheError};
use crate::evidence::{TrafficEvidence, key, last_change};
use crate::extent::{Extent, extent, falls_short, whole};
use crate::metric::{Metric, Series};
use crate::prices::Prices;
use crate::source::{LogPlace, LogPlan, LogSpan, Metered, Planned, Source, UnreadLogs};
use crate::tally::{LoadBalancerKey, Sampled, Tally};
use crate::window::{Hour, Window};

mod by_athena;

pub use by_athena::AthenaOptions;

/// Periods of the metrics, in seconds: those of the log files.
const PERIOD: u32 = 300;

/// The request for traffic evidence.
#[derive(Debug, Clone)]
pub struct TrafficRequest<'a> {
    /// The load balancers of a scan. Those that cannot parse HTTP have no traffic to read.
    pub load_balancers: &'a [LoadBalancer],
    /// The hours that are wanted.
    pub window: Window,
    /// Read all logs of the window, whatever the metrics say.
    pub all_logs: bool,
    /// The account whose session reads all logs; none for each load balancer's own.
    pub log_account: Option<&'a AccountId>,
    /// Threads that parse; at least one.
    pub threads: usize,
    /// The prices of reading.
    pub prices: Prices,
    /// Counting by Athena; none if this program reads the logs.
    pub athena: Option<AthenaOptions>,
    /// Where counts of log files are kept from run to run; not with Athena, which counts days.
    pub cache: Option<CacheOptions>,
    /// Report what would be read, and read no log.
    pub dry_run: bool,
    /// The current time: CloudWatch keeps short periods for a limited time only.
    pub now: Timestamp,
}

/// Where counts of log files are kept.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The days that runs usually cover: counts of these are kept, even if this run covers fewer.
    pub days: u32,
    /// Most bytes that it may take.
    pub max_bytes: u64,
}

/// Progress that the caller may show while traffic is gathered. Texts name objects and load balancers as AWS
/// returned them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatherEvent {
    /// The logs that will be read and their cost, one line each, before any log is read. The result of a dry run.
    Planned(Vec<String>),
    /// A remark about the progress, one line.
    Note(String),
    /// A problem that does not change the counts, one line.
    Warning(String),
    /// So many log files of so many were read; both are equal after the last one.
    Read {
        /// Files that are done.
        done: usize,
        /// All files.
        of: usize,
    },
}

/// Why traffic could not be gathered at all. Everything that could not be read is in the evidence instead.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The settings do not say how Athena is used.
    #[error("{0}")]
    NoAthena(String),
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CountCacheError),
    /// Athena would scan more than allowed.
    #[error(
        "the logs of {window} have {:.3} GB, but Athena may scan {:.3} GB; raise traffic.athena.budget_gigabytes, or \
         choose a shorter window (--days); no query was started",
        *.bytes as f64 / 1e9,
        *.budget as f64 / 1e9
    )]
    OverBudget {
        /// The hours.
        window: Window,
        /// The bytes that would be scanned.
        bytes: u64,
        /// The bytes that may be scanned.
        budget: u64,
    },
    /// A dry run could not list all logs.
    #[error(
        "the plan is incomplete: the logs of {0} load balancer{s} could not be listed; allow the actions named \
         above, and run again",
        s = if *.0 == 1 { "" } else { "s" }
    )]
    Unlisted(usize),
}

/// Receives events.
type Observer<'a> = &'a dyn Fn(GatherEvent);

/// Gathers traffic. None for a dry run. `stopped` ends when the run is to be stopped: then running Athena queries are cancelled.
///
/// # Errors
/// See [`GatherError`].
pub async fn gather(
    request: &TrafficRequest<'_>,
    source: &Source,
    stopped: impl AsyncFn() -> Gap,
    observe: &dyn Fn(GatherEvent),
) -> Result<Option<TrafficEvidence>, GatherError> {
    let asked: Vec<&LoadBalancer> = request.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
    let mut series = metrics(source, &asked, request).await;
    for lb in &asked {
        if let Some(series) = series.get_mut(&key(lb)) {
            series.cut(since_change(lb, request.window));
        }
    }
    let evidence = match &request.athena {
        None => embedded(source, &asked, series, request, observe).await?,
        Some(options) => by_athena::gather(source, &asked, series, (request, options), stopped, observe).await?,
    };
    Ok(evidence.map(|evidence| evidence.about(request.load_balancers)))
}

/// Fetches the logs that matter, and counts them here.
async fn embedded(
    source: &Source,
    asked: &[&LoadBalancer],
    series: BTreeMap<LoadBalancerKey, Series>,
    request: &TrafficRequest<'_>,
    observe: Observer<'_>,
) -> Result<Option<TrafficEvidence>, GatherError> {
    let (mut extents, mut places) = (BTreeMap::new(), Vec::new());
    for lb in asked {
        let Some((bucket, prefix)) = log_bucket(lb) else { continue };
        let key = key(lb);
        let window = since_change(lb, request.window);
        let (extent, spans) = if request.all_logs {
            (Extent::AllWithoutMetric, vec![whole(window)])
        } else {
            extent(series.get(&key), window)
        };
        extents.insert(key.clone(), extent);
        if !spans.is_empty() {
            places.push(place(lb, bucket, prefix, spans, request));
        }
    }
    let plan = source.plan_logs(&places).await;
    observe(GatherEvent::Planned(planned(&plan, &extents, &request.prices)));
    if request.dry_run {
        return dry(&plan.missed);
    }
    let mut cache = cache(request, source.protected())?;
    let mut evidence = TrafficEvidence::new(Some(request.window), Tally::default()).protecting(source.protected());
    evidence.series = series;
    count(source, &plan, request, cache.as_mut(), &mut evidence, observe).await;
    // If fewer requests were found than the metric counts, reading less was not enough.
    let short: Vec<usize> = (0..places.len())
        .filter(|number| {
            let key = &places[*number].load_balancer;
            extents.get(key) == Some(&Extent::AroundPeriods)
                && falls_short(evidence.series.get(key), evidence.tally.load_balancers.get(key))
        })
        .collect();
    if !short.is_empty() {
        observe(GatherEvent::Note(format!(
            "load balancers whose logs contain less than CloudWatch counts: {}; all of their logs are read",
            short.len()
        )));
        for number in &short {
            extents.insert(places[*number].load_balancer.clone(), Extent::AllAfterDisagreement);
        }
        let rest = rest(source, (&places, &plan), &short, request, &mut evidence).await;
        count(source, &rest, request, cache.as_mut(), &mut evidence, observe).await;
    }
    if let Some(cache) = cache {
        report_cache(&cache.used, observe);
    }
    evidence.extents = extents;
    Ok(Some(evidence))
}

/// The objects that some places have besides those that were counted, and those that could not be read the first time. What is planned
/// again is taken off the evidence, so that each object and each list counts once.
async fn rest(
    source: &Source,
    (places, first): (&[LogPlace], &LogPlan),
    short: &[usize],
    request: &TrafficRequest<'_>,
    evidence: &mut TrafficEvidence,
) -> LogPlan {
    let whole_window = |number: &usize| {
        let place = &places[*number];
        let window = evidence.series.get(&place.load_balancer).map_or(request.window, |series| series.window);
        LogPlace { spans: vec![whole(window)], ..place.clone() }
    };
    let again: Vec<LogPlace> = short.iter().map(whole_window).collect();
    let keys: BTreeSet<&LoadBalancerKey> = again.iter().map(|place| &place.load_balancer).collect();
    let (forgotten, kept): (Vec<UnreadLogs>, Vec<UnreadLogs>) =
        std::mem::take(&mut evidence.missed).into_iter().partition(|unread| keys.contains(&unread.load_balancer));
    evidence.missed = kept;
    let tally = &mut evidence.tally;
    tally.incomplete.retain(|key, _| !keys.contains(key));
    tally.reading.unread = Sampled::default();
    for UnreadLogs { what, gap, .. } in &evidence.missed {
        tally.reading.unread.add(|| format!("{what}: {gap}"));
    }
    for number in short {
        first.listed_of.get(*number).into_iter().for_each(|listed| tally.reading.listed.take_off(listed));
    }
    let unread: BTreeSet<String> = forgotten.into_iter().map(|unread| unread.what).collect();
    let name = |object: &Planned| format!("s3://{}/{}", object.bucket, object.key);
    let counted: BTreeSet<String> = first.objects.iter().map(name).filter(|name| !unread.contains(name)).collect();
    let mut rest = source.plan_logs(&again).await;
    rest.objects.retain(|object| !counted.contains(&name(object)));
    rest
}

/// The result of a dry run: none, or an error if its plan is not complete.
fn dry(unlisted: &[UnreadLogs]) -> Result<Option<TrafficEvidence>, GatherError> {
    if unlisted.is_empty() { Ok(None) } else { Err(GatherError::Unlisted(unlisted.len())) }
}

/// The window from the last change of the mode on, in whole hours: what was before is no evidence of the current mode. If the mode was
/// changed in the last hour, or if no change is known, the whole window.
fn since_change(lb: &LoadBalancer, window: Window) -> Window {
    last_change(lb).and_then(|changed| window.since(Hour::of(changed).after())).unwrap_or(window)
}

async fn metrics(
    source: &Source,
    asked: &[&LoadBalancer],
    request: &TrafficRequest<'_>,
) -> BTreeMap<LoadBalancerKey, Series> {
    let metered: Vec<Metered> = asked
        .iter()
        .map(|lb| {
            let place = AccountRegion { account: lb.account.clone(), region: lb.region.clone() };
            Metered { load_balancer: key(lb), place }
        })
        .collect();
    source.metrics(&metered, &Metric::ALL, request.window, PERIOD, request.now).await
}

/// The bucket and the prefix that an Application Load Balancer writes its access logs to; none if it writes none to S3, or if that is
/// not known.
pub fn log_bucket(lb: &LoadBalancer) -> Option<(&str, &str)> {
    match &lb.access_logs {
        // Logs of classic load balancers have no classification.
        Observed::Known(LogDestination::S3 { bucket, prefix }) if lb.kind == Kind::Application => {
            Some((bucket, prefix))
        }
        _ => None,
    }
}

fn place(lb: &LoadBalancer, bucket: &str, prefix: &str, spans: Vec<LogSpan>, request: &TrafficRequest<'_>) -> LogPlace {
    LogPlace {
        load_balancer: key(lb),
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        reader: reader(lb, request),
        spans,
    }
}

/// The account-Region whose session reads the logs of a load balancer.
fn reader(lb: &LoadBalancer, request: &TrafficRequest<'_>) -> AccountRegion {
    AccountRegion { account: request.log_account.unwrap_or(&lb.account).clone(), region: lb.region.clone() }
}

/// How many load balancers have an extent.
fn extent_count(extents: &BTreeMap<LoadBalancerKey, Extent>, wanted: Extent) -> usize {
    extents.values().filter(|extent| **extent == wanted).count()
}

/// The logs that will be read and their cost.
fn planned(plan: &LogPlan, extents: &BTreeMap<LoadBalancerKey, Extent>, prices: &Prices) -> Vec<String> {
    let of = |wanted| extent_count(extents, wanted);
    let cost = plan.cost(prices);
    let mut lines = vec![
        format!(
            "{} load balancers log to S3: {} cleared by CloudWatch's metric, {} without traffic, {} around the metric's periods, {} in full",
            extents.len(),
            of(Extent::Cleared),
            of(Extent::NoTraffic),
            of(Extent::AroundPeriods),
            of(Extent::AllWithoutMetric),
        ),
        format!(
            "to read: {} objects, {:.1} MB; about {:.4} dollars for requests, and {:.4} for the bytes if they leave \
             their Region",
            plan.gets(),
            plan.bytes() as f64 / 1e6,
            cost.requests,
            cost.transfer_from_afar
        ),
    ];
    lines.extend(plan.missed.iter().map(unlisted));
    lines
}

fn unlisted(UnreadLogs { load_balancer, what, gap }: &UnreadLogs) -> String {
    format!("cannot be listed: {load_balancer}: {what}: {gap}")
}

/// The cached counts. Days that neither this window nor the usual one covers are removed.
fn cache(request: &TrafficRequest<'_>, protected: &[String]) -> Result<Option<CountCache>, CountCacheError> {
    let Some(options) = &request.cache else { return Ok(None) };
    let usual = SignedDuration::from_hours(24 * i64::from(options.days));
    let usual = request.window.ends_at().saturating_sub(usual).unwrap_or(Timestamp::MIN);
    let oldest: Date = TimeZone::UTC.to_datetime(usual.min(request.window.starts_at())).date();
    CountCache::open(&options.folder, oldest, options.max_bytes).map(|cache| Some(cache.protecting(protected)))
}

/// Reports how the cache was used. The counts are right in any case.
fn report_cache(used: &CacheUse, observe: Observer<'_>) {
    let outdated = if used.outdated > 0 {
        " (counts of another version, or with other protected clients, are not used)"
    } else {
        ""
    };
    observe(GatherEvent::Note(format!(
        "the counts of {} log files were cached, {} files were read now{outdated}",
        used.recalled, used.read
    )));
    for (what, problems) in
        [("damaged, so its log files were read again", &used.damaged), ("not written", &used.unwritten)]
    {
        for sample in &problems.samples {
            observe(GatherEvent::Warning(format!("cached counts are {what}: {sample}")));
        }
        if let more @ 1.. = problems.count - problems.samples.len() as u64 {
            observe(GatherEvent::Warning(format!("and {more} more")));
        }
    }
    if used.crowded > 0 {
        observe(GatherEvent::Warning(format!(
            "the cache is full: the counts of {} log files are not cached and will be read again; raise traffic.state_megabytes",
            used.crowded
        )));
    }
}

async fn count(
    source: &Source,
    plan: &LogPlan,
    request: &TrafficRequest<'_>,
    cache: Option<&mut CountCache>,
    evidence: &mut TrafficEvidence,
    observe: Observer<'_>,
) {
    let (mut done, of) = (0, plan.objects.len());
    let each = |_: &Planned, _: Result<&Tally, &Gap>| {
        done += 1;
        observe(GatherEvent::Read { done, of });
    };
    let window = Some(request.window);
    let counted = match cache {
        Some(cache) => source.recount_logs(plan, request.threads, window, cache, each).await,
        None => source.count_logs(plan, request.threads, window, each).await,
    };
    evidence.tally.merge(&counted.tally);
    evidence.missed.extend(counted.missed);
}
