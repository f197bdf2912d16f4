//! Queries for single findings and load balancers: open findings, state transitions, modes.

use doorward_model::{AccountId, Arn, CLOCK_TOLERANCE, ModeTransition, ObservedIn, Region, Severity};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::columns::{RunRef, finding_id, id, mode, severity};
use crate::error::LedgerFault;
use crate::finding_state::UNSEEN;
use crate::owner_spelling::OWNER_SQL;
use crate::record::HERE;
use crate::run_order::dated_runs;
use crate::timestamp::{nanos, timestamp};
use crate::{FindingStatus, Ledger, LedgerError};

/// A finding that is not as required, allowed or not, as the ledger knows it after the newest scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenFinding {
    /// The finding's stable id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The load balancer's name.
    pub name: String,
    /// The owner, as last read.
    pub owner: String,
    /// [`FindingStatus::Open`] or [`FindingStatus::Excepted`].
    pub state: FindingStatus,
    /// How much it matters, as last seen.
    pub severity: Option<Severity>,
    /// The first failure ever, UTC.
    pub first_seen: Timestamp,
    /// The first failure since it was last resolved, UTC.
    pub opened: Timestamp,
    /// When a scan last saw it so, UTC.
    pub last_seen: Timestamp,
    /// Whether the newest look, a scan's or one by an event, was elsewhere or could not see it: "not seen since `last_seen`".
    pub unseen: bool,
    /// How often it failed again.
    pub reopened: u32,
}

/// Whether the newest look, by time and not by order of recording, did not see `row`, which is a load balancer `b` of place `p` or a finding `f` of it, at which event run `e` had the newest look.
pub(crate) fn is_unseen(row: &str) -> String {
    let tolerance = i64::try_from(CLOCK_TOLERANCE.as_nanos()).unwrap_or(0);
    let runs = dated_runs();
    format!(
        "({row}.seen IS NOT NULL OR max(coalesce(p.last_at, e.at), coalesce(e.at, p.last_at)) NOT BETWEEN
            coalesce((SELECT coalesce(began, at) FROM {runs} WHERE only IS NULL AND NOT ahead ORDER BY at DESC, seq DESC LIMIT 1), 0)
            AND (SELECT max(at) FROM {runs} WHERE NOT ahead) + {tolerance})"
    )
}

/// One change of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The state before; absent at the first judgement.
    pub from: Option<FindingStatus>,
    /// The state after. Where `unseen`, it is the state it was last seen in.
    pub to: FindingStatus,
    /// Whether it could not be observed from here on.
    pub unseen: bool,
    /// The run that found the change.
    pub run: RunRef,
}

