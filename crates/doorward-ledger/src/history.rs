//! Trends: the counts of each recorded run, in total or by group, each with its denominator.

use std::collections::BTreeMap;

use doorward_model::{Bounds, CoverageCounts, Mode, NotObserved, PolicyPoint, RunPoint, Severity, Share};
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::columns::{RunRef, severity};
use crate::error::LedgerFault;
use crate::figure_group::FigureGroup;
use crate::owner_spelling::OwnerSpellings;
use crate::record::{COLUMNS, Counts, NOT_KEPT, count, counts_of};
use crate::run_order::{RunPlace, RunPlaces, dated_runs};
use crate::timestamp::{nanos, timestamp};
use crate::{Ledger, LedgerError};

/// Load balancers and findings that were known and that a run did not see, in their last known state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NotSeen {
    /// Findings that were open, by severity.
    pub open: BTreeMap<Severity, usize>,
    /// Findings that were open.
    pub open_total: usize,
    /// Findings that were under an exception.
    pub excepted: usize,
    /// Load balancers whose mode matters, those in `modes` and `mode_unknown`.
    pub load_balancers: usize,
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode could not be read.
    pub mode_unknown: usize,
    /// Load balancers without an owner.
    pub unowned: usize,
}

/// The counts of one run, in total or of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: RunRef,
    /// The group; absent where figures are not grouped.
    pub group: Option<String>,
    /// The account-Regions of the whole run, also where figures are grouped.
    pub coverage: CoverageCounts,
    /// Whether the list of accounts arrived in full; if not, the coverage may lack accounts.
    pub accounts_listed: bool,
    /// Load balancers whose mode matters: the denominator of the shares.
    pub load_balancers: usize,
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode could not be read.
    pub mode_unknown: usize,
    /// Classic load balancers without an HTTP listener, whose mode does nothing; not among `load_balancers`.
    pub mode_not_applicable: usize,
    /// Those in strictest or defensive mode.
    pub strictest_or_defensive: Share,
    /// Those in strictest mode.
    pub strictest: Share,
    /// Those without an owner.
    pub unowned: Share,
    /// Findings that this run saw fail, by severity.
    pub open: BTreeMap<Severity, usize>,
    /// Findings that this run saw fail, informational ones left out: nothing is wrong there.
    pub open_total: usize,
    /// Findings that this run saw under an exception.
    pub excepted: usize,
    /// Exceptions that end soon, counted by the findings that say so.
    pub exceptions_due: usize,
    /// Verdicts that this run could not reach.
    pub unknown: usize,
    /// Failing findings of earlier runs, excepted or not, that this run did not see: still open.
    pub unseen: usize,
    /// The same and the load balancers that it did not see, in detail; absent for runs of versions that did not count them.
    pub not_seen: Option<NotSeen>,
    /// Findings that are open as far as is known: seen by this run, or seen last by an earlier one. This is the figure to compare
    /// with that of another run. Absent where nothing was ever seen: that is not zero. Runs of versions that did not
    /// distinguish them include unseen findings under an exception.
    pub open_known: Option<usize>,
    /// Findings under an exception as far as is known; absent as `open_known`.
    pub excepted_known: Option<usize>,
    /// Those in strictest or defensive mode, of all load balancers that are known; absent as `not_seen`.
    pub strictest_or_defensive_known: Option<Bounds>,
    /// Those in strictest mode, of all load balancers that are known; absent as `not_seen`.
    pub strictest_known: Option<Bounds>,
    /// Load balancers of every kind that the whole run saw, of all that are known: coverage by load balancers. Absent as
    /// `not_seen`.
    pub load_balancers_seen: Option<Share>,
    /// Account-Regions that an earlier run listed and the whole run did not. Absent as `not_seen`.
    pub account_regions_unseen: Option<usize>,
    /// Account-Regions that failed or were left out by the settings, and that no run ever listed: what is there is not among the
    /// figures of any kind. Absent as `not_seen`.
    pub never_read: Option<usize>,
    /// How the load balancers that the whole run saw met the policy; absent for runs of versions that did not count it, and where
    /// figures are grouped.
    pub policy: Option<PolicyPoint>,
}

