//! The raw scan as it grows: a header, then one transaction per account-Region, so that an interrupted scan resumes
//! where it stopped and a finished one can be judged again.

use std::collections::BTreeMap;

use doorward_model::{
    Account, CoverageLine, GapReason, Inputs, Inventory, Listing, Observed, Organization, RegionInventory, Run,
    ScanReport,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::columns::place_id;
use crate::error::LedgerFault;
use crate::run_order::scans_by_time;
use crate::timestamp::{nanos, timestamp};
use crate::{Lease, Ledger, LedgerError};

mod evidence;
mod inputs;

const COLLECTING: i64 = 0;
const COLLECTED: i64 = 1;
pub(crate) const RECORDED: i64 = 2;
const ABANDONED: i64 = 3;

/// Everything about a scan that is known before its first account-Region is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHeader {
    /// The run; its end is the time of writing, and it is not interrupted.
    pub run: Run,
    /// The organization.
    pub organization: Observed<Organization>,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// Identifies what was planned, the account-Regions in particular. A resume must find the same.
    pub plan: String,
    /// Identifies the settings that decide what is read. A resume must use the same ones.
    pub settings: String,
}

/// The part of a header that is small and differs from run to run.
#[derive(Serialize, Deserialize)]
struct Head {
    run: Run,
    organization: Observed<Organization>,
    accounts_listing: Listing,
}

/// A scan that was begun and not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// The facts that were known when it began.
    pub header: RunHeader,
    /// Whether every account-Region is there, so that only evaluate and record remain.
    pub collected: bool,
    /// The account-Regions that were settled, ordered by account and Region.
    pub cells: Vec<RegionInventory>,
}

impl Ledger {
    /// Begins a scan. [`LedgerError::RunState`] when a run with this id was begun before.
    pub fn begin_run(&mut self, lease: &Lease, header: &RunHeader) -> Result<(), LedgerError> {
        let path = self.path().to_owned();
        self.write_leased(lease, "beginning a run", |db| {
            if let Some((_, state)) = find(db, &header.run.id)? {
                let run = header.run.id.clone();
                return Err(LedgerError::RunState { path: path.clone(), run, state: name_of(state) }.into());
            }
            let accounts = serde_json::to_string(&header.accounts)?;
            let last: Option<i64> =
                db.query_row("SELECT accounts FROM scans ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional()?;
            let accounts = keep_body(db, last, &accounts)?;
            let head = Head {
                run: header.run.clone(),
                organization: header.organization.clone(),
                accounts_listing: header.accounts_listing.clone(),
            };
            db.execute(
                "INSERT INTO scans (id, at, state, plan, settings, header, accounts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    header.run.id,
                    nanos(header.run.started),
                    COLLECTING,
                    header.plan,
                    header.settings,
                    serde_json::to_string(&head)?,
                    accounts
                ],
            )?;
            Ok(())
        })
    }

    /// Keeps one settled account-Region, in a transaction of its own. Answers false, and keeps nothing, for a cell that
    /// an interruption cut short: a resume reads it again. Committing the same cell twice is one commit.
    pub fn commit_cell(&mut self, lease: &Lease, run: &str, cell: &RegionInventory) -> Result<bool, LedgerError> {
        if is_cut_short(cell) {
            return Ok(false);
        }
        let path = self.path().to_owned();
        self.write_leased(lease, "keeping an account-Region", |db| {
            let scan = match find(db, run)? {
                Some((scan, COLLECTING)) => scan,
                Some((_, state)) => {
                    return Err(LedgerError::RunState {
                        path: path.clone(),
                        run: run.to_owned(),
                        state: name_of(state),
                    }
                    .into());
                }
                None => return Err(LedgerError::UnknownRun { path: path.clone(), run: run.to_owned() }.into()),
            };
            keep_cell(db, scan, cell)?;
            Ok(true)
        })
    }

