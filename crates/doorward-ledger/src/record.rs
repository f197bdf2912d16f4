//! Record: stores one scan report in one transaction and returns the history of its findings.

use std::collections::BTreeMap;

use doorward_model::{
    AccountState, CLOCK_TOLERANCE, CoverageLine, CoverageStatus, DeadlineState, History, PolicyPoint, RawLoadBalancer,
    Run, ScanHistory, ScanReport, Unseen,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::checkpoint::mark_recorded;
use crate::columns::place_id;
use crate::error::LedgerFault;
use crate::timestamp::nanos;
use crate::tracked_sources;
use crate::{LEASE_TTL, Lease, Ledger, LedgerError};

mod coverage;
mod record_event;
mod record_region;
mod record_rows;
mod run_tally;
mod unseen;
mod write_run;

use coverage::coverage;
use record_region::RunRecorder;
use record_rows::standings;
pub(crate) use record_rows::{HERE, mode_code};
use run_tally::Tallies;
pub(crate) use run_tally::{COLUMNS, Counts, NOT_KEPT, count, counts_of, fixed_dimension, tag_dimension};
use unseen::unseen;

/// The changes that recording a run made. Every finding that changed is counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The run.
    pub run: String,
    /// The run had been recorded before; nothing was written, and the counts below are zero.
    pub already: bool,
    /// Findings that failed for the first time, with or without an exception.
    pub opened: usize,
    /// Findings that failed again after they had been resolved.
    pub reopened: usize,
    /// Failing findings that were seen to pass, or seen not to apply.
    pub fixed: usize,
    /// Failing findings whose load balancer is missing from a full listing.
    pub gone: usize,
    /// Failing findings whose account is closed.
    pub retired: usize,
    /// Findings that came under an exception.
    pub excepted: usize,
    /// Findings of places that were looked at, which could be seen before and could not be seen now.
    pub lost_sight: usize,
    /// Load balancers whose mode is another than the one seen last.
    pub mode_changes: usize,
    /// Account-Regions of which a later observation was recorded already: theirs counts, this one changes nothing.
    pub late: usize,
    /// Account-Regions and load balancers whose last observation was dated in the future, by a clock that was ahead: it is not taken
    /// for later, and this one counts.
    pub ahead: usize,
    /// The latest of those dates.
    pub latest_ahead: Option<Timestamp>,
}

/// The part of a report about one account-Region. Numbers are positions in the report.
#[derive(Default)]
struct ReportedRegion<'a> {
    line: Option<&'a CoverageLine>,
    load_balancers: Vec<usize>,
    findings: Vec<usize>,
}

impl ReportedRegion<'_> {
    /// Whether anything at all was seen here.
    fn was_looked_at(&self) -> bool {
        let listed = |line: &CoverageLine| matches!(line.status, CoverageStatus::Complete | CoverageStatus::Partial);
        self.line.is_some_and(listed) || !self.load_balancers.is_empty()
    }

    /// Whether the scan tried to look and could not.
    fn was_missed(&self) -> bool {
        self.line.is_some_and(|line| line.status == CoverageStatus::Failed)
    }

    /// Whether what is missing here is gone.
    fn is_fully_listed(&self) -> bool {
        self.line.is_some_and(|line| line.fully_listed && line.status != CoverageStatus::Skipped)
    }

    /// When it was read, or rather when that began: nothing in it was read earlier.
    fn read_at(&self, run: &Run) -> i64 {
        nanos(self.line.and_then(|line| line.read_at).unwrap_or(run.started))
    }

    /// The byte that stands for it in a coverage; 0 is an account-Region that the scan did not know.
    fn status(&self) -> u8 {
        let looked = match self.line.map(|line| line.status) {
            Some(CoverageStatus::Complete) => 1,
            Some(CoverageStatus::Partial) => 2,
            Some(CoverageStatus::Skipped) => 3,
            Some(CoverageStatus::Failed) => 4,
            None => 2,
        };
        looked | if self.is_fully_listed() { 8 } else { 0 }
    }
}

/// An account-Region as the ledger knows it.
#[derive(Clone, Copy)]
struct KnownRegion {
    id: i64,
    last_at: Option<i64>,
    last_run: Option<i64>,
    /// Whether a scan since tried to look and could not.
    missed: bool,
}

