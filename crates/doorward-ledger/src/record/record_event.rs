//! Records an event's look at one load balancer: its findings, and the call that set its mode.

use std::collections::BTreeMap;

use doorward_model::{Arn, History, Inputs, RawLoadBalancer, ScanReport};
use rusqlite::{Connection, params};

use crate::Recorded;
use crate::columns::place_id;
use crate::edits;
use crate::error::LedgerFault;
use crate::timestamp::nanos;

use super::coverage::nothing;
use super::record_region::RunRecorder;
use super::record_rows::{KnownFinding, held, load_balancers};
use super::run_tally::Tallies;
use super::{KnownRegion, insert_run, remembered};

/// Takes in the one load balancer. Everything else in the ledger stays as it is; where a later observation of it was recorded
/// already, so does the load balancer.
pub(super) fn write(
    db: &Connection,
    report: &ScanReport,
    raw: &RawLoadBalancer,
    tags: &[String],
    limits: (i64, i64),
) -> Result<(Recorded, Vec<Option<History>>), LedgerFault> {
    let (only, latest) = (&raw.arn, limits.0);
    let line = report.coverage.lines.first().and_then(|line| line.read_at);
    let read = raw.evidence.as_ref().map(|evidence| evidence.at).or(line);
    let at = nanos(read.unwrap_or(report.run.started));
    let place = place_of(db, only)?;
    let mut load_balancers = load_balancers(db, place.id)?;
    let known = load_balancers.get(only.as_str()).and_then(|known| known.event);
    let index = report.load_balancers.iter().position(|lb| lb.arn == *only);
    let later = place.with(known).last_at.is_some_and(|last| last > at && last <= latest);
    let Some((index, lb)) = index.zip(index.and_then(|index| report.load_balancers.get(index))).filter(|_| !later)
    else {
        let recorded = Recorded { run: report.run.id.clone(), late: 1, ..Recorded::default() };
        return Ok((recorded, remembered(db, report)?));
    };
    let run = insert_run(db, report, (at, at, latest), nothing(db)?)?;
    let mut recorder = RunRecorder::new(db, report, run, limits, Tallies::new(report, tags))?;
    recorder.at = at;
    recorder.load_balancer(place, index, lb, &mut load_balancers)?;
    let mut findings = held(db, place.id)?;
    for (index, finding) in report.findings.iter().enumerate().filter(|(_, finding)| finding.load_balancer == *only) {
        let history = recorder.finding(place, finding, &mut load_balancers, &mut findings)?;
        recorder.remember(index, history);
    }
    let Some(id) = load_balancers.get(only.as_str()).map(|known| known.id) else {
        return Ok((recorder.done().0, remembered(db, report)?));
    };
    recorder.unjudged(place.with(known), id, findings)?;
    let look = serde_json::to_string(raw)?;
    let inputs = serde_json::to_string(&Inputs::of(report))?;
    db.execute(
        "UPDATE load_balancers SET event_run = ?2, look = ?3, look_inputs = ?4 WHERE id = ?1",
        params![id, run, look, inputs],
    )?;
    db.execute("UPDATE runs SET only = ?2 WHERE seq = ?1", params![run, id])?;
    if let Some(edit) = &lb.edited {
        edits::keep(db, id, run, edit)?;
    }
    let (recorded, histories, _) = recorder.done();
    Ok((recorded, histories))
}

impl RunRecorder<'_> {
    /// What the ledger knows of one load balancer and the run, which observed it, did not judge: its state is unknown.
    fn unjudged(
        &mut self,
        place: KnownRegion,
        load_balancer: i64,
        findings: BTreeMap<(i64, i64), KnownFinding>,
    ) -> Result<(), LedgerFault> {
        let last = place.last_at.unwrap_or(self.at).min(self.at);
        for (key, mut held) in findings.into_iter().filter(|(key, held)| key.0 == load_balancer && !held.seen_now) {
            let settled = held.standing.settle(self.at);
            let step = if held.standing.state.has_ended() { None } else { held.standing.lose(last, self.at) };
            match step {
                Some(step) => self.step(key, &held.standing, step)?,
                None if settled => self.write(key, &held.standing)?,
                None => {}
            }
        }
        Ok(())
    }
}

fn place_of(db: &Connection, only: &Arn) -> Result<KnownRegion, LedgerFault> {
    let id = place_id(db, only.account(), only.region())?;
    let place = db.query_row("SELECT last_at, last_run, missed FROM places WHERE id = ?1", [id], |row| {
        Ok(KnownRegion { id, last_at: row.get(0)?, last_run: row.get(1)?, missed: row.get(2)? })
    })?;
    Ok(place)
}
