//! Records the account-Regions of a run, one after the other: what was observed, what was missing, and what could not be observed.

use std::collections::BTreeMap;

use doorward_model::{Arn, Finding, History, Kind, LoadBalancer, Observed, ScanReport};
use rusqlite::Connection;

use crate::Recorded;
use crate::error::LedgerFault;
use crate::finding_state::{FindingState, FindingStatus, StateChange};
use crate::timestamp::{nanos, timestamp};

use super::record_rows::{self, GONE, HERE, KnownFinding, KnownLoadBalancer, RETIRED, held, mode_code};
use super::run_tally::{Tallies, mode_column};
use super::write_run::of_failure;
use super::{KnownRegion, ReportedRegion};

/// The recording of one run.
pub(super) struct RunRecorder<'a> {
    pub(super) db: &'a Connection,
    pub(super) report: &'a ScanReport,
    pub(super) run: i64,
    /// The time of the observation that is being taken in.
    pub(super) at: i64,
    /// The latest time at which anything can have been observed by now.
    pub(super) latest: i64,
    /// The longest time between two observations, in nanoseconds, that counts as observed.
    pub(super) longest_interval: i64,
    /// By rule and by the finding's own id.
    pub(super) rules: BTreeMap<String, BTreeMap<String, i64>>,
    pub(super) groupings: BTreeMap<String, i64>,
    /// The groupings of this run by their groups, because making their text is slow.
    pub(super) by_groups: BTreeMap<Vec<usize>, i64>,
    pub(super) tallies: Tallies,
    pub(super) done: Recorded,
    pub(super) histories: Vec<Option<History>>,
}

