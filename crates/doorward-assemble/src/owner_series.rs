//! Daily metrics of the ledger, summed by owner.

use std::collections::{BTreeMap, BTreeSet};

use doorward_ledger::{Ledger, LedgerError};
use doorward_model::{Arn, DailyFigures, DailyMetric, DailySeries, DaySum, OwnerNames, ScanReport, SummedSeries};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ledger_usage::before;

/// The days of a series: six weeks show the same weekdays often enough.
const DAYS: i64 = 42;

/// The metrics of a day; a day without one of them was not read.
const NEEDED: [DailyMetric; 5] = [
    DailyMetric::Requests,
    DailyMetric::NonCompliant,
    DailyMetric::Target5xx,
    DailyMetric::Target4xx,
    DailyMetric::LoadBalancer4xx,
];

/// The series of the six weeks before a scan ended: in total, by the owners that the scan saw, and of load balancers whose mode changed.
/// None where the ledger has no figure of these days. Load balancers that do not parse HTTP are in none.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn of(ledger: &Ledger, scan: &ScanReport) -> Result<Option<DailySeries>, LedgerError> {
    let until = before(TimeZone::UTC.to_datetime(scan.run.finished).date(), 1);
    let from = before(until, DAYS - 1);
    let figures = ledger.daily(from, until)?;
    let changed: BTreeSet<Arn> = {
        let begin = from.to_zoned(TimeZone::UTC).map_or(scan.run.started, |begin| begin.timestamp());
        let transitions = ledger.mode_changes(begin)?;
        transitions.into_iter().filter(|one| one.before.is_some()).map(|one| one.load_balancer).collect()
    };
    let names = OwnerNames::of(&scan.load_balancers);
    let owners: BTreeMap<&Arn, &str> =
        scan.load_balancers.iter().map(|lb| (&lb.arn, names.shown(lb.owner_label()))).collect();
    let mut series = DailySeries::default();
    for (arn, figures) in &figures {
        if !NEEDED.iter().any(|metric| figures.contains_key(metric)) {
            continue;
        }
        add(&mut series.total, figures, from, until);
        if let Some(owner) = owners.get(arn) {
            add(series.owners.entry((*owner).to_owned()).or_default(), figures, from, until);
        }
        if changed.contains(arn) {
            add(series.changed.entry(arn.clone()).or_default(), figures, from, until);
        }
    }
    Ok((series.total.load_balancers > 0).then_some(series))
}

fn add(series: &mut SummedSeries, figures: &DailyFigures, from: Date, until: Date) {
    series.load_balancers += 1;
    if series.days.is_empty() {
        let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day <= until);
        series.days.extend(days.map(DaySum::unread));
    }
    for sum in &mut series.days {
        let of = |metric: DailyMetric| figures.get(&metric).and_then(|days| days.get(&sum.day)).copied();
        let [requests, non_compliant, target_5xx, target_4xx, load_balancer_4xx] = NEEDED.map(of);
        let (Some(requests), Some(non_compliant), Some(target_5xx), Some(target_4xx), Some(load_balancer_4xx)) =
            (requests, non_compliant, target_5xx, target_4xx, load_balancer_4xx)
        else {
            continue;
        };
        sum.read += 1;
        sum.requests = sum.requests.saturating_add(requests);
        sum.non_compliant = sum.non_compliant.saturating_add(non_compliant);
        sum.target_5xx = sum.target_5xx.saturating_add(target_5xx);
        sum.target_4xx = sum.target_4xx.saturating_add(target_4xx);
        sum.load_balancer_4xx = sum.load_balancer_4xx.saturating_add(load_balancer_4xx);
    }
}
