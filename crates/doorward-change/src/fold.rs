//! Where a change stands: its journal, folded. Everything that decides or reports reads this, so that there is one truth.

use std::collections::BTreeMap;

use doorward_model::{AppliedChange, Arn, ChangeStatus, Mode};
use jiff::Timestamp;

use crate::{Entry, Event, Plan, Step};

/// Where one load balancer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing happened yet.
    Planned,
    /// See [`ChangeStatus::Refused`].
    Refused,
    /// See [`ChangeStatus::Already`].
    Already,
    /// A call that changes it was about to be made, and nothing is known of it.
    InFlight,
    /// See [`ChangeStatus::Changed`].
    Changed,
    /// See [`ChangeStatus::Failed`].
    Failed,
    /// See [`ChangeStatus::Unsure`].
    Unsure,
    /// See [`ChangeStatus::Overtaken`].
    Overtaken,
    /// A call that restores it was about to be made, and nothing is known of it.
    Restoring,
    /// See [`ChangeStatus::Restored`].
    Restored,
    /// See [`ChangeStatus::RestoreRefused`].
    RestoreRefused,
    /// See [`ChangeStatus::RestoreFailed`].
    RestoreFailed,
    /// Nobody knows whether it was restored.
    RestoreUnsure,
}

impl Standing {
    /// As reports tell it; none where nothing happened.
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

    /// Whether Doorward may have left a mode of its own there.
    pub const fn may_be_ours(self) -> bool {
        matches!(
            self,
            Self::InFlight | Self::Changed | Self::Unsure | Self::Restoring | Self::RestoreFailed | Self::RestoreUnsure
        )
    }

    /// Whether applying again would try it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Refused | Self::InFlight | Self::Failed | Self::Unsure)
    }
}

/// One load balancer in a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balancer {
    /// Where it stands.
    pub standing: Standing,
    /// Since when.
    pub at: Timestamp,
    /// What happened, in a sentence; empty where the standing says it all.
    pub detail: String,
    /// Who approved it, or its roll-back.
    pub by: String,
    /// AWS's request id of the last call that set something.
    pub request_id: Option<String>,
    /// The mode to restore: what was read just before the first call.
    pub prior: Option<Mode>,
}

/// A change: its plan, and where everything stands.
#[derive(Debug, Clone)]
pub struct ChangeState {
    plan: Plan,
    balancers: BTreeMap<Arn, Balancer>,
    approvals: Vec<(Timestamp, String)>,
    rollback: Option<(Timestamp, String, String)>,
    watched: BTreeMap<usize, (String, bool)>,
}