impl<'a> RunRecorder<'a> {
    pub(super) fn new(
        db: &'a Connection,
        report: &'a ScanReport,
        run: i64,
        (latest, longest_interval): (i64, i64),
        tallies: Tallies,
    ) -> Result<Self, LedgerFault> {
        let mut rules: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let mut query = db.prepare("SELECT name, own, id FROM rules")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            rules.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
        }
        let groupings = db
            .prepare("SELECT document, id FROM groupings")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let done = Recorded { run: report.run.id.clone(), ..Recorded::default() };
        let histories = vec![None; report.findings.len()];
        let at = nanos(report.run.finished);
        Ok(Self {
            db,
            report,
            run,
            at,
            latest,
            longest_interval,
            rules,
            groupings,
            by_groups: BTreeMap::new(),
            tallies,
            done,
            histories,
        })
    }

    pub(super) fn done(self) -> (Recorded, Vec<Option<History>>, Tallies) {
        (self.done, self.histories, self.tallies)
    }

    /// Takes in what the run saw in one account-Region.
    pub(super) fn look(&mut self, place: KnownRegion, reported: &ReportedRegion<'_>) -> Result<(), LedgerFault> {
        let report = self.report;
        let indices: BTreeMap<&str, usize> = reported
            .load_balancers
            .iter()
            .filter_map(|index| Some((report.load_balancers.get(*index)?.arn.as_str(), *index)))
            .collect();
        for index in &reported.findings {
            if let Some(finding) = report.findings.get(*index) {
                self.tallies.add_finding(finding, indices.get(finding.load_balancer.as_str()).copied());
            }
        }
        if !reported.was_looked_at() {
            // A later scan may be recorded already, which looked.
            self.at = nanos(report.run.finished);
            if reported.was_missed() && !place.missed && !place.last_at.is_some_and(|last| self.is_later(last)) {
                self.db.prepare_cached("UPDATE places SET missed = 1 WHERE id = ?1")?.execute([place.id])?;
            }
            return Ok(());
        }
        let read_at = reported.read_at(&report.run);
        self.at = read_at;
        if place.last_at.is_some_and(|last| self.is_later(last)) {
            self.done.late += 1;
            return self.only_remember(place, &reported.findings);
        }
        if let Some(last) = place.last_at.filter(|last| *last > self.latest) {
            self.note_ahead(last);
        }
        let mut load_balancers = record_rows::load_balancers(self.db, place.id)?;
        let mut findings = held(self.db, place.id)?;
        let mut seen_at: BTreeMap<&str, i64> = BTreeMap::new();
        for index in indices.values() {
            let Some(lb) = report.load_balancers.get(*index) else { continue };
            self.at = lb.evidence.as_ref().map_or(read_at, |evidence| nanos(evidence.at));
            seen_at.insert(lb.arn.as_str(), self.at);
            if !self.is_outdated(&load_balancers, &lb.arn) {
                self.load_balancer(place, *index, lb, &mut load_balancers)?;
            }
        }
        let time_of = |finding: &Finding| {
            let known = finding.observed_at.map(nanos);
            known.or(seen_at.get(finding.load_balancer.as_str()).copied()).unwrap_or(read_at)
        };
        let (mut late, mut seen) = (Vec::new(), Vec::new());
        for index in &reported.findings {
            let Some(finding) = report.findings.get(*index) else { continue };
            self.at = time_of(finding);
            let outdated = self.is_outdated(&load_balancers, &finding.load_balancer);
            if outdated { late.push(*index) } else { seen.push(*index) }
        }
        self.only_remember(place, &late)?;
        for index in &seen {
            if let Some(finding) = report.findings.get(*index) {
                self.at = time_of(finding);
                let history = self.finding(place, finding, &mut load_balancers, &mut findings)?;
                self.remember(*index, history);
            }
        }
        let present: Vec<i64> =
            indices.keys().filter_map(|arn| load_balancers.get(*arn)).map(|known| known.id).collect();
        self.at = read_at;
        self.missing(place, reported.is_fully_listed(), &load_balancers, &present, findings)?;
        self.db
            .prepare_cached("UPDATE places SET last_at = ?2, last_run = ?3, missed = 0 WHERE id = ?1")?
            .execute([place.id, self.at, self.run])?;
        Ok(())
    }

    /// The account is closed, as the run saw no earlier than `at`: everything in it ends.
    pub(super) fn retire(&mut self, place: KnownRegion, at: i64) -> Result<(), LedgerFault> {
        self.at = at;
        if place.last_at.is_some_and(|last| self.is_later(last)) {
            // A later scan, which is recorded already, found the account open.
            self.done.late += 1;
            return Ok(());
        }
        let load_balancers = record_rows::load_balancers(self.db, place.id)?;
        if load_balancers.values().all(|known| known.fate != HERE) {
            return Ok(());
        }
        for known in load_balancers.values().filter(|known| known.fate == HERE) {
            let mode_seen = known.mode.and(known.mode_seen.or(place.with(known.event).last_run));
            self.update_load_balancer(&KnownLoadBalancer { fate: RETIRED, mode_seen, ..known.clone() })?;
            self.end_edits(known.id)?;
        }
        for (key, mut held) in held(self.db, place.id)? {
            let event = load_balancers.values().find(|known| known.id == key.0).and_then(|known| known.event);
            let last = place.with(event).last_at.unwrap_or(self.at);
            let settled = held.standing.settle(self.at);
            match held.standing.end(FindingStatus::Retired, last.min(self.at), self.at) {
                Some(step) => self.step(key, &held.standing, step)?,
                None if settled => self.write(key, &held.standing)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Whether what was observed at a time is later than what is being taken in. A time in the future is that of a clock which was
    /// ahead, and says nothing.
    fn is_later(&self, at: i64) -> bool {
        at > self.at && at <= self.latest
    }

    /// Notes an observation that a clock dated which was ahead.
    fn note_ahead(&mut self, at: i64) {
        self.done.ahead += 1;
        self.done.latest_ahead = self.done.latest_ahead.max(Some(timestamp(at)));
    }

    /// Whether an event had a later look at a load balancer than this run.
    fn is_outdated(&self, load_balancers: &BTreeMap<String, KnownLoadBalancer>, arn: &Arn) -> bool {
        let event = load_balancers.get(arn.as_str()).and_then(|known| known.event);
        event.is_some_and(|(_, at)| self.is_later(at))
    }

    /// What an earlier observation says where a later one is known: nothing.
    fn only_remember(&mut self, place: KnownRegion, findings: &[usize]) -> Result<(), LedgerFault> {
        if findings.is_empty() {
            return Ok(());
        }
        let known = record_rows::standings(self.db, place.id)?;
        for index in findings {
            let finding = self.report.findings.get(*index);
            if let (Some(finding), Some(kept)) = (finding, self.histories.get_mut(*index)) {
                *kept = known
                    .get(&finding.id)
                    .and_then(|(standing, event)| standing.history(place.last_at.max(*event).unwrap_or(self.at)));
            }
        }
        Ok(())
    }

    /// Takes in what the run saw of one load balancer.
    pub(super) fn load_balancer(
        &mut self,
        place: KnownRegion,
        index: usize,
        lb: &LoadBalancer,
        load_balancers: &mut BTreeMap<String, KnownLoadBalancer>,
    ) -> Result<(), LedgerFault> {
        let mode = match &lb.mode {
            Observed::Known(mode) => Some(mode_code(Some(*mode))),
            Observed::Absent => Some(mode_code(None)),
            Observed::Unread(_) => None,
        };
        let counted = mode_column(lb).and_then(|column| i64::try_from(column).ok());
        let Some(known) = load_balancers.get(lb.arn.as_str()) else {
            let grouping = self.grouping_of(index, lb)?;
            let named = (lb.arn.as_str(), lb.name.as_str(), lb.kind.as_str());
            let id = self.insert_load_balancer(place, named, grouping, mode, counted)?;
            if let Some(now) = mode.filter(|_| lb.kind.can_parse_http()) {
                self.mode_change(id, (None, None), None, now)?;
            }
            load_balancers.insert(
                lb.arn.as_str().to_owned(),
                KnownLoadBalancer { id, grouping, fate: HERE, mode, mode_seen: None, seen: None, counted, event: None },
            );
            return Ok(());
        };
        let mut next = KnownLoadBalancer { fate: HERE, seen: None, counted, ..known.clone() };
        if let Some((_, at)) = known.event.filter(|(_, at)| *at > self.latest) {
            self.note_ahead(at);
            self.forget_look(known.id)?;
            next.event = None;
        }
        // Other load balancers never get a name, and so an ARN, of a predecessor.
        let is_another = known.fate != HERE && lb.kind == Kind::Classic;
        if known.fate != HERE {
            // A new load balancer under a known name: the edits of its predecessor do not apply to it.
            self.end_edits(known.id)?;
        }
        if self.tallies.is_grouped_for_sure(lb) {
            next.grouping = self.grouping_of(index, lb)?;
        }
        let last_run = known.mode_seen.or(place.with(known.event).last_run);
        match mode {
            None if is_another => (next.mode, next.mode_seen) = (None, None),
            Some(now) if is_another => {
                // The time of its predecessor in a mode ends without a change of the mode.
                (next.mode, next.mode_seen) = (mode, None);
                self.mode_change(known.id, (None, None), None, now)?;
            }
            None => next.mode_seen = known.mode.and(last_run),
            Some(now) => {
                next.mode = mode;
                next.mode_seen = None;
                if known.mode != mode && lb.kind.can_parse_http() {
                    self.done.mode_changes += usize::from(known.mode.is_some());
                    // Where a later look did not see the mode, only the run that did is known, not the time of its look.
                    let last_at = place.with(known.event).last_at.filter(|_| known.mode_seen.is_none());
                    let before = known.mode.and(last_run.map(|run| (run, last_at.map(|at| at.min(self.at)))));
                    self.mode_change(known.id, (before.map(|b| b.0), before.and_then(|b| b.1)), known.mode, now)?;
                }
            }
        }
        if next != *known {
            self.update_load_balancer(&next)?;
            load_balancers.insert(lb.arn.as_str().to_owned(), next);
        }
        Ok(())
    }

    /// Takes in one finding, and answers what is remembered of it.
    pub(super) fn finding(
        &mut self,
        place: KnownRegion,
        finding: &Finding,
        load_balancers: &mut BTreeMap<String, KnownLoadBalancer>,
        findings: &mut BTreeMap<(i64, i64), KnownFinding>,
    ) -> Result<Option<History>, LedgerFault> {
        let arn = finding.load_balancer.as_str();
        let event = load_balancers.get(arn).and_then(|known| known.event);
        let load_balancer = match load_balancers.get(arn) {
            Some(known) => known.id,
            None => {
                // A finding about what no listing brought: its load balancer is known by name only.
                let grouping = self.grouping("{}".to_owned())?;
                let named = (arn, finding.name.as_str(), finding.kind.as_str());
                let id = self.insert_load_balancer(place, named, grouping, None, None)?;
                let (mode, mode_seen, seen, counted, event) = (None, None, None, None, None);
                load_balancers.insert(
                    arn.to_owned(),
                    KnownLoadBalancer { id, grouping, fate: HERE, mode, mode_seen, seen, counted, event },
                );
                id
            }
        };
        let key = (load_balancer, self.rule(finding)?);
        let last = place.with(event).last_at.unwrap_or(self.at);
        let found = findings.remove(&key);
        let is_new = found.is_none();
        let mut held = found.unwrap_or_else(|| KnownFinding { standing: FindingState::new(self.at), seen_now: false });
        if held.seen_now {
            // The same finding twice in one report is one finding.
            findings.insert(key, held);
            return Ok(None);
        }
        let settled = held.standing.settle(self.at);
        let last = last.min(self.at);
        let (severity, allowed) = of_failure(finding, &held.standing);
        let proven = (held.standing.proven, held.standing.proven_since);
        let step = match FindingStatus::observed(&finding.verdict) {
            Some(state) => {
                // Nothing is known of the time since a look that failed, and of a longer time than observations vouch for.
                let interrupted = place.missed || held.standing.is_unseen() || self.at - last > self.longest_interval;
                held.standing.see(state, last, interrupted, self.at)
            }
            None => held.standing.lose(last, self.at),
        };
        let restated = (held.standing.severity, held.standing.allowed, proven)
            != (severity, allowed, (held.standing.proven, held.standing.proven_since));
        (held.standing.severity, held.standing.allowed) = (severity, allowed);
        match step {
            Some(step) if is_new => self.step(key, &held.standing, StateChange { was: None, ..step })?,
            Some(step) => self.step(key, &held.standing, step)?,
            None if is_new => {
                let now = held.standing.code();
                self.step(key, &held.standing, StateChange { was: None, now, closed: None, reopened: false })?;
            }
            None if restated || settled => self.write(key, &held.standing)?,
            None => {}
        }
        held.seen_now = true;
        let history = held.standing.history(self.at);
        findings.insert(key, held);
        Ok(history)
    }

    /// What the ledger knows here and the run did not bring.
    fn missing(
        &mut self,
        place: KnownRegion,
        fully_listed: bool,
        load_balancers: &BTreeMap<String, KnownLoadBalancer>,
        present: &[i64],
        findings: BTreeMap<(i64, i64), KnownFinding>,
    ) -> Result<(), LedgerFault> {
        let events: BTreeMap<i64, (i64, i64)> =
            load_balancers.values().filter_map(|known| Some((known.id, known.event?))).collect();
        let (now, latest) = (self.at, self.latest);
        let outdated = |id: i64| events.get(&id).is_some_and(|(_, at)| *at > now && *at <= latest);
        for (key, mut held) in findings {
            if held.seen_now || outdated(key.0) {
                continue;
            }
            let settled = held.standing.settle(self.at);
            let last = place.with(events.get(&key.0).copied()).last_at.unwrap_or(self.at).min(self.at);
            let step = if fully_listed && !present.contains(&key.0) {
                held.standing.end(FindingStatus::Gone, last, self.at)
            } else if held.standing.state.has_ended() {
                None
            } else {
                held.standing.lose(last, self.at)
            };
            match step {
                Some(step) => self.step(key, &held.standing, step)?,
                None if settled => self.write(key, &held.standing)?,
                None => {}
            }
        }
        let here =
            |known: &&KnownLoadBalancer| known.fate == HERE && !present.contains(&known.id) && !outdated(known.id);
        let missing: Vec<&KnownLoadBalancer> = load_balancers.values().filter(here).collect();
        for known in missing {
            let last = place.with(known.event);
            let mode_seen = known.mode.and(known.mode_seen.or(last.last_run));
            let fate = if fully_listed { GONE } else { HERE };
            let next = KnownLoadBalancer { fate, mode_seen, seen: known.seen.or(last.last_at), ..known.clone() };
            if next != *known {
                self.update_load_balancer(&next)?;
            }
            if fate == GONE {
                self.end_edits(known.id)?;
            }
        }
        Ok(())
    }
}
