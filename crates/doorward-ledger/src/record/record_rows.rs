//! The rows of one account-Region, as they are read before it is recorded.

use std::collections::BTreeMap;

use doorward_model::Mode;
use rusqlite::{Connection, Row};

use crate::columns::finding_id;
use crate::finding_state::{FindingState, FindingStatus};

pub(crate) const HERE: i64 = 0;
pub(super) const GONE: i64 = 1;
pub(super) const RETIRED: i64 = 2;

/// A load balancer as the ledger knows it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KnownLoadBalancer {
    pub(super) id: i64,
    pub(super) grouping: i64,
    pub(super) fate: i64,
    pub(super) mode: Option<i64>,
    pub(super) mode_seen: Option<i64>,
    /// When it was last seen, where its account-Region was looked at later without seeing it.
    pub(super) seen: Option<i64>,
    /// Its column among the modes when it was last seen.
    pub(super) counted: Option<i64>,
    /// The newest look that an event asked for: its run and its time.
    pub(super) event: Option<(i64, i64)>,
}

/// A finding as the ledger knows it, while its account-Region is visited.
pub(super) struct KnownFinding {
    pub(super) standing: FindingState,
    pub(super) seen_now: bool,
}

/// The number under which the file keeps a mode: 0 where AWS left it out, else by strength.
pub(crate) fn mode_code(mode: Option<Mode>) -> i64 {
    match mode {
        None => 0,
        Some(Mode::Monitor) => 1,
        Some(Mode::Defensive) => 2,
        Some(Mode::Strictest) => 3,
    }
}

pub(super) fn load_balancers(db: &Connection, place: i64) -> rusqlite::Result<BTreeMap<String, KnownLoadBalancer>> {
    db.prepare_cached(
        "SELECT b.arn, b.id, b.grouping, b.fate, b.mode, b.mode_seen, e.seq, e.at, b.seen, b.counted
         FROM load_balancers b LEFT JOIN runs e ON e.seq = b.event_run WHERE b.place = ?1",
    )?
    .query_map([place], |row| {
        let known = KnownLoadBalancer {
            id: row.get(1)?,
            grouping: row.get(2)?,
            fate: row.get(3)?,
            mode: row.get(4)?,
            mode_seen: row.get(5)?,
            event: row.get::<_, Option<i64>>(6)?.zip(row.get(7)?),
            seen: row.get(8)?,
            counted: row.get(9)?,
        };
        Ok((row.get(0)?, known))
    })?
    .collect()
}

const STANDING: &str = "f.state, f.seen, f.since, f.first, f.opened, f.resolved, f.reopened, f.excepted, f.severity, f.proven, f.proven_since,
    f.allowed";

fn standing(row: &Row<'_>) -> rusqlite::Result<FindingState> {
    Ok(FindingState {
        state: FindingStatus::from_code(row.get(0)?),
        seen: row.get(1)?,
        since: row.get(2)?,
        first: row.get(3)?,
        opened: row.get(4)?,
        resolved: row.get(5)?,
        reopened: row.get(6)?,
        excepted: row.get(7)?,
        severity: row.get(8)?,
        proven: row.get(9)?,
        proven_since: row.get(10)?,
        allowed: row.get(11)?,
    })
}

pub(super) fn held(db: &Connection, place: i64) -> rusqlite::Result<BTreeMap<(i64, i64), KnownFinding>> {
    db.prepare_cached(&format!(
        "SELECT {STANDING}, f.load_balancer, f.rule FROM load_balancers b JOIN findings f ON f.load_balancer = b.id WHERE b.place = ?1"
    ))?
    .query_map([place], |row| {
        Ok(((row.get(12)?, row.get(13)?), KnownFinding { standing: standing(row)?, seen_now: false }))
    })?
    .collect()
}

/// What is remembered of an account-Region's findings, by finding id, with the time of the newest look at the load balancer that an
/// event asked for.
pub(super) fn standings(
    db: &Connection,
    place: i64,
) -> rusqlite::Result<BTreeMap<String, (FindingState, Option<i64>)>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {STANDING}, b.arn, r.name, r.own, e.at FROM load_balancers b JOIN findings f ON f.load_balancer = b.id
         JOIN rules r ON r.id = f.rule LEFT JOIN runs e ON e.seq = b.event_run WHERE b.place = ?1"
    ))?;
    let rows = query.query_map([place], |row| Ok((finding_id(row, 12)?, (standing(row)?, row.get(15)?))))?;
    rows.collect()
}
