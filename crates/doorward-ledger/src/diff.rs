//! The difference between two recorded runs.

use std::collections::BTreeMap;

use doorward_model::{AccountRegion, Arn, ChangeKind, FindingChange, Severity};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use crate::DiffFilter;
use crate::columns::{RunRef, account_region, finding_id, id, severity, was_looked_at};
use crate::error::LedgerFault;
use crate::finding_state::UNSEEN;
use crate::findings::owner_shown;
use crate::owner_spelling::OWNER_SQL;
use crate::run_order::scans_by_time;
use crate::timestamp::timestamp;
use crate::{FindingStatus, Ledger, LedgerError};

mod recorded_mode;

pub use recorded_mode::RecordedMode;
use recorded_mode::{KnownSince, recorded_mode};

/// One finding that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DiffLine {
    /// The account and Region.
    #[serde(flatten)]
    pub place: AccountRegion,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The rule.
    pub rule: String,
    /// The finding's stable id.
    pub id: String,
    /// Where it stood after the first run; absent where the ledger did not know it yet.
    pub before: Option<FindingStatus>,
    /// Where it stood after the second run; absent where the ledger did not know it yet.
    pub after: Option<FindingStatus>,
    /// The severity of the failure, as last observed; absent where the ledger does not know it.
    pub severity: Option<Severity>,
    /// The owner, as last read.
    pub owner: String,
    /// The mode of the load balancer after the first run.
    pub mode_before: RecordedMode,
    /// The mode of the load balancer after the second run.
    pub mode_after: RecordedMode,
}

/// The difference between what was known after two runs. Every list is ordered by account, Region, ARN and rule.
///
/// `failing_after = failing_before - fixed - vanished + new + regressed + those of excepted that did not fail before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The first run.
    pub from: RunRef,
    /// The second run.
    pub to: RunRef,
    /// The criteria by which the lines of the lists were selected; absent where all are listed. Counts are of all findings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether the earlier of the two was recorded after the later one. Where both read, the ledger keeps only the later reading: it
    /// does not know how the earlier one differed, and no change is listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recorded_late: bool,
    /// Findings that failed after the first run, excepted and unseen ones included.
    pub failing_before: usize,
    /// Findings that failed after the second run, excepted and unseen ones included.
    pub failing_after: usize,
    /// Fail now and failed in no run up to the first one.
    pub new: Vec<DiffLine>,
    /// Failed before, and were seen to pass or not to apply.
    pub fixed: Vec<DiffLine>,
    /// Fail now, were fine or resolved before, and failed in a run before that.
    pub regressed: Vec<DiffLine>,
    /// Are under an exception now and were not before.
    pub excepted: Vec<DiffLine>,
    /// Were under an exception before and fail without one now.
    pub exception_ended: Vec<DiffLine>,
    /// Failed before, and their load balancer or account is gone.
    pub vanished: Vec<DiffLine>,
    /// Fail, were seen by the first run and not by the second.
    pub now_unseen: Vec<DiffLine>,
    /// Failed before and fail now, and nothing above is true of them.
    pub unchanged: usize,
    /// Of these, those that the second run did not see; their current state is unknown.
    pub unchanged_unseen: usize,
}

impl Diff {
    /// The same with the lines that a filter selects. The counts stay those of all findings.
    #[must_use]
    pub fn selected(mut self, filter: &DiffFilter) -> Self {
        let lists = [
            &mut self.new,
            &mut self.fixed,
            &mut self.regressed,
            &mut self.excepted,
            &mut self.exception_ended,
            &mut self.vanished,
            &mut self.now_unseen,
        ];
        lists.into_iter().for_each(|list| list.retain(|line| filter.selects(line)));
        self.filter = Some(filter.to_string()).filter(|criteria| !criteria.is_empty());
        self
    }
}

/// A finding after one of the two runs.
#[derive(Clone, Copy)]
struct Point {
    state: Option<FindingStatus>,
    seen: bool,
    /// Whether this run observed anything in its account-Region.
    looked: bool,
    /// Whether it failed after this run or an earlier one.
    has_failed: bool,
}

impl Point {
    fn fails(self) -> bool {
        self.state.is_some_and(FindingStatus::is_failing)
    }
}

/// A finding under way: load balancer and rule, and its codes up to the first and the second run.
struct FindingSteps {
    key: (i64, i64),
    before: FindingCodes,
    after: FindingCodes,
}

/// The newest code of a finding up to a run, and whether any code up to it is a failure.
#[derive(Clone, Copy, Default)]
struct FindingCodes {
    newest: Option<i64>,
    has_failed: bool,
}

impl FindingCodes {
    fn add(&mut self, code: i64) {
        self.newest = Some(code);
        self.has_failed |= state(code).is_failing();
    }
}

fn state(code: i64) -> FindingStatus {
    FindingStatus::from_code(code & (UNSEEN - 1))
}

