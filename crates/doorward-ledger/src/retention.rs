//! Retention: raw scans are deleted after a number of months; findings and mode changes are kept for ever.

use std::fmt;

use jiff::{Span, Timestamp, tz::TimeZone};
use rusqlite::Connection;
use serde::Serialize;

use crate::error::LedgerFault;
use crate::timestamp::nanos;
use crate::{Lease, Ledger, LedgerError};

/// The data that pruning dropped, or would drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Raw scans that ended before this time are dropped, UTC.
    pub before: Timestamp,
    /// Whether anything was written.
    pub dry_run: bool,
    /// Raw scans dropped, unfinished and abandoned ones included.
    pub scans: usize,
    /// Raw scans that stay.
    pub scans_kept: usize,
    /// Account-Regions of the dropped scans.
    pub cells: usize,
    /// Texts that no scan that stays refers to.
    pub texts: usize,
    /// The size of those texts, bytes.
    pub bytes: u64,
}

impl fmt::Display for PruneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, dry_run, scans, scans_kept, cells, texts: _, bytes } = self;
        let verb = if *dry_run { "would delete" } else { "deleted" };
        let before = before.strftime("%Y-%m-%d");
        write!(
            f,
            "{verb} {scans} raw scans that ended before {before} ({cells} account-Regions, {bytes} bytes); {scans_kept} raw scans are \
             kept. Findings and mode changes are never deleted."
        )
    }
}

const OLD_SCANS: &str = "SELECT seq FROM scans WHERE at < ?1";
const OLD_BODIES: &str = "id NOT IN (SELECT c.body FROM cells c JOIN scans s ON s.seq = c.scan WHERE s.at >= ?1)
     AND id NOT IN (SELECT accounts FROM scans WHERE at >= ?1)
     AND id NOT IN (SELECT i.body FROM inputs i JOIN scans s ON s.seq = i.scan WHERE s.at >= ?1)";

impl Ledger {
    /// The data that [`Ledger::prune`] would drop now. Writes nothing and needs no lease.
    pub fn prune_dry_run(&self, keep_months: u32, now: Timestamp) -> Result<PruneReport, LedgerError> {
        let before = cutoff(keep_months, now)?;
        self.read("looking for what to prune", |db| survey(db, before, true))
    }

    /// Drops the raw scans that ended more than `keep_months` calendar months (in UTC) before `now`, and gives the room
    /// back to the disk. Runs, their counts, every mode change and every change of a finding stay.
    pub fn prune(&mut self, lease: &Lease, keep_months: u32, now: Timestamp) -> Result<PruneReport, LedgerError> {
        let before = cutoff(keep_months, now)?;
        let doing = "pruning raw scans";
        let report = self.write_durably(lease, doing, |db| {
            let report = survey(db, before, false)?;
            if report.scans == 0 {
                return Ok(report);
            }
            let at = nanos(before);
            for newest in ["body", "inputs"] {
                let old = format!("SELECT id FROM bodies WHERE {OLD_BODIES}");
                db.execute(&format!("UPDATE places SET {newest} = NULL WHERE {newest} IN ({old})"), [at])?;
            }
            db.execute(&format!("DELETE FROM bodies WHERE {OLD_BODIES}"), [at])?;
            db.execute(&format!("DELETE FROM cells WHERE scan IN ({OLD_SCANS})"), [at])?;
            db.execute(&format!("DELETE FROM inputs WHERE scan IN ({OLD_SCANS})"), [at])?;
            db.execute("DELETE FROM scans WHERE at < ?1", [at])?;
            Ok(report)
        })?;
        if report.scans == 0 {
            return Ok(report);
        }
        let shrink = || {
            let mut pages = self.db.prepare("PRAGMA incremental_vacuum")?;
            let mut rows = pages.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        shrink().map_err(|fault: LedgerFault| fault.explain(self.path(), doing))?;
        Ok(report)
    }
}

fn cutoff(months: u32, now: Timestamp) -> Result<Timestamp, LedgerError> {
    let subtract = || {
        let span = Span::new().try_months(months).ok()?;
        now.to_zoned(TimeZone::UTC).checked_sub(span).ok()
    };
    subtract().map(|at| at.timestamp()).ok_or(LedgerError::Months { months })
}

fn survey(db: &Connection, before: Timestamp, dry_run: bool) -> Result<PruneReport, LedgerFault> {
    let at = nanos(before);
    let number = |query: &str| db.query_row(query, [at], |row| row.get(0)).map(size);
    let scans = number("SELECT count(*) FROM scans WHERE at < ?1")?;
    let of_texts =
        format!("SELECT count(*), coalesce(sum(length(CAST(text AS BLOB))), 0) FROM bodies WHERE {OLD_BODIES}");
    let (texts, bytes): (i64, i64) = match scans {
        // Most scans are followed by a pruning that finds nothing; then nothing is worth a look at every text.
        0 => (0, 0),
        _ => db.query_row(&of_texts, [at], |row| Ok((row.get(0)?, row.get(1)?)))?,
    };
    Ok(PruneReport {
        before,
        dry_run,
        scans,
        scans_kept: number("SELECT count(*) FROM scans WHERE at >= ?1")?,
        cells: number(&format!("SELECT count(*) FROM cells WHERE scan IN ({OLD_SCANS})"))?,
        texts: size(texts),
        bytes: u64::try_from(bytes).unwrap_or(0),
    })
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
