//! The change journal: plans, approvals, requests and readings of mode changes. Entries are appended and never changed.
//!
//! The ledger stores plans and events as text and decides nothing about them: where a load balancer stands in a change is derived from its
//! events by the crate that wrote them.

use doorward_model::Arn;
use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, params};

use crate::columns::id;
use crate::timestamp::{nanos, timestamp};
use crate::{Lease, Ledger, LedgerError};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// When it happened.
    pub at: Timestamp,
    /// The load balancer it is about; none where it is about the change as a whole.
    pub load_balancer: Option<Arn>,
    /// The event, as serialized by the writer.
    pub document: String,
}

impl Ledger {
    /// Stores a change's plan, once: a change that is known keeps its first one. On the disk when it returns.
    pub fn journal_open(&mut self, lease: &Lease, change: &str, plan: &str, at: Timestamp) -> Result<(), LedgerError> {
        self.write_durably(lease, "writing a plan", |db| {
            db.prepare_cached("INSERT OR IGNORE INTO changes (id, at, plan) VALUES (?1, ?2, ?3)")?.execute(params![
                change,
                nanos(at),
                plan
            ])?;
            Ok(())
        })
    }

    /// Appends an entry. On the disk when it returns.
    pub fn journal_append(&mut self, lease: &Lease, change: &str, row: &JournalRow) -> Result<(), LedgerError> {
        self.write_durably(lease, "writing the change journal", |db| {
            let sql = "INSERT INTO change_events (change, at, load_balancer, document) VALUES (?1, ?2, ?3, ?4)";
            db.prepare_cached(sql)?.execute(params![
                change,
                nanos(row.at),
                row.load_balancer.as_ref().map(Arn::as_str),
                row.document
            ])?;
            Ok(())
        })
    }

    /// The plan of a change; none where it is not known.
    pub fn journal_plan(&self, change: &str) -> Result<Option<String>, LedgerError> {
        self.read("reading the change journal", |db| {
            let plan = db.query_row("SELECT plan FROM changes WHERE id = ?1", [change], |row| row.get(0));
            Ok(plan.optional()?)
        })
    }

    /// The entries of a change, in the order in which they were written.
    pub fn journal(&self, change: &str) -> Result<Vec<JournalRow>, LedgerError> {
        self.read("reading the change journal", |db| {
            let sql = "SELECT at, load_balancer, document FROM change_events WHERE change = ?1 ORDER BY seq";
            let mut query = db.prepare(sql)?;
            let rows = query.query_map([change], |row| {
                let load_balancer = if row.get_ref(1)? == ValueRef::Null { None } else { Some(id(row, 1)?) };
                Ok(JournalRow { at: timestamp(row.get(0)?), load_balancer, document: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Every change, the oldest first, with the time at which it was first written.
    pub fn journal_changes(&self) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        self.read("reading the change journal", |db| {
            let mut query = db.prepare("SELECT id, at FROM changes ORDER BY at, id")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, timestamp(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