enum Outcome {
    Changed(ChangeKind),
    /// Failed before and fails now.
    Unchanged,
    /// Failed neither before nor now.
    Fine,
}

fn outcome(before: Point, after: Point) -> Outcome {
    let kind = match (before.state, after.state) {
        _ if !before.fails() && !after.fails() => return Outcome::Fine,
        (_, Some(FindingStatus::Passing | FindingStatus::NotApplicable)) => ChangeKind::Fixed,
        _ if before.fails() && !after.fails() => ChangeKind::Vanished,
        _ if before.fails() && before.seen && !after.seen => ChangeKind::NowUnseen,
        (Some(FindingStatus::Excepted), Some(FindingStatus::Open)) => ChangeKind::ExceptionEnded,
        (was, Some(FindingStatus::Excepted)) if was != Some(FindingStatus::Excepted) => ChangeKind::Excepted,
        _ if before.fails() => return Outcome::Unchanged,
        _ if before.has_failed => ChangeKind::Regressed,
        _ => ChangeKind::New,
    };
    Outcome::Changed(kind)
}

/// One of the two runs: its place in the order, and what it looked at.
struct End {
    seq: i64,
    run: RunRef,
    statuses: Vec<u8>,
}

impl End {
    fn point(&self, codes: FindingCodes, place: i64) -> Point {
        let code = codes.newest;
        let status = usize::try_from(place).ok().and_then(|place| self.statuses.get(place));
        let looked = status.is_some_and(|status| was_looked_at(*status));
        Point {
            state: code.map(state),
            has_failed: codes.has_failed,
            seen: code.is_some_and(|code| code & UNSEEN == 0) && looked,
            looked,
        }
    }
}

impl Ledger {
    /// The changes from one recorded run to another, which may be the earlier one. [`LedgerError::UnknownRun`] when
    /// either is not recorded.
    pub fn diff(&self, from: &str, to: &str) -> Result<Diff, LedgerError> {
        self.read("comparing two runs", |db| {
            let (mut from, mut to) = (self.end(db, from)?, self.end(db, to)?);
            let order = scans_by_time(db)?;
            let place = |end: &End| order.iter().position(|run| *run == end.seq);
            let recorded_late = (place(&from) < place(&to)) != (from.seq < to.seq) && from.seq != to.seq;
            if recorded_late {
                // What was known after either is what was known once both were recorded.
                let both = from.seq.max(to.seq);
                (from.seq, to.seq) = (both, both);
            }
            let mut diff = Diff {
                from: from.run.clone(),
                to: to.run.clone(),
                filter: None,
                recorded_late,
                failing_before: 0,
                failing_after: 0,
                new: Vec::new(),
                fixed: Vec::new(),
                regressed: Vec::new(),
                excepted: Vec::new(),
                exception_ended: Vec::new(),
                vanished: Vec::new(),
                now_unseen: Vec::new(),
                unchanged: 0,
                unchanged_unseen: 0,
            };
            let places: BTreeMap<i64, i64> = db
                .prepare("SELECT id, place FROM load_balancers")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut query = db.prepare(
                "SELECT load_balancer, rule, run, now FROM transitions WHERE run <= ?1 ORDER BY load_balancer, rule, run",
            )?;
            let mut rows = query.query([from.seq.max(to.seq)])?;
            let mut group: Option<FindingSteps> = None;
            loop {
                let next = rows.next()?.map(step).transpose()?;
                let key = next.map(|(key, ..)| key);
                if let Some(done) = group.take_if(|open| Some(open.key) != key) {
                    let place = places.get(&done.key.0).copied().unwrap_or(0);
                    let (before, after) = (from.point(done.before, place), to.point(done.after, place));
                    diff.add(db, done.key, (&from, before), (&to, after))?;
                }
                let Some((key, run, code)) = next else { break };
                let none = FindingCodes::default();
                let open = group.get_or_insert(FindingSteps { key, before: none, after: none });
                if run <= from.seq {
                    open.before.add(code);
                }
                if run <= to.seq {
                    open.after.add(code);
                }
            }
            diff.sort();
            Ok(diff)
        })
    }

    fn end(&self, db: &Connection, id: &str) -> Result<End, LedgerFault> {
        let query = "SELECT r.seq, r.at, c.statuses FROM runs r JOIN coverages c ON c.id = r.coverage
                     WHERE r.id = ?1 AND r.only IS NULL";
        let read = |row: &Row<'_>| {
            let run = RunRef { id: id.to_owned(), at: timestamp(row.get(1)?) };
            Ok(End { seq: row.get(0)?, run, statuses: row.get(2)? })
        };
        let unknown = || LedgerError::UnknownRun { path: self.path().to_owned(), run: id.to_owned() };
        Ok(db.query_row(query, [id], read).optional()?.ok_or_else(unknown)?)
    }
}