    /// The newest scan that was begun and neither recorded nor abandoned, with everything that was settled.
    pub fn unfinished_run(&self) -> Result<Option<UnfinishedRun>, LedgerError> {
        self.read("looking for an unfinished run", |db| {
            let newest = "SELECT seq, state FROM scans WHERE state IN (?1, ?2) ORDER BY seq DESC LIMIT 1";
            let found = db
                .query_row(newest, [COLLECTING, COLLECTED], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
                .optional()?;
            let Some((scan, state)) = found else { return Ok(None) };
            let header = header_of(db, scan)?;
            Ok(Some(UnfinishedRun { header, collected: state == COLLECTED, cells: cells_of(db, scan)? }))
        })
    }

    /// The header of the newest recorded scan: the organization as it was known before the first account-Region was
    /// read.
    pub fn newest_header(&self) -> Result<Option<RunHeader>, LedgerError> {
        self.read("reading the newest scan's accounts", |db| {
            let newest = recorded_scans(db)?.into_iter().next();
            newest.map(|scan| header_of(db, scan)).transpose()
        })
    }

    /// The same of the newest recorded scan of every organization, and of every account that was scanned by itself.
    pub fn newest_headers(&self) -> Result<Vec<RunHeader>, LedgerError> {
        self.read("reading the newest scans' accounts", |db| {
            let mut query = db.prepare("SELECT header FROM scans WHERE seq = ?1")?;
            let mut newest = BTreeMap::new();
            for scan in recorded_scans(db)? {
                let head: Head = serde_json::from_str(&query.query_row([scan], |row| row.get::<_, String>(0))?)?;
                let whose = match head.organization {
                    Observed::Known(organization) => organization.id,
                    Observed::Absent => head.run.account.to_string(),
                    Observed::Unread(_) => continue,
                };
                newest.entry(whose).or_insert(scan);
            }
            newest.into_values().map(|scan| header_of(db, scan)).collect()
        })
    }

    /// Abandons an unfinished scan and drops its data.
    pub fn abandon_run(&mut self, lease: &Lease, run: &str) -> Result<(), LedgerError> {
        let path = self.path().to_owned();
        self.write_leased(lease, "abandoning a run", |db| match find(db, run)? {
            Some((scan, COLLECTING | COLLECTED)) => {
                db.execute("DELETE FROM cells WHERE scan = ?1", [scan])?;
                db.execute("UPDATE scans SET state = ?2 WHERE seq = ?1", [scan, ABANDONED])?;
                Ok(())
            }
            Some((_, state)) => {
                Err(LedgerError::RunState { path: path.clone(), run: run.to_owned(), state: name_of(state) }.into())
            }
            None => Err(LedgerError::UnknownRun { path: path.clone(), run: run.to_owned() }.into()),
        })
    }

    /// Ends the collecting: keeps the cells that were settled without being collected and the run as it ended. What
    /// remains is to record its report. An interrupted run stays unfinished: [`LedgerError::Interrupted`].
    pub fn finish_run(&mut self, lease: &Lease, inventory: &Inventory) -> Result<(), LedgerError> {
        let path = self.path().to_owned();
        let run = inventory.run.id.clone();
        if inventory.run.interrupted {
            return Err(LedgerError::Interrupted { path, run });
        }
        self.write_durably(lease, "finishing a run", |db| {
            let scan = match find(db, &run)? {
                Some((scan, COLLECTING | COLLECTED)) => scan,
                Some((_, state)) => {
                    let (path, run) = (path.clone(), run.clone());
                    return Err(LedgerError::RunState { path, run, state: name_of(state) }.into());
                }
                None => return Err(LedgerError::UnknownRun { path: path.clone(), run: run.clone() }.into()),
            };
            for cell in &inventory.cells {
                keep_cell(db, scan, cell)?;
            }
            let accounts: i64 = db.query_row("SELECT accounts FROM scans WHERE seq = ?1", [scan], |row| row.get(0))?;
            let accounts = keep_body(db, Some(accounts), &serde_json::to_string(&inventory.accounts)?)?;
            let head = Head {
                run: inventory.run.clone(),
                organization: inventory.organization.clone(),
                accounts_listing: inventory.accounts_listing.clone(),
            };
            db.execute(
                "UPDATE scans SET state = ?2, header = ?3, accounts = ?4, at = ?5 WHERE seq = ?1",
                params![scan, COLLECTED, serde_json::to_string(&head)?, accounts, nanos(inventory.run.finished)],
            )?;
            Ok(())
        })
    }

    /// The raw scan as [`Ledger::finish_run`] was given it, its cells ordered by account and Region. None where it was
    /// never finished, or pruned.
    pub fn inventory(&self, run: &str) -> Result<Option<Inventory>, LedgerError> {
        self.read("reading a raw scan", |db| {
            let Some((scan, COLLECTED | RECORDED)) = find(db, run)? else { return Ok(None) };
            let RunHeader { run, organization, accounts, accounts_listing, .. } = header_of(db, scan)?;
            Ok(Some(Inventory { run, organization, accounts, accounts_listing, cells: cells_of(db, scan)? }))
        })
    }
}

/// Marks a raw scan as recorded, where there is one, and keeps with it what its report was judged with.
pub(crate) fn mark_recorded(db: &Connection, report: &ScanReport) -> Result<(), LedgerFault> {
    let run = report.run.id.as_str();
    db.execute("UPDATE scans SET state = ?2 WHERE id = ?1 AND state < ?2", params![run, RECORDED])?;
    match find(db, run)? {
        Some((scan, RECORDED)) => inputs::keep(db, scan, Inputs::of(report)),
        _ => Ok(()),
    }
}

fn is_cut_short(cell: &RegionInventory) -> bool {
    CoverageLine::of(cell).gaps.iter().any(|gap| matches!(gap.reason, GapReason::Interrupted | GapReason::ScanDeadline))
}

fn name_of(state: i64) -> &'static str {
    match state {
        COLLECTING => "begun",
        COLLECTED => "collected",
        RECORDED => "recorded",
        _ => "abandoned",
    }
}

