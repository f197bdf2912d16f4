//! Writes the rows of one run.

use doorward_model::{Finding, History, LoadBalancer, Verdict};
use rusqlite::params;

use crate::error::LedgerFault;
use crate::finding_state::{FindingState, FindingStatus, StateChange};

use super::KnownRegion;
use super::record_region::RunRecorder;
use super::record_rows::{HERE, KnownLoadBalancer};
use super::run_tally::rank;

impl RunRecorder<'_> {
    /// Keeps a change of a finding for ever.
    pub(super) fn step(
        &mut self,
        key: (i64, i64),
        standing: &FindingState,
        step: StateChange,
    ) -> Result<(), LedgerFault> {
        self.write(key, standing)?;
        self.db
            .prepare_cached("INSERT INTO transitions (load_balancer, rule, run, was, now) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![key.0, key.1, self.run, step.was, step.now])?;
        if let Some(episode) = step.closed {
            self.db
                .prepare_cached(
                    "INSERT INTO episodes
                     (load_balancer, rule, run, opened, closed, how, excepted, proven, allowed, severity)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    key.0,
                    key.1,
                    self.run,
                    episode.opened,
                    episode.closed,
                    episode.how.code(),
                    episode.excepted,
                    episode.proven,
                    episode.allowed,
                    episode.severity,
                ])?;
        }
        let done = &mut self.done;
        let ended = step.closed.map(|episode| episode.how);
        done.reopened += usize::from(step.reopened);
        done.opened += usize::from(standing.opened == Some(self.at) && standing.first == Some(self.at));
        done.gone += usize::from(ended == Some(FindingStatus::Gone));
        done.retired += usize::from(ended == Some(FindingStatus::Retired));
        done.fixed += usize::from(ended.is_some_and(|state| !state.has_ended()));
        done.excepted += usize::from(standing.state == FindingStatus::Excepted && standing.since == self.at);
        done.lost_sight += usize::from(standing.is_unseen());
        Ok(())
    }

    pub(super) fn write(&self, key: (i64, i64), standing: &FindingState) -> Result<(), LedgerFault> {
        let s = standing;
        self.db
            .prepare_cached(
                "INSERT INTO findings
                 (load_balancer, rule, state, seen, since, first, opened, resolved, reopened, excepted, severity, proven,
                  proven_since, allowed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT DO UPDATE SET state = ?3, seen = ?4, since = ?5, first = ?6, opened = ?7, resolved = ?8,
                 reopened = ?9, excepted = ?10, severity = ?11, proven = ?12, proven_since = ?13, allowed = ?14",
            )?
            .execute(params![
                key.0,
                key.1,
                s.state.code(),
                s.seen,
                s.since,
                s.first,
                s.opened,
                s.resolved,
                s.reopened,
                s.excepted,
                s.severity,
                s.proven,
                s.proven_since,
                s.allowed
            ])?;
        Ok(())
    }

    pub(super) fn mode_change(
        &self,
        load_balancer: i64,
        (before, before_at): (Option<i64>, Option<i64>),
        was: Option<i64>,
        now: i64,
    ) -> Result<(), LedgerFault> {
        // Where the time of the look before is not known, the begin of its run is the latest that it certainly was not before.
        self.db
            .prepare_cached(
                "INSERT INTO mode_changes (load_balancer, run, before_run, was, now, at, before_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                 coalesce(?7, (SELECT min(coalesce(began, at), ?6) FROM runs WHERE seq = ?3)))",
            )?
            .execute(params![load_balancer, self.run, before, was, now, self.at, before_at])?;
        self.end_edits(load_balancer)
    }

    /// Keeps what is remembered of the finding at a position of the report.
    pub(super) fn remember(&mut self, index: usize, history: Option<History>) {
        if let Some(kept) = self.histories.get_mut(index) {
            *kept = history;
        }
    }

    /// The mode differs from the one that the recorded edits left.
    pub(super) fn end_edits(&self, load_balancer: i64) -> Result<(), LedgerFault> {
        self.db
            .prepare_cached("UPDATE edits SET ended = ?2 WHERE load_balancer = ?1 AND ended IS NULL")?
            .execute([load_balancer, self.run])?;
        Ok(())
    }

    /// Drops the reading that an event requested.
    pub(super) fn forget_look(&self, load_balancer: i64) -> Result<(), LedgerFault> {
        self.db
            .prepare_cached("UPDATE load_balancers SET event_run = NULL, look = NULL WHERE id = ?1")?
            .execute([load_balancer])?;
        Ok(())
    }

    /// Adds a load balancer, by ARN, name and kind.
    pub(super) fn insert_load_balancer(
        &self,
        place: KnownRegion,
        (arn, name, kind): (&str, &str, &str),
        grouping: i64,
        mode: Option<i64>,
        counted: Option<i64>,
    ) -> Result<i64, LedgerFault> {
        self.db
            .prepare_cached(
                "INSERT INTO load_balancers (place, arn, name, kind, grouping, first_run, fate, mode, counted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![place.id, arn, name, kind, grouping, self.run, HERE, mode, counted])?;
        Ok(self.db.last_insert_rowid())
    }

    pub(super) fn update_load_balancer(&self, known: &KnownLoadBalancer) -> Result<(), LedgerFault> {
        let KnownLoadBalancer { id, grouping, fate, mode, mode_seen, seen, counted, event: _ } = known;
        self.db
            .prepare_cached(
                "UPDATE load_balancers SET grouping = ?2, fate = ?3, mode = ?4, mode_seen = ?5, seen = ?6, counted = ?7
                 WHERE id = ?1",
            )?
            .execute(params![id, grouping, fate, mode, mode_seen, seen, counted])?;
        Ok(())
    }

    pub(super) fn grouping_of(&mut self, index: usize, lb: &LoadBalancer) -> Result<i64, LedgerFault> {
        if let Some(id) = self.by_groups.get(self.tallies.groups_of(index)) {
            return Ok(*id);
        }
        let id = self.grouping(self.tallies.grouping(lb)?)?;
        self.by_groups.insert(self.tallies.groups_of(index).to_vec(), id);
        Ok(id)
    }

    pub(super) fn grouping(&mut self, document: String) -> Result<i64, LedgerFault> {
        if let Some(id) = self.groupings.get(&document) {
            return Ok(*id);
        }
        self.db.execute("INSERT INTO groupings (document) VALUES (?1)", [&document])?;
        let id = self.db.last_insert_rowid();
        self.groupings.insert(document, id);
        Ok(id)
    }

    pub(super) fn rule(&mut self, finding: &Finding) -> Result<i64, LedgerFault> {
        let derived = Finding::id_for(&finding.load_balancer, &finding.rule) == finding.id;
        let own = if derived { "" } else { finding.id.as_str() };
        if let Some(id) = self.rules.get(finding.rule.as_str()).and_then(|by_id| by_id.get(own)) {
            return Ok(*id);
        }
        self.db.execute("INSERT INTO rules (name, own) VALUES (?1, ?2)", [finding.rule.as_str(), own])?;
        let id = self.db.last_insert_rowid();
        self.rules.entry(finding.rule.to_string()).or_default().insert(own.to_owned(), id);
        Ok(id)
    }
}

/// The severity and the days of the deadline of a failure; what is known of the last one where the finding does not fail.
pub(super) fn of_failure(finding: &Finding, standing: &FindingState) -> (Option<i64>, Option<i64>) {
    let severity = match &*finding.verdict {
        Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } => i64::try_from(rank(*severity)).ok(),
        _ => standing.severity,
    };
    let allowed = match &finding.deadline {
        Some(deadline) => Some(i64::from(deadline.days)),
        None if matches!(*finding.verdict, Verdict::Fail { .. }) => None,
        None => standing.allowed,
    };
    (severity, allowed)
}