impl RunSummary {
    /// Load balancers in a mode as far as is known: seen by this run, or seen last by an earlier one.
    pub fn mode_known(&self, mode: Mode) -> usize {
        let unseen = self.not_seen.as_ref().and_then(|unseen| unseen.modes.get(&mode));
        self.modes.get(&mode).copied().unwrap_or(0) + unseen.copied().unwrap_or(0)
    }

    /// Open findings of a severity as far as is known.
    pub fn open_known_of(&self, severity: Severity) -> usize {
        let unseen = self.not_seen.as_ref().and_then(|unseen| unseen.open.get(&severity));
        self.open.get(&severity).copied().unwrap_or(0) + unseen.copied().unwrap_or(0)
    }

    /// This run as a point of a trend.
    pub fn point(&self) -> RunPoint {
        RunPoint {
            run: self.run.id.clone(),
            at: self.run.at,
            coverage: self.coverage,
            modes: self.modes.clone(),
            mode_unknown: self.mode_unknown,
            open: self.open.clone(),
            excepted: self.excepted,
            unknown: self.unknown,
            unseen: Some(NotObserved {
                everything: self.open_known.is_none(),
                failing: self.open_known.unwrap_or(0).saturating_sub(self.open_total),
                excepted: self.excepted_known.unwrap_or(0).saturating_sub(self.excepted),
                load_balancers: self.not_seen.as_ref().map_or(0, |unseen| unseen.load_balancers),
            }),
            policy: self.policy,
        }
    }

    /// Whether this run saw everything that is known, and nothing is left that no run ever read: only such runs can be compared
    /// by what they saw.
    pub fn saw_all(&self) -> bool {
        let all_seen = self.load_balancers_seen.is_some_and(|share| share.count == share.of) && self.unseen == 0;
        let all_read = self.account_regions_unseen == Some(0) && self.never_read == Some(0) && self.accounts_listed;
        all_seen && all_read && self.coverage.partial == 0
    }
}

impl Ledger {
    /// One summary per run that ended at or after `since` and before `until`, the newest last, whenever it was recorded; with a grouping
    /// one per run and group that had anything to count. [`LedgerError::UngroupedTag`] for a tag that was not counted by.
    pub fn history(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        by: &FigureGroup,
    ) -> Result<Vec<RunSummary>, LedgerError> {
        self.read("reading the history", |db| {
            self.check_tag(db, by)?;
            if matches!(by, FigureGroup::Severity | FigureGroup::Rule) {
                return Ok(Vec::new());
            }
            let (since, until) = (since.map_or(i64::MIN, nanos), until.map_or(i64::MAX, nanos));
            let mut changes = changes(db, by)?.into_iter().peekable();
            let mut current: BTreeMap<String, Counts> = BTreeMap::new();
            let spellings =
                if *by == FigureGroup::Owner { OwnerSpellings::read(db)? } else { OwnerSpellings::default() };
            let mut summaries = Vec::new();
            for run in runs(db)? {
                while let Some((_, label, counts)) = changes.next_if(|(seq, ..)| *seq <= run.seq) {
                    current.insert(label, counts);
                }
                if run.at < since || run.at >= until {
                    continue;
                }
                let wanted =
                    current.iter().filter(|(_, counts)| *by == FigureGroup::All || **counts != Counts::default());
                let group = |label: &str| (*by != FigureGroup::All).then(|| spellings.shown(label));
                summaries.extend(wanted.map(|(label, counts)| (run.place, run.summary(group(label), counts))));
            }
            // Counts are stored as differences in the order of recording; they are shown in the order of time.
            summaries.sort_by_key(|(place, _)| *place);
            Ok(summaries.into_iter().map(|(_, summary)| summary).collect())
        })
    }

    /// Every recorded scan, the newest last, whenever it was recorded. One that a clock in the future dated is newer than no other.
    pub fn runs(&self) -> Result<Vec<RunRef>, LedgerError> {
        self.read("listing runs", |db| {
            let mut runs = runs(db)?;
            runs.sort_by_key(|run| run.place);
            Ok(runs.into_iter().map(|run| run.reference()).collect())
        })
    }

