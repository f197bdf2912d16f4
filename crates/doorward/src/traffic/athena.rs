//! Gathers the traffic of an organization by Athena: one query for each bucket, once all of them together are within the budget.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use doorward_core::Stop;
use doorward_model::{AccountRegion, Gap, Kind, LoadBalancer, LogDestination, Observed};
use doorward_traffic::{AthenaJob, AthenaLogs, BalancerKey, Extent, ScanEstimate, Series, Source, Tally};
use futures::{StreamExt as _, stream};

use super::found::{Found, Lost, Scanned, key};
use super::gather::{Errand, extent, logs};
use super::sessions::Roles;
use crate::exit::{Exit, Failure};
use crate::plain::harmless;
use crate::settings::TrafficSettings;

/// Queries that run at once: few, because an account's own queries wait in the same line.
const QUERIES: usize = 4;

/// A job, and the load balancers whose count hangs on it.
struct Part {
    job: AthenaJob,
    of: Vec<BalancerKey>,
}

/// Gathers it. None for a dry run.
pub(super) async fn gather(
    source: &Source<Roles>,
    asked: &[&LoadBalancer],
    series: BTreeMap<BalancerKey, Series>,
    errand: &Errand<'_>,
    stop: &Stop,
) -> Result<Option<Found>, Failure> {
    let settings = &errand.settings.traffic;
    let mut found = Found::new(Some(errand.window), Tally::default());
    let parts = parts(asked, &series, errand, &mut found.extents);
    found.series = series;
    let mut scanned = Scanned::default();
    let mut ready = Vec::new();
    for part in parts {
        match source.estimate(&part.job).await {
            Ok(estimate) => {
                scanned.objects += estimate.objects;
                scanned.estimated_bytes += estimate.bytes;
                ready.push((part, estimate));
            }
            Err(gap) => lose(&mut found, &part, &gap),
        }
    }
    // Where there is nothing to scan, no query runs: it would cost its minimum all the same.
    ready.retain(|(_, estimate)| estimate.objects > 0);
    tell(&found, ready.len(), &scanned, errand);
    let budget = settings.athena.budget();
    if scanned.estimated_bytes > budget && !errand.dry_run {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "the logs of {} have {:.3} GB, and Athena may scan {:.3} GB: raise traffic.athena.budget_gigabytes, or take a \
                 shorter window (--days); no query was started",
                errand.window,
                scanned.estimated_bytes as f64 / 1e9,
                budget as f64 / 1e9
            ),
        ));
    }
    if errand.dry_run {
        return Ok(None);
    }
    let running = stream::iter(&ready).map(|(part, estimate)| async move {
        (part, source.athena(&part.job, *estimate, stop.stopped("athena:GetQueryExecution")).await)
    });
    let mut counted = running.buffered(QUERIES);
    while let Some((part, result)) = counted.next().await {
        match result {
            Ok(count) => {
                scanned.queries += 1;
                scanned.scanned_bytes += count.scanned;
                found.tally.merge(&count.tally);
            }
            Err(error) => lose(&mut found, part, &error.into_gap()),
        }
    }
    found.athena = Some(scanned);
    Ok(Some(found))
}

/// What nobody counted, for each load balancer that it was about.
fn lose(found: &mut Found, part: &Part, gap: &Gap) {
    let what = part.job.location();
    found.tally.reading.unread.add(|| format!("{what}*: {gap}"));
    let lost = |balancer: &BalancerKey| Lost { balancer: balancer.clone(), what: what.clone(), gap: gap.clone() };
    found.missed.extend(part.of.iter().map(lost));
}

