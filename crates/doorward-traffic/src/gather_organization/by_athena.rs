//! Gathers traffic by Athena: one query for each bucket, once the estimates of all of them together are within the budget.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use doorward_model::{AccountRegion, Gap, Kind, LoadBalancer, LogDestination, Observed};
use futures::{StreamExt as _, stream};

use super::{
    GatherError, GatherEvent, Observer, TrafficRequest, dry, extent_count, log_bucket, reader, since_change, unlisted,
};
use crate::evidence::{AthenaScan, TrafficEvidence, key};
use crate::extent::{Extent, extent};
use crate::metric::Series;
use crate::source::{AthenaJob, AthenaLogs, ParquetColumns, ParquetPlace, ScanEstimate, Source, UnreadLogs};
use crate::tally::{LoadBalancerKey, Tally};
use crate::window::Window;

/// Queries that run at once: few, because an account's own queries wait in the same queue.
const QUERIES: usize = 4;

/// Where and how Athena counts.
#[derive(Debug, Clone)]
pub struct AthenaOptions {
    /// The workgroup.
    pub workgroup: String,
    /// The database of the data catalogue that the table is made in.
    pub database: String,
    /// Where results go, as `s3://bucket/prefix/` with `{account}` and `{region}`.
    pub output: Option<String>,
    /// Most bytes that all queries of a run may scan together.
    pub budget: u64,
    /// How long a query may take, with its time in the queue.
    pub query_timeout: Duration,
    /// Where CloudWatch Logs deliveries write logs as Parquet; none if these are not counted.
    pub vended: Option<ParquetPlace>,
    /// The names of their columns.
    pub columns: ParquetColumns,
}

/// A request with the options of Athena.
type Wanted<'a> = (&'a TrafficRequest<'a>, &'a AthenaOptions);

/// A job, and the load balancers whose counts depend on it.
struct Part {
    job: AthenaJob,
    of: Vec<LoadBalancerKey>,
}

/// Gathers it. None for a dry run.
pub(super) async fn gather(
    source: &Source,
    asked: &[&LoadBalancer],
    series: BTreeMap<LoadBalancerKey, Series>,
    (request, options): Wanted<'_>,
    stopped: impl AsyncFn() -> Gap,
    observe: Observer<'_>,
) -> Result<Option<TrafficEvidence>, GatherError> {
    let mut evidence = TrafficEvidence::new(Some(request.window), Tally::default());
    let parts = parts(asked, &series, (request, options), &mut evidence.extents);
    evidence.series = series;
    let mut scanned = AthenaScan::default();
    let mut ready = Vec::new();
    for part in parts {
        match source.estimate_with_files(&part.job).await {
            Ok((estimate, files)) => {
                scanned.objects += estimate.objects;
                scanned.estimated_bytes += estimate.bytes;
                ready.push((part, estimate, files));
            }
            Err(gap) => miss(&mut evidence, &part, &gap),
        }
    }
    // A query over no object would still cost its minimum, so that none is run.
    ready.retain(|(_, estimate, _)| estimate.objects > 0);
    observe(GatherEvent::Planned(planned(&evidence, ready.len(), &scanned, (request, options))));
    if request.dry_run {
        return dry(&evidence.missed);
    }
    let (bytes, budget) = (scanned.estimated_bytes, options.budget);
    if bytes > budget {
        return Err(GatherError::OverBudget { window: request.window, bytes, budget });
    }
    let stopped = &stopped;
    let running = stream::iter(&ready).map(|(part, estimate, files)| async move {
        (part, files, source.athena(&part.job, *estimate, stopped()).await)
    });
    let mut counted = running.buffered(QUERIES);
    while let Some((part, files, result)) = counted.next().await {
        match result {
            Ok(count) => {
                scanned.queries += 1;
                scanned.scanned_bytes += count.scanned;
                evidence.tally.merge(&count.tally);
                evidence.tally.merge(&Tally { files: files.clone(), ..Tally::default() });
            }
            Err(error) => miss(&mut evidence, part, &error.into_gap()),
        }
    }
    evidence.athena = Some(scanned);
    Ok(Some(evidence))
}

