//! Sources of non-compliant requests that are followed from scan to scan, by load balancer.

use std::collections::BTreeMap;

use doorward_model::{Arn, ScanReport, TrackedSource};
use rusqlite::{Connection, params};

use crate::columns::id;
use crate::error::LedgerFault;
use crate::run_order::scans_by_time;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// The tracked sources of every load balancer that has some.
    pub fn tracked_sources(&self) -> Result<BTreeMap<Arn, Vec<TrackedSource>>, LedgerError> {
        self.read("reading tracked sources", |db| {
            let mut query = db.prepare("SELECT arn, document FROM tracked_sources ORDER BY arn")?;
            let mut rows = query.query([])?;
            let mut tracked = BTreeMap::new();
            while let Some(row) = rows.next()? {
                tracked.insert(id(row, 0)?, serde_json::from_str(&row.get::<_, String>(1)?)?);
            }
            Ok(tracked)
        })
    }
}

/// Keeps the tracked sources of a report, which is recorded as `run`. Load balancers that the report does not contain keep theirs, and so
/// do all where a newer scan is recorded already.
pub(crate) fn keep(db: &Connection, report: &ScanReport, run: i64) -> Result<(), LedgerFault> {
    let is_newest = scans_by_time(db)?.last() == Some(&run);
    let conflict = if is_newest { "REPLACE" } else { "IGNORE" };
    let insert = format!("INSERT OR {conflict} INTO tracked_sources (arn, document) VALUES (?1, ?2)");
    for lb in report.load_balancers.iter().filter(|lb| !lb.tracked_sources.is_empty()) {
        db.prepare_cached(&insert)?.execute(params![lb.arn.as_str(), serde_json::to_string(&lb.tracked_sources)?])?;
    }
    Ok(())
}
