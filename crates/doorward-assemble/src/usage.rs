//! How much load balancers were used, by the daily metrics in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_ledger::{Ledger, LedgerError};
use doorward_model::{Arn, DailyMetric, Usage, kind_of_arn};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How many days the newest figure may lie behind: metrics are collected once a day, and a scan may run before them.
const BEHIND: i64 = 2;

/// The usage of every load balancer of which the ledger has a figure, in the window of `days` whole days before a time. The window ends
/// with the newest day that was read, if that is not older than a few days; else with the day before, which was not read then.
///
/// # Errors
/// When the ledger cannot be read.
pub fn known(ledger: &Ledger, at: Timestamp, days: u32) -> Result<BTreeMap<Arn, Arc<Usage>>, LedgerError> {
    let yesterday = before(TimeZone::UTC.to_datetime(at).date(), 1);
    let first = before(yesterday, i64::from(days) + BEHIND);
    let figures = ledger.daily(first, yesterday)?;
    let usage = figures.into_iter().map(|(arn, figures)| {
        let kind = kind_of_arn(&arn);
        let read = |day: &Date| {
            DailyMetric::traffic_of(kind)
                .iter()
                .all(|metric| figures.get(metric).is_some_and(|days| days.contains_key(day)))
        };
        let newest = (0..=BEHIND).map(|behind| before(yesterday, behind)).find(read);
        let until = newest.unwrap_or(yesterday);
        let usage = Usage::of(&figures, kind, before(until, i64::from(days) - 1), until);
        (arn, Arc::new(usage))
    });
    Ok(usage.collect())
}

/// The day so many days earlier.
pub(crate) fn before(day: Date, days: i64) -> Date {
    Span::new().try_days(days).ok().and_then(|span| day.checked_sub(span).ok()).unwrap_or(Date::MIN)
}
