//! The mode of a load balancer as a recorded run read it.

use std::fmt;

use doorward_model::{Kind, MODE_RULE, Mode};
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Serialize, Serializer};

use crate::columns::mode;
use crate::error::LedgerFault;
use crate::finding_state::{FindingStatus, UNSEEN};

use super::{End, Point};

/// The mode of a load balancer after a run. What the run did not read is unknown, though an earlier run may have read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordedMode {
    /// The run read it.
    Read(Mode),
    /// AWS's response did not contain it.
    Absent,
    /// The ledger did not know the load balancer yet, or it is gone.
    None,
    /// The run did not read it.
    Unknown,
    /// The load balancer cannot have one.
    NotApplicable,
}

impl RecordedMode {
    /// The stable word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read(mode) => mode.as_str(),
            Self::Absent => "absent",
            Self::None => "none",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl Serialize for RecordedMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for RecordedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ledger's data about a load balancer besides its modes.
pub(super) struct KnownSince {
    /// Its row.
    pub(super) id: i64,
    /// The run that saw it first.
    pub(super) first_run: i64,
    /// The kind, as it is stored.
    pub(super) kind: String,
    /// The newest run that saw the mode, where a later one could not.
    pub(super) mode_seen: Option<i64>,
}

/// The mode of a load balancer after one of the two runs, of which `point` is the finding that differs.
pub(super) fn recorded_mode(
    db: &Connection,
    lb: &KnownSince,
    end: &End,
    point: Point,
) -> Result<RecordedMode, LedgerFault> {
    if lb.first_run > end.seq || point.state.is_some_and(FindingStatus::has_ended) {
        return Ok(RecordedMode::None);
    }
    if [Kind::Network, Kind::Gateway].iter().any(|kind| kind.as_str() == lb.kind) {
        return Ok(RecordedMode::NotApplicable);
    }
    let was_not_read = lb.mode_seen.is_some_and(|seen| seen < end.seq);
    if was_not_read || !point.looked || !is_mode_seen(db, lb.id, end.seq)?.unwrap_or(point.seen) {
        return Ok(RecordedMode::Unknown);
    }
    let mut query = db.prepare_cached(
        "SELECT now FROM mode_changes WHERE load_balancer = ?1 AND run <= ?2 ORDER BY run DESC LIMIT 1",
    )?;
    let code: Option<i64> = query.query_row([lb.id, end.seq], |row| row.get(0)).optional()?;
    Ok(code.map_or(RecordedMode::Unknown, |code| mode(code).map_or(RecordedMode::Absent, RecordedMode::Read)))
}

/// Whether a run reached a verdict on the mode; none where the rule on modes was never asked.
fn is_mode_seen(db: &Connection, load_balancer: i64, run: i64) -> Result<Option<bool>, LedgerFault> {
    let mut query = db.prepare_cached(
        "SELECT t.now FROM rules r JOIN transitions t ON t.rule = r.id
         WHERE r.name = ?1 AND t.load_balancer = ?2 AND t.run <= ?3 ORDER BY t.run DESC LIMIT 1",
    )?;
    let code: Option<i64> = query.query_row((MODE_RULE, load_balancer, run), |row| row.get(0)).optional()?;
    Ok(code.map(|code| code & UNSEEN == 0 && FindingStatus::from_code(code & (UNSEEN - 1)) != FindingStatus::Unknown))
}
