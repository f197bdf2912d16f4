//! The state of a change, derived from its journal. Decisions and reports read only this, so that they cannot differ.

use std::collections::BTreeMap;

use doorward_model::{AppliedChange, Arn, AttributeChange, ChangeStatus, Kind};
use jiff::Timestamp;
use serde::Serialize;

use crate::executor::changed_at;
use crate::{Event, JournalEntry, Plan, SettingValue, Step};

/// The state of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// No event is recorded.
    Planned,
    /// See [`ChangeStatus::Refused`].
    Refused,
    /// See [`ChangeStatus::Already`].
    Already,
    /// A request that changes the mode was about to be sent; its result is not recorded.
    InFlight,
    /// See [`ChangeStatus::Changed`].
    Changed,
    /// See [`ChangeStatus::Failed`].
    Failed,
    /// See [`ChangeStatus::Unsure`].
    Unsure,
    /// See [`ChangeStatus::Overtaken`].
    Overtaken,
    /// A request that restores the mode was about to be sent; its result is not recorded.
    Restoring,
    /// See [`ChangeStatus::Restored`].
    Restored,
    /// See [`ChangeStatus::RestoreRefused`].
    RestoreRefused,
    /// See [`ChangeStatus::RestoreFailed`].
    RestoreFailed,
    /// Whether it was restored is unknown.
    RestoreUnsure,
}

impl StepState {
    /// The status that reports show; none if no event is recorded.
    pub const fn status(self) -> Option<ChangeStatus> {
        match self {
            Self::Planned => None,
            Self::Refused => Some(ChangeStatus::Refused),
            Self::Already => Some(ChangeStatus::Already),
            Self::InFlight | Self::Unsure => Some(ChangeStatus::Unsure),
            Self::Changed => Some(ChangeStatus::Changed),
            Self::Failed => Some(ChangeStatus::Failed),
            Self::Overtaken => Some(ChangeStatus::Overtaken),
            Self::Restored => Some(ChangeStatus::Restored),
            Self::RestoreRefused => Some(ChangeStatus::RestoreRefused),
            Self::Restoring | Self::RestoreFailed | Self::RestoreUnsure => Some(ChangeStatus::RestoreFailed),
        }
    }

    /// Whether the load balancer may be in a mode that this change set.
    pub const fn may_be_ours(self) -> bool {
        matches!(
            self,
            Self::InFlight | Self::Changed | Self::Unsure | Self::Restoring | Self::RestoreFailed | Self::RestoreUnsure
        )
    }

    /// Whether applying again tries the step again.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Refused | Self::InFlight | Self::Failed | Self::Unsure)
    }
}

/// The journal's record of one load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Its state.
    pub state: StepState,
    /// When it reached the state.
    pub at: Timestamp,
    /// Details in a sentence; empty if the state says everything.
    pub detail: String,
    /// The approver of the change, or of its rollback.
    pub by: String,
    /// AWS's request id of the last request that set the mode.
    pub request_id: Option<String>,
    /// The value to restore: what was read just before the first call.
    pub prior: Option<SettingValue>,
    /// When the first of the requests was sent that may have set the present mode; none if none was sent.
    pub sent: Option<Timestamp>,
}

/// A watch of a wave that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRecord {
    /// The result, in a sentence.
    pub seen: String,
    /// Whether it allowed the next wave.
    pub quiet: bool,
    /// The last change of the wave before the watch, and the end of the watched time; none if the journal does not have them.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// One load balancer in a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedStep {
    /// The load balancer.
    pub load_balancer: Arn,
    /// Its status.
    pub change: AppliedValue,
}