    /// Refuses a tag that was never counted by, once anything was recorded.
    pub(crate) fn check_tag(&self, db: &Connection, by: &FigureGroup) -> Result<(), LedgerFault> {
        let FigureGroup::Tag(tag) = by else { return Ok(()) };
        let counted = db.prepare("SELECT 1 FROM labels WHERE dimension = ?1")?.exists([by.dimension()])?;
        let recorded = db.prepare("SELECT 1 FROM tallies")?.exists([])?;
        if recorded && !counted {
            return Err(LedgerError::UngroupedTag { path: self.path().to_owned(), tag: tag.clone() }.into());
        }
        Ok(())
    }
}

struct Recorded {
    seq: i64,
    place: RunPlace,
    id: String,
    at: i64,
    coverage: CoverageCounts,
    accounts_listed: bool,
    load_balancers: Option<Share>,
    account_regions_unseen: Option<usize>,
    never_read: Option<usize>,
    policy: Option<PolicyPoint>,
    /// Whether this run or an earlier one read an account-Region completely.
    has_read: bool,
}

/// The recorded scans in the order of recording.
fn runs(db: &Connection) -> rusqlite::Result<Vec<Recorded>> {
    let mut query = db.prepare(&format!(
        "SELECT seq, id, at, places, complete, partial, skipped, failed, accounts_full, load_balancers,
                unseen_load_balancers, unseen_places, never_read, policy, recorded, ahead FROM {}
         WHERE only IS NULL ORDER BY seq",
        dated_runs()
    ))?;
    let (mut has_read, mut places) = (false, RunPlaces::default());
    let rows = query.query_map([], |row| {
        let number = |column| row.get::<_, i64>(column).map(size);
        has_read |= number(4)? > 0;
        Ok(Recorded {
            has_read,
            seq: row.get(0)?,
            place: places.next(row.get(0)?, row.get(2)?, row.get(14)?, row.get(15)?),
            id: row.get(1)?,
            at: row.get(2)?,
            coverage: CoverageCounts {
                all: number(3)?,
                complete: number(4)?,
                partial: number(5)?,
                skipped: number(6)?,
                failed: number(7)?,
            },
            accounts_listed: row.get(8)?,
            load_balancers: row.get::<_, Option<i64>>(9)?.zip(row.get::<_, Option<i64>>(10)?).map(|(seen, unseen)| {
                let seen = size(seen);
                Share { count: seen, of: seen + size(unseen) }
            }),
            account_regions_unseen: row.get::<_, Option<i64>>(11)?.map(size),
            never_read: row.get::<_, Option<i64>>(12)?.map(size),
            // A text of a later version is not known here.
            policy: row.get::<_, Option<String>>(13)?.and_then(|text| serde_json::from_str(&text).ok()),
        })
    })?;
    rows.collect()
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// Every change of a group's counts: (run, group, counts), in the order of recording.
fn changes(db: &Connection, by: &FigureGroup) -> rusqlite::Result<Vec<(i64, String, Counts)>> {
    let mut query = db.prepare(&format!(
        "SELECT t.run, l.label, {COLUMNS} FROM labels l JOIN tallies t ON t.label = l.id WHERE l.dimension = ?1 ORDER BY t.run"
    ))?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, counts_of(row, 2)?));
    let rows = query.query_map([by.dimension()], read)?;
    rows.collect()
}

impl Recorded {
    fn reference(&self) -> RunRef {
        RunRef { id: self.id.clone(), at: timestamp(self.at) }
    }