impl KnownRegion {
    /// The same for one of its load balancers, at which an event may have had a later look.
    fn with(self, event: Option<(i64, i64)>) -> Self {
        match event {
            Some((run, at)) if self.last_at.is_none_or(|last| last <= at) => {
                Self { last_at: Some(at), last_run: Some(run), ..self }
            }
            _ => self,
        }
    }
}

impl Ledger {
    /// Records a report and returns its history: that of every finding that ever failed, and what is known and was not seen. All or
    /// nothing.
    ///
    /// The time of what is recorded is that of its observation: when the load balancer's attributes were read; for what is missing
    /// from a list, when the reading of the account-Region began. Findings end only by what was observed; see [`crate::FindingStatus`].
    /// `tags` are keys of load balancer tags to count by, owners and organizational units are always counted by.
    /// A run that was recorded before is not recorded again; its findings get what is remembered now. An interrupted run is refused: it is resumed to its end
    /// first, or only asked about with [`Ledger::remember`].
    pub fn record(
        &mut self,
        lease: &Lease,
        report: &ScanReport,
        tags: &[String],
    ) -> Result<(Recorded, ScanHistory), LedgerError> {
        if report.run.interrupted {
            return Err(LedgerError::Interrupted { path: self.path().to_owned(), run: report.run.id.clone() });
        }
        if report.run.only.is_some() {
            return Err(self.not_of_its_kind(report));
        }
        let latest = (latest(lease, report), self.longest_interval());
        self.record_by(lease, report, |db, seen| write(db, seen, tags, latest))
    }

    /// Records what an event's look saw of one load balancer, `raw`: its findings, and who left it in its mode. Nothing else
    /// changes: no other finding, no count, no trend. The report must be of a run that read it and nothing else.
    pub fn record_look(
        &mut self,
        lease: &Lease,
        report: &ScanReport,
        raw: &RawLoadBalancer,
        tags: &[String],
    ) -> Result<(Recorded, ScanHistory), LedgerError> {
        if report.run.only.as_ref() != Some(&raw.arn) || report.run.interrupted {
            return Err(self.not_of_its_kind(report));
        }
        let latest = (latest(lease, report), self.longest_interval());
        self.record_by(lease, report, |db, seen| record_event::write(db, seen, raw, tags, latest))
    }

    fn record_by(
        &mut self,
        lease: &Lease,
        report: &ScanReport,
        write: impl Fn(&Connection, &ScanReport) -> Result<(Recorded, Vec<Option<History>>), LedgerFault>,
    ) -> Result<(Recorded, ScanHistory), LedgerError> {
        let (recorded, histories, unseen) = self.write_durably(lease, "recording a run", |db| {
            let known = db.prepare("SELECT 1 FROM runs WHERE id = ?1")?.exists([&report.run.id])?;
            if known {
                let recorded = Recorded { run: report.run.id.clone(), already: true, ..Recorded::default() };
                return Ok((recorded, remembered(db, report)?, not_seen(db, report)?));
            }
            let (recorded, histories) = write(db, report)?;
            Ok((recorded, histories, not_seen(db, report)?))
        })?;
        Ok((recorded, scan_history(report, histories, unseen)))
    }

    fn not_of_its_kind(&self, report: &ScanReport) -> LedgerError {
        LedgerError::RunKind { path: self.path().to_owned(), run: report.run.id.clone() }
    }

    /// The history of a report as far as it is recorded by now. Records nothing: for an interrupted scan, or for one that is judged
    /// again.
    pub fn remember(&self, report: &ScanReport) -> Result<ScanHistory, LedgerError> {
        let read = |db: &Connection| Ok((remembered(db, report)?, not_seen(db, report)?));
        let (histories, unseen) = self.read("looking up findings", read)?;
        Ok(scan_history(report, histories, unseen))
    }
}

