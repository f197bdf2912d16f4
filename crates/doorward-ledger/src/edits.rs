//! Edits: which call set the current mode of a load balancer, and what the event's look at it read.

use std::collections::BTreeMap;

use doorward_model::{Arn, CLOCK_TOLERANCE, Edit, RawLoadBalancer};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::columns::id;
use crate::error::LedgerFault;
use crate::timestamp::nanos;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// For every load balancer the newest call that left it in the mode it was last seen in. Load balancers whose mode was seen to
    /// change later, or that were deleted since, are not among them.
    pub fn edits(&self) -> Result<BTreeMap<Arn, Edit>, LedgerError> {
        self.read("reading who set modes", |db| {
            let mut query = db.prepare(
                "SELECT b.arn, e.document FROM edits e JOIN load_balancers b ON b.id = e.load_balancer
                 WHERE e.ended IS NULL AND NOT EXISTS (
                     SELECT 1 FROM edits n WHERE n.load_balancer = e.load_balancer AND n.ended IS NULL
                     AND (n.at, n.event) > (e.at, e.event))
                 ORDER BY b.arn",
            )?;
            let mut rows = query.query([])?;
            let mut edits = BTreeMap::new();
            while let Some(row) = rows.next()? {
                edits.insert(id(row, 0)?, serde_json::from_str(&row.get::<_, String>(1)?)?);
            }
            Ok(edits)
        })
    }

    /// What events' looks saw of load balancers after a time, the newest look at each, ordered by ARN: what is newer than a scan
    /// that ended then. What is dated later than `now`, by a clock that was ahead, is not newer than anything.
    pub fn looks_since(&self, at: Timestamp, now: Timestamp) -> Result<Vec<RawLoadBalancer>, LedgerError> {
        self.read("reading what events saw", |db| {
            let mut query = db.prepare(
                "SELECT b.look FROM load_balancers b JOIN runs e ON e.seq = b.event_run
                 WHERE e.at > ?1 AND e.at <= ?2 AND b.fate = 0 AND b.look IS NOT NULL ORDER BY b.arn",
            )?;
            let latest = now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now);
            let mut rows = query.query([nanos(at), nanos(latest)])?;
            let mut looks = Vec::new();
            while let Some(row) = rows.next()? {
                looks.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
            }
            Ok(looks)
        })
    }

    /// Whether an event was taken in before, by CloudTrail's id.
    pub fn knows_event(&self, event: &str) -> Result<bool, LedgerError> {
        self.read("looking up an event", |db| {
            Ok(db.prepare_cached("SELECT 1 FROM edits WHERE event = ?1")?.exists([event])?)
        })
    }
}

/// Stores an edit once: a repeated event adds nothing.
pub(crate) fn keep(db: &Connection, load_balancer: i64, run: i64, edit: &Edit) -> Result<(), LedgerFault> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO edits (event, load_balancer, at, run, document) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![edit.event, load_balancer, nanos(edit.at), run, serde_json::to_string(edit)?])?;
    Ok(())
}