/// One job for each place where logs lie, for the load balancers that the metric does not answer for.
fn parts(
    asked: &[&LoadBalancer],
    series: &BTreeMap<BalancerKey, Series>,
    errand: &Errand<'_>,
    extents: &mut BTreeMap<BalancerKey, Extent>,
) -> Vec<Part> {
    let settings = &errand.settings.traffic;
    let mut parts: BTreeMap<(AccountRegion, AthenaLogs), Part> = BTreeMap::new();
    for lb in asked {
        let Some(logs) = readable(lb, settings) else { continue };
        let account = settings.log_account.clone().unwrap_or_else(|| lb.account.clone());
        let place = AccountRegion { account, region: lb.region.clone() };
        let empty = || Part { job: job(&place, &logs, errand), of: Vec::new() };
        let Part { job, of } = parts.entry((place.clone(), logs.clone())).or_insert_with(empty);
        job.accounts.insert(lb.account.clone());
        job.regions.insert(lb.region.clone());
        let key = key(lb);
        let extent = match extent(series.get(&key), errand.window).0 {
            cleared @ (Extent::Cleared | Extent::NoTraffic) if !errand.all_logs => cleared,
            _ => {
                job.scanned.insert(lb.account.clone());
                job.balancers.get_or_insert_default().insert(key.id.clone());
                of.push(key.clone());
                Extent::AllByAthena
            }
        };
        extents.insert(key, extent);
    }
    parts.into_values().filter(|part| !part.of.is_empty()).collect()
}

fn job(place: &AccountRegion, logs: &AthenaLogs, errand: &Errand<'_>) -> AthenaJob {
    let athena = &errand.settings.traffic.athena;
    let here =
        |text: &String| text.replace("{account}", place.account.as_str()).replace("{region}", place.region.as_str());
    AthenaJob {
        place: place.clone(),
        logs: logs.clone(),
        accounts: BTreeSet::new(),
        scanned: BTreeSet::new(),
        regions: BTreeSet::new(),
        balancers: None,
        window: errand.window,
        database: athena.database.clone(),
        workgroup: athena.workgroup.clone(),
        output: athena.output.as_ref().map(here),
        budget: athena.budget(),
        patience: athena.query_timeout.0,
    }
}

/// The logs of a load balancer that Athena can read.
fn readable(lb: &LoadBalancer, settings: &TrafficSettings) -> Option<AthenaLogs> {
    if let Some((bucket, prefix)) = logs(lb) {
        return Some(AthenaLogs::Lines { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
    }
    let vended = settings.athena.vended.as_ref()?;
    let delivers = matches!(&lb.access_logs, Observed::Known(LogDestination::Delivery(_)));
    (delivers && lb.kind == Kind::Application)
        .then(|| AthenaLogs::Parquet(Box::new(vended.of(&lb.account, &lb.region, &settings.athena.columns))))
}

/// Says what will be scanned, before any of it is.
fn tell(found: &Found, queries: usize, scanned: &Scanned, errand: &Errand<'_>) {
    if errand.quiet && !errand.dry_run {
        return;
    }
    let of = |wanted: Extent| found.extents.values().filter(|extent| **extent == wanted).count();
    let estimate = ScanEstimate { objects: scanned.objects, bytes: scanned.estimated_bytes };
    let settings = &errand.settings.traffic;
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "{} load balancers log to S3: {} cleared by CloudWatch's metric, {} without traffic, {} to be counted by Athena",
        found.extents.len(),
        of(Extent::Cleared),
        of(Extent::NoTraffic),
        of(Extent::AllByAthena),
    );
    let _ = writeln!(
        out,
        "to scan: {} objects, {:.3} GB, with {queries} quer{}; about {:.4} dollars; the budget is {:.3} GB",
        estimate.objects,
        estimate.bytes as f64 / 1e9,
        if queries == 1 { "y" } else { "ies" },
        estimate.cost(&settings.prices()),
        settings.athena.budget() as f64 / 1e9,
    );
    for Lost { balancer, what, gap } in &found.missed {
        let _ = writeln!(out, "cannot be listed: {}", harmless(&format!("{balancer}: {what}: {gap}")));
    }
}
