//! Daily metrics of load balancers: they outlive the memory of CloudWatch. A day without a row was not read.

use std::collections::BTreeMap;

use doorward_model::{Arn, DailyFigures, DailyMetric, DailyReading};
use jiff::civil::Date;
use rusqlite::params;

use crate::columns::id;
use crate::{Lease, Ledger, LedgerError};

/// The number of a day since 1970.
fn number(day: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    day.since(epoch).map_or(0, |span| i64::from(span.get_days()))
}

/// The day with a number; none outside of the calendar.
fn day(number: i64) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(number).ok()?).ok()
}

impl Ledger {
    /// Stores figures. A figure that is known is replaced: CloudWatch corrects the figures of the last days.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn store_daily(&mut self, lease: &Lease, readings: &[DailyReading]) -> Result<(), LedgerError> {
        self.write_durably(lease, "storing daily metrics", |db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO metrics (load_balancer, metric, day, value) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = ?4",
            )?;
            for reading in readings {
                insert.execute(params![
                    reading.load_balancer.as_str(),
                    reading.metric.code(),
                    number(reading.day),
                    i64::try_from(reading.value).unwrap_or(i64::MAX)
                ])?;
            }
            Ok(())
        })
    }

    /// The figures from one day to another, both included, by load balancer.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn daily(&self, from: Date, until: Date) -> Result<BTreeMap<Arn, DailyFigures>, LedgerError> {
        self.read("reading daily metrics", |db| {
            let mut query = db.prepare(
                "SELECT load_balancer, metric, day, value FROM metrics WHERE day BETWEEN ?1 AND ?2 ORDER BY load_balancer",
            )?;
            let mut rows = query.query([number(from), number(until)])?;
            let mut all: BTreeMap<Arn, DailyFigures> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                // Metrics and days of a later version are not known here.
                let (Some(metric), Some(day)) = (DailyMetric::from_code(row.get(1)?), day(row.get(2)?)) else { continue };
                let value = u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
                all.entry(id(row, 0)?).or_default().entry(metric).or_default().insert(day, value);
            }
            Ok(all)
        })
    }
}