/// Records a job that was not counted, for each load balancer that it was about.
fn miss(evidence: &mut TrafficEvidence, part: &Part, gap: &Gap) {
    let what = part.job.location();
    evidence.tally.reading.unread.add(|| format!("{what}*: {gap}"));
    let unread = |load_balancer: &LoadBalancerKey| UnreadLogs {
        load_balancer: load_balancer.clone(),
        what: what.clone(),
        gap: gap.clone(),
    };
    evidence.missed.extend(part.of.iter().map(unread));
}

/// One job for each place with logs and each window, which begins at the last change of the mode, for the load balancers that the metric does not answer for.
fn parts(
    asked: &[&LoadBalancer],
    series: &BTreeMap<LoadBalancerKey, Series>,
    (request, options): Wanted<'_>,
    extents: &mut BTreeMap<LoadBalancerKey, Extent>,
) -> Vec<Part> {
    let mut parts: BTreeMap<(AccountRegion, AthenaLogs, Window), Part> = BTreeMap::new();
    for lb in asked {
        let Some(logs) = readable(lb, options) else { continue };
        let place = reader(lb, request);
        let window = since_change(lb, request.window);
        let empty = || Part { job: job(&place, &logs, window, (request, options)), of: Vec::new() };
        let Part { job, of } = parts.entry((place.clone(), logs.clone(), window)).or_insert_with(empty);
        job.accounts.insert(lb.account.clone());
        job.regions.insert(lb.region.clone());
        let key = key(lb);
        let extent = match extent(series.get(&key), window).0 {
            cleared @ (Extent::Cleared | Extent::NoTraffic) if !request.all_logs => cleared,
            _ => {
                job.scanned.insert(lb.account.clone());
                job.load_balancers.get_or_insert_default().insert(key.id.clone());
                of.push(key.clone());
                Extent::AllByAthena
            }
        };
        extents.insert(key, extent);
    }
    parts.into_values().filter(|part| !part.of.is_empty()).collect()
}

fn job(place: &AccountRegion, logs: &AthenaLogs, window: Window, (_, options): Wanted<'_>) -> AthenaJob {
    let here =
        |text: &String| text.replace("{account}", place.account.as_str()).replace("{region}", place.region.as_str());
    AthenaJob {
        place: place.clone(),
        logs: logs.clone(),
        accounts: BTreeSet::new(),
        scanned: BTreeSet::new(),
        regions: BTreeSet::new(),
        load_balancers: None,
        window,
        database: options.database.clone(),
        workgroup: options.workgroup.clone(),
        output: options.output.as_ref().map(here),
        budget: options.budget,
        patience: options.query_timeout,
    }
}

/// The logs of a load balancer that Athena can read.
fn readable(lb: &LoadBalancer, options: &AthenaOptions) -> Option<AthenaLogs> {
    if let Some((bucket, prefix)) = log_bucket(lb) {
        return Some(AthenaLogs::Lines { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
    }
    let vended = options.vended.as_ref()?;
    let delivers = matches!(&lb.access_logs, Observed::Known(LogDestination::Delivery(_)));
    (delivers && lb.kind == Kind::Application)
        .then(|| AthenaLogs::Parquet(Box::new(vended.of(&lb.account, &lb.region, &options.columns))))
}

/// The logs that will be scanned and their cost.
fn planned(
    evidence: &TrafficEvidence,
    queries: usize,
    scanned: &AthenaScan,
    (request, options): Wanted<'_>,
) -> Vec<String> {
    let of = |wanted| extent_count(&evidence.extents, wanted);
    let estimate = ScanEstimate { objects: scanned.objects, bytes: scanned.estimated_bytes };
    let mut lines = vec![
        format!(
            "{} load balancers log to S3: {} cleared by CloudWatch's metric, {} without traffic, {} to be counted by Athena",
            evidence.extents.len(),
            of(Extent::Cleared),
            of(Extent::NoTraffic),
            of(Extent::AllByAthena),
        ),
        format!(
            "to scan: {} objects, {:.3} GB, with {queries} quer{}; about {:.4} dollars; the budget is {:.3} GB",
            estimate.objects,
            estimate.bytes as f64 / 1e9,
            if queries == 1 { "y" } else { "ies" },
            estimate.cost(&request.prices),
            options.budget as f64 / 1e9,
        ),
    ];
    lines.extend(evidence.missed.iter().map(unlisted));
    lines
}