impl Ledger {
    /// How many load balancers each account-Region had when it was last listed, as far as it had any; ordered by account and Region.
    pub fn load_balancer_counts(&self) -> Result<Vec<(AccountId, Region, u64)>, LedgerError> {
        self.read("counting load balancers", |db| {
            let mut query = db.prepare(
                "SELECT p.account, p.region, count(*) FROM load_balancers b JOIN places p ON p.id = b.place
                 WHERE b.fate = ?1 GROUP BY p.account, p.region ORDER BY p.account, p.region",
            )?;
            let count = |row: &Row<'_>| row.get::<_, i64>(2).map(i64::unsigned_abs);
            let rows = query.query_map([HERE], |row| Ok((id(row, 0)?, id(row, 1)?, count(row)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Every finding that fails, allowed or not, ordered by account, Region, ARN and rule.
    pub fn open_findings(&self) -> Result<Vec<OpenFinding>, LedgerError> {
        self.read("listing open findings", |db| {
            let mut query = db.prepare(&format!(
                "SELECT b.arn, r.name, r.own, b.name, {OWNER_SQL}, f.state, f.severity, f.first,
                        f.opened,
                        coalesce(f.seen, max(f.since, max(coalesce(p.last_at, e.at), coalesce(e.at, p.last_at)))),
                        {}, f.reopened
                 FROM findings f JOIN load_balancers b ON b.id = f.load_balancer JOIN places p ON p.id = b.place
                 LEFT JOIN runs e ON e.seq = b.event_run JOIN rules r ON r.id = f.rule JOIN groupings g ON g.id = b.grouping
                 WHERE f.state IN (3, 4) ORDER BY p.account, p.region, b.arn, r.name, r.own",
                is_unseen("f")
            ))?;
            let rows = query.query_map([], open_finding)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Every change of one finding, oldest first; empty for a finding the ledger does not know.
    pub fn transitions(&self, finding: &str) -> Result<Vec<Transition>, LedgerError> {
        self.read("reading a finding's changes", |db| {
            let Some((load_balancer, rule)) = find(db, finding)? else { return Ok(Vec::new()) };
            let mut query = db.prepare(
                "SELECT t.was, t.now, r.id, r.at FROM transitions t JOIN runs r ON r.seq = t.run
                 WHERE t.load_balancer = ?1 AND t.rule = ?2 ORDER BY t.run",
            )?;
            let rows = query.query_map([load_balancer, rule], |row| {
                let (was, now): (Option<i64>, i64) = (row.get(0)?, row.get(1)?);
                Ok(Transition {
                    from: was.map(|code| FindingStatus::from_code(code & (UNSEEN - 1))),
                    to: FindingStatus::from_code(now & (UNSEEN - 1)),
                    unseen: now & UNSEEN != 0,
                    run: RunRef { id: row.get(2)?, at: timestamp(row.get(3)?) },
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Every mode a load balancer was seen in, oldest first, each with the two runs that bracket the change. Empty for
    /// a load balancer the ledger does not know or that has no mode.
    pub fn mode_history(&self, arn: &str) -> Result<Vec<ModeTransition>, LedgerError> {
        self.read("reading a load balancer's modes", |db| {
            let mut query = db.prepare(&format!("{MODE_CHANGES} WHERE b.arn = ?1 ORDER BY c.run"))?;
            let rows = query.query_map([arn], mode_change)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Every change of a mode that a run found after `since`, by run, then by account, Region and ARN. The modes that the ledger's
    /// first scan read are not changes.
    pub fn mode_changes(&self, since: Timestamp) -> Result<Vec<ModeTransition>, LedgerError> {
        self.read("reading the changes of modes", |db| {
            let mut query = db.prepare(&format!(
                "{MODE_CHANGES} JOIN places p ON p.id = b.place
                 WHERE a.at > ?1 AND c.run > (SELECT min(seq) FROM runs WHERE only IS NULL) ORDER BY c.run, p.account, p.region, b.arn"
            ))?;
            let rows = query.query_map([nanos(since)], mode_change)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

const MODE_CHANGES: &str = "
    SELECT b.arn, c.was, c.now, a.id, coalesce(c.at, a.at), e.id, coalesce(c.before_at, e.at) FROM mode_changes c JOIN load_balancers b ON b.id = c.load_balancer
    JOIN runs a ON a.seq = c.run LEFT JOIN runs e ON e.seq = c.before_run";

fn mode_change(row: &Row<'_>) -> rusqlite::Result<ModeTransition> {
    let before: Option<String> = row.get(5)?;
    let before_at: Option<i64> = row.get(6)?;
    Ok(ModeTransition {
        load_balancer: id(row, 0)?,
        from: row.get::<_, Option<i64>>(1)?.and_then(mode),
        to: mode(row.get(2)?),
        before: before.zip(before_at).map(|(run, at)| ObservedIn { run, at: timestamp(at) }),
        after: ObservedIn { run: row.get(3)?, at: timestamp(row.get(4)?) },
    })
}

/// The text that replaces an owner that could not be read.
pub const OWNER_UNREAD: &str = "(owner unread)";

/// An owner as it is shown; none where it could not be read.
pub(crate) fn owner_shown(owner: Option<String>) -> String {
    owner.unwrap_or_else(|| OWNER_UNREAD.to_owned())
}

fn open_finding(row: &Row<'_>) -> rusqlite::Result<OpenFinding> {
    Ok(OpenFinding {
        id: finding_id(row, 0)?,
        load_balancer: id(row, 0)?,
        rule: row.get(1)?,
        name: row.get(3)?,
        owner: owner_shown(row.get(4)?),
        state: FindingStatus::from_code(row.get(5)?),
        severity: row.get::<_, Option<i64>>(6)?.and_then(severity),
        first_seen: timestamp(row.get(7)?),
        opened: timestamp(row.get(8)?),
        last_seen: timestamp(row.get(9)?),
        unseen: row.get(10)?,
        reopened: row.get(11)?,
    })
}

/// Looks a finding up by its id, whose third and fourth parts are Region and account.
fn find(db: &Connection, wanted: &str) -> Result<Option<(i64, i64)>, LedgerFault> {
    let mut parts = wanted.split('/').skip(2);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut query = db.prepare(
        "SELECT b.arn, r.name, r.own, f.load_balancer, f.rule FROM places p JOIN load_balancers b ON b.place = p.id
         JOIN findings f ON f.load_balancer = b.id JOIN rules r ON r.id = f.rule WHERE p.account = ?1 AND p.region = ?2",
    )?;
    let mut rows = query.query([account, region])?;
    while let Some(row) = rows.next()? {
        if finding_id(row, 0)? == wanted {
            return Ok(Some((row.get(3)?, row.get(4)?)));
        }
    }
    let own = "SELECT f.load_balancer, f.rule FROM rules r JOIN findings f ON f.rule = r.id WHERE r.own = ?1";
    Ok(db.query_row(own, params![wanted], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
