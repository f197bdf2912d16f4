//! Sources of non-compliant requests that are followed from scan to scan, by load balancer.

use std::collections::BTreeMap;

use doorward_model::{Arn, ScanReport, TrackedSource};
use rusqlite::{Connection, params};

use crate::columns::id;
use crate::error::LedgerFault;
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

/// Keeps the tracked sources of a report. Load balancers that the report does not contain keep theirs.
pub(crate) fn keep(db: &Connection, report: &ScanReport) -> Result<(), LedgerFault> {
    for lb in report.load_balancers.iter().filter(|lb| !lb.tracked_sources.is_empty()) {
        db.prepare_cached("INSERT OR REPLACE INTO tracked_sources (arn, document) VALUES (?1, ?2)")?
            .execute(params![lb.arn.as_str(), serde_json::to_string(&lb.tracked_sources)?])?;
    }
    Ok(())
}
