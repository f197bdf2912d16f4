//! How ids, numbers and enums are stored in columns: the base that every other module of the ledger reads rows with.

use std::str::FromStr;

use doorward_model::{AccountRegion, Arn, Finding, InvalidId, Mode, Severity};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

/// A recorded run, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRef {
    /// The run's id.
    pub id: String,
    /// When it ended, UTC; for an event, when its load balancer was read.
    pub at: Timestamp,
}

/// Reads an id. An invalid one is an error: no row is skipped.
pub(crate) fn id<T: FromStr<Err = InvalidId>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// Reads an account and, from the next column, its Region.
pub(crate) fn account_region(row: &Row<'_>, column: usize) -> rusqlite::Result<AccountRegion> {
    Ok(AccountRegion { account: id(row, column)?, region: id(row, column + 1)? })
}

/// Reads a finding's stable id from three columns: load balancer, rule, and the id where it is not the one that these two make.
pub(crate) fn finding_id(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let own = row.get_ref(column + 2)?.as_str()?;
    if own.is_empty() {
        Ok(Finding::id_for(&id::<Arn>(row, column)?, row.get_ref(column + 1)?.as_str()?))
    } else {
        Ok(own.to_owned())
    }
}

/// Reads a mode by its number; none where AWS left it out.
pub(crate) fn mode(code: i64) -> Option<Mode> {
    match code {
        1 => Some(Mode::Monitor),
        2 => Some(Mode::Defensive),
        3 => Some(Mode::Strictest),
        _ => None,
    }
}

/// The severity at a place in the order from informational to critical.
pub(crate) fn severity(rank: i64) -> Option<Severity> {
    let order = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    order.get(usize::try_from(rank).ok()?).copied()
}

/// Whether a coverage byte means that something was observed there.
pub(crate) fn was_looked_at(status: u8) -> bool {
    matches!(status & 7, 1 | 2)
}

/// The id of an account-Region's row, which is added if it is missing. The Region is empty for a coverage line that stands for the
/// Regions of an account that could not be listed.
pub(crate) fn place_id(db: &Connection, account: &str, region: &str) -> rusqlite::Result<i64> {
    let known = db
        .prepare_cached("SELECT id FROM places WHERE account = ?1 AND region = ?2")?
        .query_row([account, region], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    db.prepare_cached("INSERT INTO places (account, region) VALUES (?1, ?2)")?.execute([account, region])?;
    Ok(db.last_insert_rowid())
}
