//! The delivery state of notifications: the last digest that each audience received at each channel, and one that may have arrived.
//!
//! The ledger stores them and decides nothing about them; a digest's state is text to it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::timestamp::{nanos, timestamp};
use crate::{Lease, Ledger, LedgerError};

/// A digest, and what its audience knows once it has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestIntent {
    /// The digest's id.
    pub id: String,
    /// The state that the audience then knows, as text.
    pub state: String,
    /// When it was stored, or when its arrival was confirmed, UTC.
    pub at: Timestamp,
}

/// The delivery state of an audience at a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestRow {
    /// The digest that is known to have arrived last.
    pub delivered: Option<DigestIntent>,
    /// A digest that was sent and not confirmed: it may have arrived.
    pub open: Option<DigestIntent>,
    /// Runs that tried since the last arrival.
    pub attempts: u32,
    /// Why the last of them failed; none while that is unknown, and after an arrival.
    pub failure: Option<String>,
}

impl Ledger {
    /// The delivery state of an audience at a channel; empty if nothing was sent.
    pub fn digest(&self, audience: &str, channel: &str) -> Result<DigestRow, LedgerError> {
        self.read("reading the delivery state", |db| {
            let mut query = db.prepare_cached(
                "SELECT delivered_id, delivered_state, delivered_at, open_id, open_state, open_at, attempts, failure FROM digests
                 WHERE audience = ?1 AND channel = ?2",
            )?;
            Ok(query.query_row([audience, channel], read).optional()?.unwrap_or_default())
        })
    }

    /// Stores what is about to be sent, and counts an attempt. On the disk when it returns.
    pub fn digest_intend(
        &mut self,
        lease: &Lease,
        audience: &str,
        channel: &str,
        intent: &DigestIntent,
    ) -> Result<(), LedgerError> {
        self.write_durably(lease, "writing the delivery state", |db| {
            db.prepare_cached(
                "INSERT INTO digests (audience, channel, open_id, open_state, open_at, attempts) VALUES (?1, ?2, ?3, ?4, ?5, 1)
                 ON CONFLICT DO UPDATE SET open_id = ?3, open_state = ?4, open_at = ?5, attempts = attempts + 1,
                 failure = NULL",
            )?
            .execute(params![audience, channel, intent.id, intent.state, nanos(intent.at)])?;
            Ok(())
        })
    }

    /// Stores that the digest of this id arrived, unless another one was intended meanwhile.
    pub fn digest_acknowledge(
        &mut self,
        lease: &Lease,
        audience: &str,
        channel: &str,
        id: &str,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write_durably(lease, "writing the delivery state", |db| {
            db.prepare_cached(
                "UPDATE digests SET delivered_id = open_id, delivered_state = open_state, delivered_at = ?4, open_id = NULL,
                 open_state = NULL, open_at = NULL, attempts = 0, failure = NULL
                 WHERE audience = ?1 AND channel = ?2 AND open_id = ?3",
            )?
            .execute(params![audience, channel, id, nanos(at)])?;
            Ok(())
        })
    }

    /// Stores why an attempt failed, and which digest is open now: none where it certainly did not arrive and nothing was
    /// open before.
    pub fn digest_fail(
        &mut self,
        lease: &Lease,
        audience: &str,
        channel: &str,
        open: Option<&DigestIntent>,
        reason: &str,
    ) -> Result<(), LedgerError> {
        self.write_leased(lease, "writing the delivery state", |db| {
            let (id, state) = (open.map(|open| &open.id), open.map(|open| &open.state));
            let at = open.map(|open| nanos(open.at));
            db.prepare_cached(
                "UPDATE digests SET open_id = ?3, open_state = ?4, open_at = ?5, failure = ?6
                 WHERE audience = ?1 AND channel = ?2",
            )?
            .execute(params![audience, channel, id, state, at, reason])?;
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<DigestRow> {
    let intent = |first: usize| -> rusqlite::Result<Option<DigestIntent>> {
        let Some(id) = row.get::<_, Option<String>>(first)? else { return Ok(None) };
        Ok(Some(DigestIntent { id, state: row.get(first + 1)?, at: timestamp(row.get(first + 2)?) }))
    };
    Ok(DigestRow { delivered: intent(0)?, open: intent(3)?, attempts: row.get(6)?, failure: row.get(7)? })
}