/// The severity of the last failure of the episode that a finding was in after a run: of the one that ended next, or of the open one.
fn severity_of_episode(db: &Connection, key: (i64, i64), run: i64) -> Result<Option<Severity>, LedgerFault> {
    let mut ended = db.prepare_cached(
        "SELECT severity FROM episodes WHERE load_balancer = ?1 AND rule = ?2 AND run > ?3 ORDER BY run LIMIT 1",
    )?;
    let ended: Option<Option<i64>> = ended.query_row([key.0, key.1, run], |row| row.get(0)).optional()?;
    let rank = match ended {
        Some(rank) => rank,
        None => db
            .prepare_cached("SELECT severity FROM findings WHERE load_balancer = ?1 AND rule = ?2")?
            .query_row([key.0, key.1], |row| row.get(0))
            .optional()?
            .flatten(),
    };
    Ok(rank.and_then(severity))
}

fn step(row: &Row<'_>) -> rusqlite::Result<((i64, i64), i64, i64)> {
    Ok(((row.get(0)?, row.get(1)?), row.get(2)?, row.get(3)?))
}

impl Diff {
    fn add(
        &mut self,
        db: &Connection,
        key: (i64, i64),
        (from, before): (&End, Point),
        (to, after): (&End, Point),
    ) -> Result<(), LedgerFault> {
        self.failing_before += usize::from(before.fails());
        self.failing_after += usize::from(after.fails());
        let kind = match outcome(before, after) {
            Outcome::Fine => return Ok(()),
            Outcome::Unchanged => {
                self.unchanged += 1;
                self.unchanged_unseen += usize::from(!after.seen);
                return Ok(());
            }
            Outcome::Changed(kind) => kind,
        };
        let mut query = db.prepare_cached(&format!(
            "SELECT p.account, p.region, b.arn, r.name, r.own, {OWNER_SQL}, b.first_run, b.kind, b.mode_seen
             FROM load_balancers b JOIN places p ON p.id = b.place JOIN groupings g ON g.id = b.grouping
             JOIN rules r ON r.id = ?2 WHERE b.id = ?1"
        ))?;
        let (line, known) = query.query_row([key.0, key.1], |row| {
            let line = DiffLine {
                place: account_region(row, 0)?,
                load_balancer: id(row, 2)?,
                rule: row.get(3)?,
                id: finding_id(row, 2)?,
                before: before.state,
                after: after.state,
                severity: None,
                owner: owner_shown(row.get(5)?),
                mode_before: RecordedMode::Unknown,
                mode_after: RecordedMode::Unknown,
            };
            let known = KnownSince { id: key.0, first_run: row.get(6)?, kind: row.get(7)?, mode_seen: row.get(8)? };
            Ok((line, known))
        })?;
        let failed_at = if after.fails() { to.seq } else { from.seq };
        let line = DiffLine {
            severity: severity_of_episode(db, key, failed_at)?,
            mode_before: recorded_mode(db, &known, from, before)?,
            mode_after: recorded_mode(db, &known, to, after)?,
            ..line
        };
        self.list_mut(kind).push(line);
        Ok(())
    }

    /// The findings that changed in one way.
    pub fn list(&self, kind: ChangeKind) -> &[DiffLine] {
        match kind {
            ChangeKind::New => &self.new,
            ChangeKind::Regressed => &self.regressed,
            ChangeKind::ExceptionEnded => &self.exception_ended,
            ChangeKind::NowUnseen => &self.now_unseen,
            ChangeKind::Excepted => &self.excepted,
            ChangeKind::Fixed => &self.fixed,
            ChangeKind::Vanished => &self.vanished,
        }
    }

    fn list_mut(&mut self, kind: ChangeKind) -> &mut Vec<DiffLine> {
        match kind {
            ChangeKind::New => &mut self.new,
            ChangeKind::Regressed => &mut self.regressed,
            ChangeKind::ExceptionEnded => &mut self.exception_ended,
            ChangeKind::NowUnseen => &mut self.now_unseen,
            ChangeKind::Excepted => &mut self.excepted,
            ChangeKind::Fixed => &mut self.fixed,
            ChangeKind::Vanished => &mut self.vanished,
        }
    }

    /// Every change, by kind, then by account, Region, ARN and rule.
    pub fn changes(&self) -> Vec<FindingChange> {
        let change = |kind, line: &DiffLine| FindingChange {
            kind,
            load_balancer: line.load_balancer.clone(),
            rule: line.rule.clone(),
        };
        let of = |kind| self.list(kind).iter().map(move |line| change(kind, line));
        ChangeKind::ALL.into_iter().flat_map(of).collect()
    }

    fn sort(&mut self) {
        ChangeKind::ALL.into_iter().for_each(|kind| self.list_mut(kind).sort());
    }
}