/// The result of a change for the attribute of one load balancer; as [`AppliedChange`], for every attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedValue {
    /// The change's id.
    pub change: String,
    /// When it got its status.
    pub at: Timestamp,
    /// The value before the change.
    pub from: SettingValue,
    /// The target value, by the plan.
    pub to: SettingValue,
    /// The status.
    pub status: ChangeStatus,
    /// Who approved the change, or its rollback.
    pub by: String,
    /// The reason in the plan.
    pub why: String,
    /// The refusal or failure and its reason; empty if the status needs no explanation.
    pub detail: String,
    /// AWS's request id of the last call that set something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl AppliedStep {
    /// The same as a change of a mode; none if it is of another attribute.
    fn of_a_mode(self) -> Option<(Arn, AppliedChange)> {
        let AppliedValue { change, at, from, to, status, by, why, detail, request_id } = self.change;
        let (from, to) = (from.mode()?, to.mode()?);
        Some((self.load_balancer, AppliedChange { change, at, from, to, status, by, why, detail, request_id }))
    }

    /// The same as a change of another attribute; none if it is of the mode.
    pub fn of_another_attribute(self) -> Option<AttributeChange> {
        let AppliedValue { change, at, from, to, status, by, why, detail, request_id } = self.change;
        if to.mode().is_some() {
            return None;
        }
        Some(AttributeChange {
            load_balancer: self.load_balancer,
            // Only application load balancers have it.
            attribute: to.attribute(Kind::Application).to_owned(),
            change,
            at,
            from: from.as_str().to_owned(),
            to: to.as_str().to_owned(),
            status,
            by,
            why,
            detail,
            request_id,
        })
    }
}

/// A change: its plan, and the state of every step.
#[derive(Debug, Clone)]
pub struct ChangeState {
    plan: Plan,
    load_balancers: BTreeMap<Arn, StepRecord>,
    approvals: Vec<(Timestamp, String)>,
    rollback: Option<(Timestamp, String, String)>,
    watched: BTreeMap<usize, WatchRecord>,
}