impl ChangeState {
    /// Folds the entries of a plan's journal, in the order in which they were written.
    pub fn of(plan: Plan, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut state =
            Self { plan, balancers: BTreeMap::new(), approvals: Vec::new(), rollback: None, watched: BTreeMap::new() };
        entries.into_iter().for_each(|entry| state.add(entry));
        state
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where a load balancer stands; none where nothing happened to it yet.
    pub fn balancer(&self, arn: &Arn) -> Option<&Balancer> {
        self.balancers.get(arn)
    }

    /// Where a load balancer stands.
    pub fn standing(&self, arn: &Arn) -> Standing {
        self.balancers.get(arn).map_or(Standing::Planned, |balancer| balancer.standing)
    }

    /// Who approved it and when, the first first.
    pub fn approvals(&self) -> &[(Timestamp, String)] {
        &self.approvals
    }

    /// When rolling back last began, who asked for it and why; none where it never did.
    pub fn rollback(&self) -> Option<&(Timestamp, String, String)> {
        self.rollback.as_ref()
    }

    /// What watching a wave said, and whether nothing spoke against going on.
    pub fn watched(&self, wave: usize) -> Option<&(String, bool)> {
        self.watched.get(&wave)
    }

    /// How many load balancers stand where.
    pub fn count(&self) -> BTreeMap<ChangeStatus, usize> {
        let mut counts = BTreeMap::new();
        for status in self.balancers.values().filter_map(|balancer| balancer.standing.status()) {
            *counts.entry(status).or_default() += 1;
        }
        counts
    }

    /// Load balancers to which nothing happened yet.
    pub fn untouched(&self) -> usize {
        self.plan.steps.iter().filter(|step| self.standing(&step.target.arn) == Standing::Planned).count()
    }

    /// Whether everything ended as it was meant to.
    pub fn is_good(&self) -> bool {
        let good = |step: &Step| self.standing(&step.target.arn).status().is_some_and(ChangeStatus::is_good);
        self.plan.steps.iter().all(good)
    }

    /// Every load balancer that something happened to, as reports tell it.
    pub fn applied(&self) -> Vec<(Arn, AppliedChange)> {
        let told = |step: &Step| {
            let balancer = self.balancers.get(&step.target.arn)?;
            let applied = AppliedChange {
                change: self.plan.id.clone(),
                at: balancer.at,
                from: balancer.prior.unwrap_or(step.from),
                to: step.to,
                status: balancer.standing.status()?,
                by: balancer.by.clone(),
                why: step.reason.clone(),
                detail: balancer.detail.clone(),
                request_id: balancer.request_id.clone(),
            };
            Some((step.target.arn.clone(), applied))
        };
        self.plan.steps.iter().filter_map(told).collect()
    }

    /// Adds one event.
    pub(crate) fn add(&mut self, entry: Entry) {
        let Entry { at, balancer, event } = entry;
        let Some(arn) = balancer else {
            match event {
                Event::Approved { by, .. } => self.approvals.push((at, by)),
                Event::Watched { wave, told, quiet } => {
                    self.watched.insert(wave, (told, quiet));
                }
                Event::RollbackBegan { by, because, .. } => self.rollback = Some((at, by, because)),
                _ => {}
            }
            return;
        };
        let (standing, detail, request_id, prior) = match event {
            Event::Refused { because } => (Standing::Refused, because, None, None),
            Event::Already => (Standing::Already, String::new(), None, None),
            Event::Intended { from, .. } => {
                let detail = "it was about to be changed, and nothing is known of it".to_owned();
                (Standing::InFlight, detail, None, Some(from))
            }
            Event::Changed { request_id } => (Standing::Changed, String::new(), request_id, None),
            Event::Failed { because } => (Standing::Failed, because, None, None),
            Event::Unsure { because } => (Standing::Unsure, because, None, None),
            Event::Overtaken { found } => (Standing::Overtaken, found, None, None),
            Event::Restoring { .. } => {
                let detail = "it was about to be restored, and nothing is known of it".to_owned();
                (Standing::Restoring, detail, None, None)
            }
            Event::Restored { request_id } => (Standing::Restored, String::new(), request_id, None),
            Event::RestoreRefused { because } => (Standing::RestoreRefused, because, None, None),
            Event::RestoreFailed { because } => (Standing::RestoreFailed, because, None, None),
            Event::RestoreUnsure { because } => (Standing::RestoreUnsure, because, None, None),
            Event::Approved { .. } | Event::Watched { .. } | Event::RollbackBegan { .. } => return,
        };
        let restoring = matches!(
            standing,
            Standing::Restoring
                | Standing::Restored
                | Standing::RestoreRefused
                | Standing::RestoreFailed
                | Standing::RestoreUnsure
        );
        let by = if restoring {
            self.rollback.as_ref().map(|(_, by, _)| by.clone())
        } else {
            self.approvals.last().map(|(_, by)| by.clone())
        };
        let before = self.balancers.remove(&arn);
        // The first value that was read before a call is what a roll-back restores, however often the call is repeated.
        let remembered = before.as_ref().and_then(|balancer| balancer.prior);
        let request_id = request_id.or_else(|| before.and_then(|balancer| balancer.request_id));
        let balancer =
            Balancer { standing, at, detail, by: by.unwrap_or_default(), request_id, prior: remembered.or(prior) };
        self.balancers.insert(arn, balancer);
    }
}
