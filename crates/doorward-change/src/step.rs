//! One load balancer, changed or restored: read, journal, set, read again, journal.

use std::time::Duration;

use doorward_model::{Gap, GapReason, Mode};
use jiff::Timestamp;

use crate::{ChangeState, Entry, Event, Front, Journal, JournalError, Seen, Standing, Step, Time};

/// Pauses before the mode is read again, where the first reading does not settle it.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Carries out single steps of a change, and keeps its journal and state the same.
pub(crate) struct Hand<'a, F, J> {
    pub(crate) front: &'a F,
    pub(crate) journal: &'a J,
    pub(crate) time: &'a Time,
    pub(crate) state: ChangeState,
}

/// What the reading after a call says of it.
enum After {
    /// As it should be.
    There { request_id: Option<String> },
    /// AWS refused, and it is as before.
    Refused(String),
    /// Something else is there.
    Other(String),
    /// Nobody can say.
    Unknown(String),
}

impl<F: Front, J: Journal> Hand<'_, F, J> {
    /// Writes an event into journal and state.
    pub(crate) fn write(&mut self, step: Option<&Step>, event: Event) -> Result<(), JournalError> {
        let entry = Entry { at: self.time.now(), balancer: step.map(|step| step.target.arn.clone()), event };
        self.journal.write(&self.state.plan().id, &entry)?;
        self.state.add(entry);
        Ok(())
    }

    /// Changes one load balancer, or finds out what became of an earlier try. `closed` is why its time has not come.
    pub(crate) async fn change(&mut self, step: &Step, closed: Option<String>) -> Result<(), JournalError> {
        let standing = self.state.standing(&step.target.arn);
        if !standing.is_open() {
            return Ok(());
        }
        let tried = matches!(standing, Standing::InFlight | Standing::Unsure);
        if let Some(because) = closed.as_ref().filter(|_| !tried) {
            return self.write(Some(step), Event::Refused { because: because.clone() });
        }
        let event = match (self.front.read(&step.target).await, tried) {
            // What is unsure stays unsure, with the newest reason.
            (Err(gap), true) => Some(Event::Unsure { because: format!("its mode could not be read: {gap}") }),
            (Err(gap), false) => Some(Event::Refused { because: format!("its mode could not be read: {gap}") }),
            (Ok(Seen::Gone), _) => Some(Event::Refused { because: "it is gone".to_owned() }),
            (Ok(Seen::Absent), true) => Some(Event::Unsure { because: "AWS's answer left its mode out".to_owned() }),
            (Ok(Seen::Absent), false) => Some(Event::Refused { because: "AWS's answer left its mode out".to_owned() }),
            // What became of an earlier try may be found out at any time; another one has to wait for its own.
            (Ok(Seen::Value(value)), _) if value == step.from.as_str() => {
                closed.map(|because| Event::Refused { because })
            }
            (Ok(Seen::Value(value)), true) if value == step.to.as_str() => Some(Event::Changed { request_id: None }),
            (Ok(Seen::Value(value)), true) => Some(Event::Overtaken { found: format!("it is in {value:?}") }),
            (Ok(Seen::Value(value)), false) if value == step.to.as_str() => Some(Event::Already),
            (Ok(Seen::Value(value)), false) => {
                Some(Event::Refused { because: format!("the plan saw {}, and it is in {value:?} now", step.from) })
            }
        };
        if let Some(event) = event {
            return self.write(Some(step), event);
        }
        self.write(Some(step), Event::Intended { from: step.from, to: step.to })?;
        let event = match self.set(step, step.from, step.to).await {
            After::There { request_id } => Event::Changed { request_id },
            After::Refused(because) => Event::Failed { because },
            After::Other(found) => Event::Overtaken { found },
            After::Unknown(because) => Event::Unsure { because },
        };
        self.write(Some(step), event)
    }

    /// Restores one load balancer that Doorward may have changed.
    pub(crate) async fn restore(&mut self, step: &Step) -> Result<(), JournalError> {
        let Some(balancer) = self.state.balancer(&step.target.arn).filter(|b| b.standing.may_be_ours()) else {
            return Ok(());
        };
        let prior = balancer.prior.unwrap_or(step.from);
        let event = match self.front.read(&step.target).await {
            Err(gap) => Some(Event::RestoreUnsure { because: format!("its mode could not be read: {gap}") }),
            Ok(Seen::Gone) => Some(Event::RestoreRefused { because: "it is gone".to_owned() }),
            Ok(Seen::Absent) => Some(Event::RestoreUnsure { because: "AWS's answer left its mode out".to_owned() }),
            Ok(Seen::Value(value)) if value == prior.as_str() => Some(Event::Restored { request_id: None }),
            Ok(Seen::Value(value)) if value == step.to.as_str() => None,
            Ok(Seen::Value(value)) => {
                let because = format!("somebody else has changed it since: it is in {value:?}");
                Some(Event::RestoreRefused { because })
            }
        };
        if let Some(event) = event {
            return self.write(Some(step), event);
        }
        self.write(Some(step), Event::Restoring { to: prior })?;
        let event = match self.set(step, step.to, prior).await {
            After::There { request_id } => Event::Restored { request_id },
            After::Refused(because) => Event::RestoreFailed { because },
            After::Other(found) => {
                Event::RestoreRefused { because: format!("somebody else changed it meanwhile: {found}") }
            }
            After::Unknown(because) => Event::RestoreUnsure { because },
        };
        self.write(Some(step), event)
    }

    /// Sets a mode and reads it again: what is read decides, not what the call answered.
    async fn set(&self, step: &Step, from: Mode, to: Mode) -> After {
        let wrote = self.front.set(&step.target, to).await;
        let (request_id, refused) = match wrote {
            Ok(wrote) => (wrote.request_id, None),
            Err(gap) => (gap.request_id.clone(), Some(gap)),
        };
        let mut pauses = AGAIN.iter();
        loop {
            let seen = self.front.read(&step.target).await;
            let settled = match &seen {
                Ok(Seen::Value(value)) if value == to.as_str() => {
                    // A call that was refused set nothing: then somebody else did, to the same end.
                    return After::There { request_id: request_id.filter(|_| refused.is_none()) };
                }
                Ok(Seen::Value(value)) if value == from.as_str() => match &refused {
                    Some(gap) if was_refused(gap) => return After::Refused(gap.to_string()),
                    _ => None,
                },
                Ok(Seen::Value(value)) => Some(format!("it is in {value:?}")),
                Ok(Seen::Gone) => Some("it is gone".to_owned()),
                Ok(Seen::Absent) | Err(_) => None,
            };
            if let Some(found) = settled {
                return After::Other(found);
            }
            if let Some(pause) = pauses.next() {
                self.time.pause(*pause).await;
                continue;
            }
            return match (seen, refused) {
                (Ok(Seen::Value(value)), None) => {
                    After::Other(format!("AWS accepted the change, and it is in {value:?} again"))
                }
                (Ok(Seen::Value(value)), Some(gap)) => {
                    After::Unknown(format!("no answer to the change arrived ({gap}), and it is still in {value:?}"))
                }
                (Ok(_), _) => After::Unknown("AWS's answer left its mode out".to_owned()),
                (Err(gap), _) => After::Unknown(format!("its mode could not be read after the change: {gap}")),
            };
        }
    }
}

/// Whether AWS answered, and said no: then it has not acted, and will not.
fn was_refused(gap: &Gap) -> bool {
    matches!(
        gap.reason,
        GapReason::AccessDenied
            | GapReason::DeniedByOrganizationPolicy
            | GapReason::RoleMissing
            | GapReason::WrongAccount
            | GapReason::RegionDisabled
            | GapReason::AccountInactive
            | GapReason::Throttled
            | GapReason::Expired
            | GapReason::ClockSkew
            | GapReason::Rejected
    )
}

/// When the youngest of some steps was changed; none where none was.
pub(crate) fn changed_at<'a>(state: &ChangeState, steps: impl Iterator<Item = &'a Step>) -> Option<Timestamp> {
    let changed = |step: &Step| {
        state.balancer(&step.target.arn).filter(|b| b.standing == Standing::Changed).map(|balancer| balancer.at)
    };
    steps.filter_map(changed).max()
}