impl ChangeState {
    /// Derives the state from the entries of a plan's journal, in the order in which they were written.
    pub fn of(plan: Plan, entries: impl IntoIterator<Item = JournalEntry>) -> Self {
        let mut state = Self {
            plan,
            load_balancers: BTreeMap::new(),
            approvals: Vec::new(),
            rollback: None,
            watched: BTreeMap::new(),
        };
        entries.into_iter().for_each(|entry| state.add(entry));
        state
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The record of a load balancer; none if no event of it is recorded.
    pub fn record(&self, arn: &Arn) -> Option<&StepRecord> {
        self.load_balancers.get(arn)
    }

    /// The state of the step of a load balancer.
    pub fn step_state(&self, arn: &Arn) -> StepState {
        self.load_balancers.get(arn).map_or(StepState::Planned, |load_balancer| load_balancer.state)
    }

    /// The approvals with their times, the earliest first.
    pub fn approvals(&self) -> &[(Timestamp, String)] {
        &self.approvals
    }

    /// The last rollback: when it began, who requested it, and why.
    pub fn rollback(&self) -> Option<&(Timestamp, String, String)> {
        self.rollback.as_ref()
    }

    /// The last watch of a wave.
    pub fn watched(&self, wave: usize) -> Option<&WatchRecord> {
        self.watched.get(&wave)
    }

    /// The last watch of a wave, if it allowed the next wave and was of every load balancer that is changed now.
    pub fn quiet_watch(&self, wave: usize) -> Option<&WatchRecord> {
        self.watched.get(&wave).filter(|watch| watch.quiet && self.is_of_all_changes(wave, watch))
    }

    /// Whether a watch of a wave was of every load balancer that is changed now. False if the journal does not say when it was.
    pub(crate) fn is_of_all_changes(&self, wave: usize, watch: &WatchRecord) -> bool {
        let last = changed_at(self, self.plan.wave(wave));
        watch.span.is_some_and(|(since, _)| last.is_none_or(|last| last <= since))
    }

    /// The number of load balancers that may be in a mode of this change.
    pub fn unrestored(&self) -> usize {
        self.load_balancers.values().filter(|load_balancer| load_balancer.state.may_be_ours()).count()
    }

    /// The number of load balancers by status.
    pub fn count(&self) -> BTreeMap<ChangeStatus, usize> {
        let mut counts = BTreeMap::new();
        for status in self.load_balancers.values().filter_map(|load_balancer| load_balancer.state.status()) {
            *counts.entry(status).or_default() += 1;
        }
        counts
    }

    /// The number of load balancers without an event.
    pub fn untouched(&self) -> usize {
        self.plan.steps.iter().filter(|step| self.step_state(&step.target.arn) == StepState::Planned).count()
    }

    /// Whether every step ended as planned.
    pub fn is_good(&self) -> bool {
        let good = |step: &Step| self.step_state(&step.target.arn).status().is_some_and(ChangeStatus::is_good);
        self.plan.steps.iter().all(good)
    }

    /// Every load balancer with an event, whatever the change sets.
    pub fn applied_steps(&self) -> Vec<AppliedStep> {
        let applied = |step: &Step| {
            let record = self.load_balancers.get(&step.target.arn)?;
            Some(AppliedStep {
                load_balancer: step.target.arn.clone(),
                change: AppliedValue {
                    change: self.plan.id.clone(),
                    at: record.at,
                    from: record.prior.unwrap_or(step.from),
                    to: step.to,
                    status: record.state.status()?,
                    by: record.by.clone(),
                    why: step.reason.clone(),
                    detail: record.detail.clone(),
                    request_id: record.request_id.clone(),
                },
            })
        };
        self.plan.steps.iter().filter_map(applied).collect()
    }

    /// Every load balancer with an event, as reports show changes of modes: a change of the treatment of header fields is not among them.
    pub fn applied(&self) -> Vec<(Arn, AppliedChange)> {
        self.applied_steps().into_iter().filter_map(AppliedStep::of_a_mode).collect()
    }

    /// Adds one event.
    pub(crate) fn add(&mut self, entry: JournalEntry) {
        let JournalEntry { at, load_balancer, event } = entry;
        let Some(arn) = load_balancer else {
            match event {
                Event::Approved { by, .. } => self.approvals.push((at, by)),
                Event::Watched { wave, seen, quiet, since, until } => {
                    self.watched.insert(wave, WatchRecord { seen, quiet, span: since.zip(until) });
                }
                Event::RollbackBegan { by, because, .. } => self.rollback = Some((at, by, because)),
                _ => {}
            }
            return;
        };
        let (reached, detail, request_id, prior) = match event {
            Event::Refused { because } => (StepState::Refused, because, None, None),
            Event::Already => (StepState::Already, String::new(), None, None),
            Event::Intended { from, .. } => {
                let detail = "a request to change it was about to be sent, and its result is unknown".to_owned();
                (StepState::InFlight, detail, None, Some(from))
            }
            Event::Changed { request_id } => (StepState::Changed, String::new(), request_id, None),
            Event::Failed { because } => (StepState::Failed, because, None, None),
            Event::Unsure { because } => (StepState::Unsure, because, None, None),
            Event::Overtaken { found } => (StepState::Overtaken, found, None, None),
            Event::Restoring { .. } => {
                let detail = "a request to restore it was about to be sent, and its result is unknown".to_owned();
                (StepState::Restoring, detail, None, None)
            }
            Event::Restored { request_id } => (StepState::Restored, String::new(), request_id, None),
            Event::RestoreRefused { because } => (StepState::RestoreRefused, because, None, None),
            Event::RestoreFailed { because } => (StepState::RestoreFailed, because, None, None),
            Event::RestoreUnsure { because } => (StepState::RestoreUnsure, because, None, None),
            Event::Approved { .. } | Event::Watched { .. } | Event::RollbackBegan { .. } => return,
        };
        let restoring = matches!(
            reached,
            StepState::Restoring
                | StepState::Restored
                | StepState::RestoreRefused
                | StepState::RestoreFailed
                | StepState::RestoreUnsure
        );
        let by = if restoring {
            self.rollback.as_ref().map(|(_, by, _)| by.clone())
        } else {
            self.approvals.last().map(|(_, by)| by.clone())
        };
        let before = self.load_balancers.remove(&arn);
        // A rollback restores the first value that was read before a request, however often the request is repeated.
        let first = before.as_ref().and_then(|load_balancer| load_balancer.prior);
        let unsettled = before.as_ref().filter(|one| matches!(one.state, StepState::InFlight | StepState::Unsure));
        let sent = match reached {
            StepState::InFlight => unsettled.and_then(|one| one.sent).or(Some(at)),
            StepState::Planned | StepState::Refused | StepState::Already | StepState::Failed => None,
            _ => before.as_ref().and_then(|one| one.sent),
        };
        let request_id = request_id.or_else(|| before.and_then(|load_balancer| load_balancer.request_id));
        let by = by.unwrap_or_default();
        let load_balancer = StepRecord { state: reached, at, detail, by, request_id, prior: first.or(prior), sent };
        self.load_balancers.insert(arn, load_balancer);
    }
}