/// Load balancers and findings that are known and not in a report. None for an event's reading of one load balancer,
/// which covers no others.
fn not_seen(db: &Connection, report: &ScanReport) -> Result<Option<Unseen>, LedgerFault> {
    if report.run.only.is_some() {
        return Ok(None);
    }
    let recorded = db.prepare("SELECT 1 FROM runs WHERE id = ?1")?.exists([&report.run.id])?;
    Ok(Some(unseen(db, report, recorded)?.of))
}

/// Histories by finding id; `histories` are in the order of the report's findings.
fn scan_history(report: &ScanReport, histories: Vec<Option<History>>, unseen: Option<Unseen>) -> ScanHistory {
    let findings = report.findings.iter().zip(histories);
    ScanHistory {
        findings: findings.filter_map(|(finding, history)| Some((finding.id.clone(), history?))).collect(),
        unseen,
    }
}

fn write(
    db: &Connection,
    report: &ScanReport,
    tags: &[String],
    limits: (i64, i64),
) -> Result<(Recorded, Vec<Option<History>>), LedgerFault> {
    let at = nanos(report.run.finished);
    let began = began(report);
    let reported_regions = reported_regions(report);
    let mut places = places(db)?;
    for (account, region) in reported_regions.keys() {
        let key = ((*account).to_owned(), (*region).to_owned());
        if let std::collections::btree_map::Entry::Vacant(missing) = places.entry(key) {
            missing.insert(KnownRegion {
                id: place_id(db, account, region)?,
                last_at: None,
                last_run: None,
                missed: false,
            });
        }
    }
    let run = insert_run(db, report, (began, at, limits.0), coverage(db, &reported_regions, &places)?)?;
    let mut recorder = RunRecorder::new(db, report, run, limits, Tallies::new(report, tags))?;
    for ((account, region), place) in &places {
        if let Some(reported) = reported_regions.get(&(account.as_str(), region.as_str())) {
            recorder.look(*place, reported)?;
        }
    }
    let closed = report.accounts.iter().filter(|account| account.state == AccountState::Closed);
    for account in closed {
        let key = |region: &str| (account.id.as_str().to_owned(), region.to_owned());
        for ((owner, region), place) in places.range(key("")..) {
            if owner != account.id.as_str() {
                break;
            }
            let looked_at =
                reported_regions.get(&(owner.as_str(), region.as_str())).is_some_and(ReportedRegion::was_looked_at);
            if !looked_at {
                recorder.retire(*place, began)?;
            }
        }
    }
    let (recorded, histories, mut tallies) = recorder.done();
    let rest = unseen(db, report, true)?;
    let findings = rest.of.findings.iter().zip(&rest.finding_groupings);
    let load_balancers = rest.of.load_balancers.iter().zip(&rest.load_balancer_groupings);
    tallies.add_unseen(
        findings.map(|(finding, grouping)| (finding, rest.grouping(*grouping))),
        load_balancers.map(|(lb, grouping)| (lb, rest.grouping(*grouping))),
    )?;
    tallies.store(db, run)?;
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (seen, unseen) = (report.load_balancers.len(), rest.of.load_balancers.len());
    db.execute(
        "UPDATE runs SET load_balancers = ?2, unseen_load_balancers = ?3, unseen_places = ?4, never_read = ?5
         WHERE seq = ?1",
        [run, number(seen), number(unseen), number(rest.of.account_regions), number(rest.of.never_read)],
    )?;
    tracked_sources::keep(db, report, run)?;
    let policy = policy_point(report, &histories).map(|point| serde_json::to_string(&point)).transpose()?;
    db.execute("UPDATE runs SET policy = ?2 WHERE seq = ?1", params![run, policy])?;
    mark_recorded(db, report)?;
    Ok((recorded, histories))
}

/// How what a run read met the policy; none where the policy was not applied.
fn policy_point(report: &ScanReport, histories: &[Option<History>]) -> Option<PolicyPoint> {
    let tally = report.tally.policy.as_ref()?;
    let mut point = PolicyPoint {
        load_balancers: tally.of,
        at_or_above_required: tally.at_or_above_required,
        at_or_above_required_unknown: tally.at_or_above_required_unknown,
        by_default: tally.by_default,
        by_default_unknown: tally.by_default_unknown,
        with_deadline: 0,
        overdue: 0,
    };
    for (finding, history) in report.findings.iter().zip(histories) {
        let (Some(deadline), Some(history)) = (&finding.deadline, history) else { continue };
        let state = deadline.clone().after(history.failing.as_ref(), history.last_seen).state;
        point.with_deadline += usize::from(state != DeadlineState::Unknown);
        point.overdue += usize::from(state == DeadlineState::Overdue);
    }
    Some(point)
}

