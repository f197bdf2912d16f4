//! The coverage of a run, stored once for all runs with the same coverage.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{KnownRegion, ReportedRegion};
use crate::error::LedgerFault;

/// Stores what was looked at, one byte per place, unless an earlier run looked at exactly the same.
pub(super) fn coverage(
    db: &Connection,
    reported_regions: &BTreeMap<(&str, &str), ReportedRegion<'_>>,
    places: &BTreeMap<(String, String), KnownRegion>,
) -> Result<i64, LedgerFault> {
    let last = places.values().map(|place| place.id).max().unwrap_or(0);
    let mut statuses = vec![0_u8; usize::try_from(last).unwrap_or(0) + 1];
    for ((account, region), place) in places {
        let reported = reported_regions.get(&(account.as_str(), region.as_str()));
        let byte = usize::try_from(place.id).ok().and_then(|id| statuses.get_mut(id));
        if let (Some(reported), Some(byte)) = (reported, byte) {
            *byte = reported.status();
        }
    }
    while statuses.last() == Some(&0) {
        statuses.pop();
    }
    keep_coverage(db, &statuses)
}

/// The coverage of what looked at no account-Region as a whole.
pub(super) fn nothing(db: &Connection) -> Result<i64, LedgerFault> {
    keep_coverage(db, &[])
}

fn keep_coverage(db: &Connection, statuses: &[u8]) -> Result<i64, LedgerFault> {
    let hash = i64::from_le_bytes(fnv(statuses).to_le_bytes());
    let same = "SELECT id FROM coverages WHERE hash = ?1 AND statuses = ?2";
    if let Some(id) = db.query_row(same, params![hash, statuses], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    db.execute("INSERT INTO coverages (hash, statuses) VALUES (?1, ?2)", params![hash, statuses])?;
    Ok(db.last_insert_rowid())
}

/// Fowler-Noll-Vo 1a: only narrows the search, equality decides.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