    fn summary(&self, group: Option<String>, counts: &Counts) -> RunSummary {
        let n = |column: usize| counts.get(column).copied().map_or(0, size);
        let modes = BTreeMap::from([
            (Mode::Monitor, n(count::MONITOR)),
            (Mode::Defensive, n(count::DEFENSIVE)),
            (Mode::Strictest, n(count::STRICTEST)),
        ]);
        let load_balancers = modes.values().sum::<usize>() + n(count::MODE_UNKNOWN);
        let share = |count| Share { count, of: load_balancers };
        let open: BTreeMap<Severity, usize> = (0..5_i64)
            .filter_map(|rank| Some((severity(rank)?, n(count::SEVERITY + size(rank)))))
            .filter(|(_, number)| *number > 0)
            .collect();
        let open_total: usize = open.iter().filter(|(s, _)| **s > Severity::Informational).map(|(_, n)| n).sum();
        let not_seen = not_seen(counts);
        let unseen = n(count::UNSEEN);
        // Nothing was ever read in full, nothing was seen, and nothing is known from before: that is unknown, not zero. What was read in
        // full before and had nothing in it is zero as far as is known.
        let is_seen = self.load_balancers.is_some_and(|seen| seen.count > 0) || load_balancers + open_total > 0;
        let looked = self.has_read || (self.coverage.partial > 0 && is_seen);
        let is_known = looked || unseen > 0 || not_seen.as_ref().is_some_and(|unseen| unseen.load_balancers > 0);
        let (open_unseen, excepted_unseen) =
            not_seen.as_ref().map_or((unseen, 0), |unseen| (unseen.open_total, unseen.excepted));
        let bounds = |part: usize| {
            let unseen = not_seen.as_ref()?.load_balancers;
            Some(Bounds::new(part, n(count::MODE_UNKNOWN), load_balancers, unseen))
        };
        RunSummary {
            policy: self.policy.filter(|_| group.is_none()),
            run: self.reference(),
            group,
            coverage: self.coverage,
            accounts_listed: self.accounts_listed,
            load_balancers,
            mode_unknown: n(count::MODE_UNKNOWN),
            mode_not_applicable: n(count::MODE_NOT_APPLICABLE),
            strictest_or_defensive: share(n(count::STRICTEST) + n(count::DEFENSIVE)),
            strictest: share(n(count::STRICTEST)),
            unowned: share(n(count::UNOWNED)),
            open_known: is_known.then_some(open_total + open_unseen),
            excepted_known: is_known.then_some(n(count::EXCEPTED) + excepted_unseen),
            strictest_or_defensive_known: bounds(n(count::STRICTEST) + n(count::DEFENSIVE)),
            strictest_known: bounds(n(count::STRICTEST)),
            load_balancers_seen: self.load_balancers,
            account_regions_unseen: self.account_regions_unseen,
            never_read: self.never_read,
            open_total,
            open,
            excepted: n(count::EXCEPTED),
            exceptions_due: n(count::DUE),
            unknown: n(count::UNKNOWN),
            unseen,
            not_seen,
            modes,
        }
    }
}

/// The counts of what was not seen; none in rows of versions that did not count it.
fn not_seen(counts: &Counts) -> Option<NotSeen> {
    let at = |column: usize| counts.get(column).copied().unwrap_or(NOT_KEPT);
    if at(count::UNSEEN_EXCEPTED) == NOT_KEPT {
        return None;
    }
    let n = |column: usize| size(at(column));
    let open: BTreeMap<Severity, usize> = (1..5_i64)
        .filter_map(|rank| Some((severity(rank)?, n(count::UNSEEN_SEVERITY + size(rank) - 1))))
        .filter(|(_, number)| *number > 0)
        .collect();
    let modes = BTreeMap::from([
        (Mode::Monitor, n(count::UNSEEN_MODE + count::MONITOR)),
        (Mode::Defensive, n(count::UNSEEN_MODE + count::DEFENSIVE)),
        (Mode::Strictest, n(count::UNSEEN_MODE + count::STRICTEST)),
    ]);
    let mode_unknown = n(count::UNSEEN_MODE + count::MODE_UNKNOWN);
    Some(NotSeen {
        open_total: open.values().sum(),
        open,
        excepted: n(count::UNSEEN_EXCEPTED),
        load_balancers: modes.values().sum::<usize>() + mode_unknown,
        modes,
        mode_unknown,
        unowned: n(count::UNSEEN_UNOWNED),
    })
}
