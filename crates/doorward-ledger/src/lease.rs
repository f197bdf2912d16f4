//! One writer at a time: a lease with owner, expiry and a fencing token that only grows.
//!
//! Beside the file lies a lock file that the holder keeps locked. The system unlocks it when the holder dies, so the next
//! writer need not wait for the expiry. The lock alone decides nothing: where it cannot be taken, the expiry does.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use crate::error::LedgerFault;
use crate::timestamp::{nanos, timestamp};
use crate::{Ledger, LedgerError};

/// How long a lease should last: a dead owner is replaced after at most this time. Renew at a third of it.
pub const LEASE_TTL: SignedDuration = SignedDuration::from_secs(30);

/// The permission to write. Every write checks its token, so that a writer that slept through the expiry of its lease
/// changes nothing once another has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    owner: String,
    token: i64,
    expires: Timestamp,
}

impl Lease {
    /// Who holds it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Grows with every change of hands.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// When others may take it over unless it is renewed, UTC.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

struct Row {
    owner: String,
    token: i64,
    expires: i64,
    /// Whether the holder also held the lock file.
    locked: bool,
}

fn read(db: &Connection) -> rusqlite::Result<Row> {
    db.prepare_cached("SELECT owner, token, expires, locked FROM lease")?.query_row([], |row| {
        Ok(Row { owner: row.get(0)?, token: row.get(1)?, expires: row.get(2)?, locked: row.get(3)? })
    })
}

/// Who is written down as the holder, and the time at which that ends.
pub(crate) fn holder(db: &Connection) -> rusqlite::Result<Option<(String, i64)>> {
    let held = read(db)?;
    Ok((!held.owner.is_empty()).then_some((held.owner, held.expires)))
}

impl Ledger {
    /// Takes the lease at `now` for `ttl`, if it is free, expired, or its holder is dead. `owner` is shown to a process that
    /// has to wait, so name machine, process and user. Never waits: [`LedgerError::Held`] says who holds it and until
    /// when; the caller decides whether to try again.
    pub fn acquire_lease(&mut self, owner: &str, now: Timestamp, ttl: SignedDuration) -> Result<Lease, LedgerError> {
        let expires = now.saturating_add(ttl).unwrap_or(now);
        let path = self.path().to_owned();
        self.refresh()?;
        // On a network file system a lock says nothing about other machines.
        let lock = if self.network || self.is_shared() { None } else { try_lock(&path) };
        let alone = lock.is_some();
        let lease = self.write("taking the lease", |db| {
            let held = read(db)?;
            let dead = held.locked && alone;
            if !held.owner.is_empty() && held.expires > nanos(now) && !dead {
                let until = timestamp(held.expires);
                return Err(LedgerError::Held { path: path.clone(), owner: held.owner, until }.into());
            }
            let token = held.token + 1;
            let change = "UPDATE lease SET owner = ?1, token = ?2, expires = ?3, locked = ?4";
            db.execute(change, params![owner, token, nanos(expires), alone])?;
            Ok(Lease { owner: owner.to_owned(), token, expires })
        })?;
        self.lock = lock;
        Ok(lease)
    }

    /// Extends the lease to `now + ttl`; works after its expiry too, as long as no other process took it.
    /// [`LedgerError::Fenced`] when one did.
    pub fn renew_lease(&mut self, lease: &mut Lease, now: Timestamp, ttl: SignedDuration) -> Result<(), LedgerError> {
        let expires = now.saturating_add(ttl).unwrap_or(now);
        // Renewing writes the whole file of a shared ledger. Every change checks the lease anyway.
        if self.is_shared() && lease.expires.duration_since(now) > ttl * 2 / 3 {
            return Ok(());
        }
        self.write_leased(lease, "renewing the lease", |db| {
            db.execute("UPDATE lease SET expires = ?1", [nanos(expires)])?;
            Ok(())
        })?;
        lease.expires = expires;
        Ok(())
    }

    /// Gives the lease back, so that the next writer need not wait for its expiry. Giving back a lease that was taken
    /// over is not an error: the new holder keeps it.
    pub fn release_lease(&mut self, lease: Lease) -> Result<(), LedgerError> {
        self.write("releasing the lease", |db| {
            // A second release changes nothing, so that a shared ledger is not written for it.
            let change = "UPDATE lease SET owner = '', expires = 0, locked = 0 WHERE token = ?1 AND owner <> ''";
            db.execute(change, [lease.token])?;
            Ok(())
        })?;
        self.lock = None;
        Ok(())
    }

    /// Whether the lease is still its owner's.
    pub(crate) fn check_lease(&self, db: &Connection, lease: &Lease) -> Result<(), LedgerFault> {
        let held = read(db)?;
        if held.token == lease.token && held.owner == lease.owner {
            return Ok(());
        }
        let holder = if held.owner.is_empty() { "another scan".to_owned() } else { held.owner };
        Err(LedgerError::Fenced { path: self.path().to_owned(), owner: lease.owner.clone(), holder }.into())
    }
}

/// The lock file beside a ledger, locked until it is dropped; none if another process holds it or it cannot be created.
fn try_lock(ledger: &Path) -> Option<File> {
    let mut name = ledger.as_os_str().to_owned();
    name.push("-lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name).ok()?;
    file.try_lock().ok().map(|()| file)
}
