//! What a recorded scan was judged with besides what it read: kept beside its cells, so that judging it again gives the
//! same.

use std::collections::BTreeMap;

use doorward_model::{Arn, Inputs};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{RECORDED, find, keep_body};
use crate::columns::{id, place_id};
use crate::error::LedgerFault;
use crate::timestamp::nanos;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// What a recorded scan was judged with: traffic as it was weighed, changes, who set modes, declarations. None where the
    /// scan is not kept, was not recorded, or was recorded by a version that did not keep it.
    pub fn inputs(&self, run: &str) -> Result<Option<Inputs>, LedgerError> {
        self.read("reading what a scan was judged with", |db| {
            let Some((scan, RECORDED)) = find(db, run)? else { return Ok(None) };
            let kept: Option<i64> =
                db.query_row("SELECT inputs FROM scans WHERE seq = ?1", [scan], |row| row.get(0)).optional()?.flatten();
            if kept.is_none() {
                return Ok(None);
            }
            let mut query =
                db.prepare("SELECT b.text FROM inputs i JOIN bodies b ON b.id = i.body WHERE i.scan = ?1")?;
            let mut rows = query.query([scan])?;
            let mut inputs = Inputs::default();
            while let Some(row) = rows.next()? {
                inputs.extend(serde_json::from_str(&row.get::<_, String>(0)?)?);
            }
            Ok(Some(inputs))
        })
    }

    /// The inputs with which the readings of [`Ledger::looks_since`] were judged, by load balancer.
    pub fn look_inputs_since(&self, at: Timestamp) -> Result<BTreeMap<Arn, Inputs>, LedgerError> {
        self.read("reading what events were judged with", |db| {
            let mut query = db.prepare(
                "SELECT b.arn, b.look_inputs FROM load_balancers b JOIN runs e ON e.seq = b.event_run
                 WHERE e.at > ?1 AND b.fate = 0 AND b.look_inputs IS NOT NULL",
            )?;
            let mut rows = query.query([nanos(at)])?;
            let mut inputs = BTreeMap::new();
            while let Some(row) = rows.next()? {
                inputs.insert(id::<Arn>(row, 0)?, serde_json::from_str(&row.get::<_, String>(1)?)?);
            }
            Ok(inputs)
        })
    }
}

/// Keeps them, one text for each account-Region; a text that did not change is that of an earlier scan.
pub(super) fn keep(db: &Connection, scan: i64, inputs: Inputs) -> Result<(), LedgerFault> {
    for ((account, region), inputs) in inputs.by_place() {
        let place = place_id(db, &account, &region)?;
        let last: Option<i64> =
            db.prepare_cached("SELECT inputs FROM places WHERE id = ?1")?.query_row([place], |row| row.get(0))?;
        let body = keep_body(db, last, &serde_json::to_string(&inputs)?)?;
        if last != Some(body) {
            db.prepare_cached("UPDATE places SET inputs = ?2 WHERE id = ?1")?.execute([place, body])?;
        }
        db.prepare_cached("INSERT OR REPLACE INTO inputs (scan, place, body) VALUES (?1, ?2, ?3)")?
            .execute(params![scan, place, body])?;
    }
    db.execute("UPDATE scans SET inputs = 1 WHERE seq = ?1", [scan])?;
    Ok(())
}
