//! The outbox of a sink: the findings that were sent to a destination, and which of them it accepted.
//!
//! The ledger stores them and decides nothing about them.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{AccountRegion, Arn};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::columns::{account_region, id};
use crate::timestamp::{nanos, timestamp};
use crate::{Lease, Ledger, LedgerError};

/// The delivery state of one finding at one destination. Times are in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Where the load balancer is.
    pub subject: AccountRegion,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The rule.
    pub rule: String,
    /// Digest of what was sent last.
    pub content: String,
    /// When the record was first made; never changes.
    pub created_at: Timestamp,
    /// When its subject was first observed; never changes.
    pub first_observed_at: Timestamp,
    /// Of the latest attempt.
    pub updated_at: Timestamp,
    /// When the scan behind the latest attempt began.
    pub observed_at: Timestamp,
    /// When it was last accepted; none before the first time.
    pub accepted_at: Option<Timestamp>,
    /// Whether it is archived, as of the latest attempt.
    pub archived: bool,
    /// Whether the latest attempt was confirmed.
    pub acknowledged: bool,
    /// How often it was tried since the last confirmation.
    pub attempts: u32,
}

const COLUMNS: &str = "account, region, load_balancer, rule, content, created_at, first_observed_at, updated_at, observed_at, \
     accepted_at, archived, acknowledged, attempts";

impl Ledger {
    /// Every destination that something is remembered of.
    pub fn outbox_places(&self) -> Result<BTreeSet<AccountRegion>, LedgerError> {
        self.read("reading the outbox", |db| {
            let mut query = db.prepare("SELECT DISTINCT security_hub_account, security_hub_region FROM outbox")?;
            let mut rows = query.query([])?;
            let mut places = BTreeSet::new();
            while let Some(row) = rows.next()? {
                places.insert(account_region(row, 0)?);
            }
            Ok(places)
        })
    }

    /// The delivery states of a destination, by finding id, without the documents.
    pub fn outbox(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, OutboxRow>, LedgerError> {
        self.read("reading the outbox", |db| {
            let sql = format!(
                "SELECT id, {COLUMNS} FROM outbox WHERE security_hub_account = ?1 AND security_hub_region = ?2"
            );
            let mut query = db.prepare(&sql)?;
            let mut rows = query.query([security_hub.account.as_str(), security_hub.region.as_str()])?;
            let mut remembered = BTreeMap::new();
            while let Some(row) = rows.next()? {
                remembered.insert(row.get(0)?, read(row)?);
            }
            Ok(remembered)
        })
    }

    /// The document of the latest attempt.
    pub fn outbox_document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, LedgerError> {
        self.read("reading the outbox", |db| {
            let sql =
                "SELECT document FROM outbox WHERE security_hub_account = ?1 AND security_hub_region = ?2 AND id = ?3";
            let document =
                db.query_row(sql, [security_hub.account.as_str(), security_hub.region.as_str(), id], |row| row.get(0));
            Ok(document.optional()?)
        })
    }

    /// Stores what is about to be sent, by finding id, each with its document; overwrites the rows of the same ids. On the
    /// disk when it returns.
    pub fn outbox_intend<'a>(
        &mut self,
        lease: &Lease,
        security_hub: &AccountRegion,
        intents: impl IntoIterator<Item = (&'a str, &'a OutboxRow, &'a str)>,
    ) -> Result<(), LedgerError> {
        let intents: Vec<_> = intents.into_iter().collect();
        self.write_durably(lease, "writing the outbox", |db| {
            let sql = format!(
                "INSERT OR REPLACE INTO outbox (security_hub_account, security_hub_region, id, document, {COLUMNS})
                 VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            );
            let mut insert = db.prepare_cached(&sql)?;
            for (id, row, document) in &intents {
                insert.execute(params![
                    security_hub.account.as_str(),
                    security_hub.region.as_str(),
                    id,
                    document,
                    row.subject.account.as_str(),
                    row.subject.region.as_str(),
                    row.load_balancer.as_str(),
                    row.rule,
                    row.content,
                    nanos(row.created_at),
                    nanos(row.first_observed_at),
                    nanos(row.updated_at),
                    nanos(row.observed_at),
                    row.accepted_at.map(nanos),
                    row.archived,
                    row.acknowledged,
                    row.attempts,
                ])?;
            }
            Ok(())
        })
    }

    /// Marks as confirmed at `at` the rows whose latest attempt is the one given, by id and its `updated_at`.
    pub fn outbox_acknowledge(
        &mut self,
        lease: &Lease,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write_leased(lease, "writing the outbox", |db| {
            let mut update = db.prepare_cached(
                "UPDATE outbox SET acknowledged = 1, accepted_at = ?5, attempts = 0
                 WHERE security_hub_account = ?1 AND security_hub_region = ?2 AND id = ?3 AND updated_at = ?4",
            )?;
            for (id, updated) in accepted {
                update.execute(params![
                    security_hub.account.as_str(),
                    security_hub.region.as_str(),
                    id,
                    nanos(*updated),
                    nanos(at)
                ])?;
            }
            Ok(())
        })
    }
}

/// Reads [`COLUMNS`] behind the id.
fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let time = |column| row.get(column).map(timestamp);
    Ok(OutboxRow {
        subject: account_region(row, 1)?,
        load_balancer: id(row, 3)?,
        rule: row.get(4)?,
        content: row.get(5)?,
        created_at: time(6)?,
        first_observed_at: time(7)?,
        updated_at: time(8)?,
        observed_at: time(9)?,
        accepted_at: row.get::<_, Option<i64>>(10)?.map(timestamp),
        archived: row.get(11)?,
        acknowledged: row.get(12)?,
        attempts: row.get(13)?,
    })
}