/// The latest time at which anything can have been observed by now: the lease was taken or renewed just before. An observation that
/// is dated beyond it was dated by a clock that was ahead.
fn latest(lease: &Lease, report: &ScanReport) -> i64 {
    let renewed = lease.expires().saturating_sub(LEASE_TTL).unwrap_or(lease.expires());
    nanos(renewed.max(report.run.finished).saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX))
}

/// The first observation of a run.
fn began(report: &ScanReport) -> i64 {
    let started = report.run.started;
    nanos(report.observed().map_or(started, |period| period.from.min(started)))
}

/// Sorts what a report contains by account-Region; the report's own order does not matter.
fn reported_regions(report: &ScanReport) -> BTreeMap<(&str, &str), ReportedRegion<'_>> {
    let mut reported_regions: BTreeMap<(&str, &str), ReportedRegion<'_>> = BTreeMap::new();
    for line in &report.coverage.lines {
        let region = line.region.as_ref().map_or("", |region| region.as_str());
        reported_regions.entry((line.account.as_str(), region)).or_default().line = Some(line);
    }
    for (index, lb) in report.load_balancers.iter().enumerate() {
        reported_regions.entry((lb.account.as_str(), lb.region.as_str())).or_default().load_balancers.push(index);
    }
    for (index, finding) in report.findings.iter().enumerate() {
        reported_regions.entry((finding.account.as_str(), finding.region.as_str())).or_default().findings.push(index);
    }
    reported_regions
}

fn places(db: &Connection) -> rusqlite::Result<BTreeMap<(String, String), KnownRegion>> {
    let mut query = db.prepare("SELECT account, region, id, last_at, last_run, missed FROM places")?;
    let rows = query.query_map([], |row| {
        let place = KnownRegion { id: row.get(2)?, last_at: row.get(3)?, last_run: row.get(4)?, missed: row.get(5)? };
        Ok(((row.get(0)?, row.get(1)?), place))
    })?;
    rows.collect()
}

/// Keeps the run, with the times of its first observation and of its end, and the latest time at which it can be recorded.
fn insert_run(
    db: &Connection,
    report: &ScanReport,
    (began, at, latest): (i64, i64, i64),
    coverage: i64,
) -> Result<i64, LedgerFault> {
    let counts = report.coverage.counts;
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    db.execute(
        "INSERT INTO runs (id, at, document, coverage, places, complete, partial, skipped, failed, accounts_full, began,
             recorded)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            report.run.id,
            at,
            serde_json::to_string(&report.run)?,
            coverage,
            number(counts.all),
            number(counts.complete),
            number(counts.partial),
            number(counts.skipped),
            number(counts.failed),
            report.coverage.accounts_listing.is_full(),
            began,
            latest.saturating_sub(i64::try_from(CLOCK_TOLERANCE.as_nanos()).unwrap_or(0))
        ],
    )?;
    Ok(db.last_insert_rowid())
}

/// The history of every finding in a report.
fn remembered(db: &Connection, report: &ScanReport) -> Result<Vec<Option<History>>, LedgerFault> {
    let mut histories = vec![None; report.findings.len()];
    for ((account, region), place) in places(db)? {
        let known = standings(db, place.id)?;
        let of_place = report.findings.iter().enumerate();
        // A report is ordered by account and Region, so its findings of one place are neighbours.
        let from = report.findings.partition_point(|f| (f.account.as_str(), f.region.as_str()) < (&account, &region));
        let here =
            of_place.skip(from).take_while(|(_, f)| f.account.as_str() == account && f.region.as_str() == region);
        for (index, finding) in here {
            if let (Some((standing, event)), Some(history)) = (known.get(&finding.id), histories.get_mut(index)) {
                *history = place.last_at.max(*event).and_then(|last| standing.history(last));
            }
        }
    }
    Ok(histories)
}