/// The raw scans that are recorded, the newest first, whichever was recorded last.
fn recorded_scans(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut query =
        db.prepare("SELECT s.seq FROM scans s JOIN runs r ON r.id = s.id WHERE s.state = ?1 AND r.seq = ?2")?;
    let runs = scans_by_time(db)?.into_iter().rev();
    let scans = runs.filter_map(|run| query.query_row([RECORDED, run], |row| row.get(0)).optional().transpose());
    scans.collect()
}

fn find(db: &Connection, run: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    db.prepare_cached("SELECT seq, state FROM scans WHERE id = ?1")?
        .query_row([run], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Keeps a text, unless it is the same as the one kept last in its place.
fn keep_body(db: &Connection, last: Option<i64>, text: &str) -> rusqlite::Result<i64> {
    if let Some(last) = last {
        let same: Option<bool> = db
            .prepare_cached("SELECT text = ?2 FROM bodies WHERE id = ?1")?
            .query_row(params![last, text], |row| row.get(0))
            .optional()?;
        if same == Some(true) {
            return Ok(last);
        }
    }
    db.prepare_cached("INSERT INTO bodies (text) VALUES (?1)")?.execute([text])?;
    Ok(db.last_insert_rowid())
}

fn keep_cell(db: &Connection, scan: i64, cell: &RegionInventory) -> Result<(), LedgerFault> {
    let place = place_id(db, cell.account.as_str(), cell.region.as_ref().map_or("", |r| r.as_str()))?;
    let last: Option<i64> =
        db.prepare_cached("SELECT body FROM places WHERE id = ?1")?.query_row([place], |row| row.get(0))?;
    let (packed, bare) = evidence::split(cell);
    let read_at = cell.read_at.map(nanos);
    let body = keep_body(db, last, &serde_json::to_string(bare.as_ref())?)?;
    if last != Some(body) {
        db.prepare_cached("UPDATE places SET body = ?2 WHERE id = ?1")?.execute([place, body])?;
    }
    db.prepare_cached(
        "INSERT INTO cells (scan, place, body, evidence, read_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET body = excluded.body, evidence = excluded.evidence, read_at = excluded.read_at
         WHERE body <> excluded.body OR evidence IS NOT excluded.evidence OR read_at IS NOT excluded.read_at",
    )?
    .execute(params![scan, place, body, packed, read_at])?;
    Ok(())
}

fn header_of(db: &Connection, scan: i64) -> Result<RunHeader, LedgerFault> {
    let query =
        "SELECT s.header, b.text, s.plan, s.settings FROM scans s JOIN bodies b ON b.id = s.accounts WHERE seq = ?1";
    let texts = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[String; 4]> {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    };
    let [head, accounts, plan, settings] = db.query_row(query, [scan], texts)?;
    let Head { run, organization, accounts_listing } = serde_json::from_str(&head)?;
    Ok(RunHeader { run, organization, accounts: serde_json::from_str(&accounts)?, accounts_listing, plan, settings })
}

fn cells_of(db: &Connection, scan: i64) -> Result<Vec<RegionInventory>, LedgerFault> {
    let mut query = db.prepare(
        "SELECT b.text, c.evidence, c.read_at FROM cells c JOIN bodies b ON b.id = c.body JOIN places p ON p.id = c.place
         WHERE c.scan = ?1 ORDER BY p.account, p.region",
    )?;
    let mut rows = query.query([scan])?;
    let mut cells = Vec::new();
    while let Some(row) = rows.next()? {
        let mut cell: RegionInventory = serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        if let Some(packed) = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
            evidence::join(&mut cell, packed)?;
        }
        if let Some(read_at) = row.get::<_, Option<i64>>(2)? {
            cell.read_at = Some(timestamp(read_at));
        }
        cells.push(cell);
    }
    Ok(cells)
}
