//! One load balancer, changed or restored: looked at, journalled, set by one request, read again, journalled.
//!
//! Each request that sets a mode has a journal entry of its own, written before it is sent. A request whose answer leaves open
//! whether AWS acted is never repeated blindly: the mode is read, and only where it is still the one that the journal names does a
//! new entry precede a new request. What another party has set meanwhile is found, reported and left alone.

use std::time::Duration;

use doorward_aws::Time;
use doorward_model::{Gap, GapReason};
use jiff::Timestamp;

use crate::plan::still_allowed;
use crate::{
    ChangeState, Current, Event, Goal, Inspection, Journal, JournalEntry, JournalError, ModeClient, ModeReading,
    SetFailure, SettingValue, Step, StepState,
};

/// Pauses before the mode is read again, if a reading after a request still shows the mode before it: AWS applies changes with a delay.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Pauses before a further request to the same load balancer in the same run: one for each. AWS publishes a rate limit of 3 requests a
/// second for calls that change load balancers, which has recovered long before the last of these pauses ends.
const NEXT: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Executes single steps of a change; records each event in the journal and in the state.
pub(crate) struct Executor<'a, F, J> {
    pub(crate) client: &'a F,
    pub(crate) journal: &'a J,
    pub(crate) time: &'a Time,
    pub(crate) state: ChangeState,
}

/// The result of a request, by the mode that was read after it.
enum SetOutcome {
    /// The mode is set.
    There { request_id: Option<String> },
    /// AWS refused the request, and the mode is as before.
    Refused { because: String, again: bool },
    /// The mode is another one.
    Other(String),
    /// The result is unknown. `again` if the mode was read and is still the one before.
    Unknown { because: String, again: bool },
}

impl SetOutcome {
    /// Whether another request may be sent in the same run, after everything was read again.
    fn again(&self) -> bool {
        matches!(self, Self::Refused { again: true, .. } | Self::Unknown { again: true, .. })
    }
}

impl<F: ModeClient, J: Journal> Executor<'_, F, J> {
    /// Records an event in the journal and the state.
    pub(crate) fn write(&mut self, step: Option<&Step>, event: Event) -> Result<(), JournalError> {
        let entry =
            JournalEntry { at: self.time.now(), load_balancer: step.map(|step| step.target.arn.clone()), event };
        self.journal.write(&self.state.plan().id, &entry)?;
        self.state.add(entry);
        Ok(())
    }

    /// Changes one load balancer, or reads the result of an earlier request. `closed` gives the reason why no request may be sent at a
    /// time.
    pub(crate) async fn change(
        &mut self,
        step: &Step,
        goal: Goal,
        closed: &impl Fn(Timestamp) -> Option<String>,
    ) -> Result<(), JournalError> {
        let mut pauses = NEXT.iter();
        while self.try_to_change(step, goal, closed).await? {
            let Some(pause) = pauses.next() else { break };
            self.time.pause(*pause).await;
        }
        Ok(())
    }

    /// Sends at most one request. True if another one may be sent.
    async fn try_to_change(
        &mut self,
        step: &Step,
        goal: Goal,
        closed: &impl Fn(Timestamp) -> Option<String>,
    ) -> Result<bool, JournalError> {
        let state = self.state.step_state(&step.target.arn);
        if !state.is_open() {
            return Ok(false);
        }
        let tried = matches!(state, StepState::InFlight | StepState::Unsure);
        let closed = closed(self.time.now());
        if let Some(because) = closed.as_ref().filter(|_| !tried) {
            self.write(Some(step), Event::Refused { because: because.clone() })?;
            return Ok(false);
        }
        // An unknown result stays unknown, with the newest reason.
        let unread = |because: String| if tried { Event::Unsure { because } } else { Event::Refused { because } };
        let event = match self.client.inspect(&step.target, step.to).await {
            Err(gap) => Some(unread(unreadable(&gap))),
            Ok(Inspection::Gone) => Some(Event::Refused { because: "it no longer exists".to_owned() }),
            Ok(Inspection::Found(current)) if is_another(step, &current).is_some() => {
                is_another(step, &current).map(|because| Event::Refused { because })
            }
            Ok(Inspection::Found(current)) if identity_unread(step, &current).is_some() => {
                identity_unread(step, &current).map(unread)
            }
            Ok(Inspection::Found(current)) => match value(step, &current) {
                None => Some(unread(not_contained(step))),
                // The result of an earlier request may be read at any time; another request needs every guard again.
                Some(value) if value == step.from.as_str() => {
                    let because = closed.or_else(|| still_allowed(step, goal, &current).err());
                    because.map(|because| Event::Refused { because })
                }
                Some(value) if value == step.to.as_str() && tried => Some(Event::Changed { request_id: None }),
                Some(value) if tried => Some(Event::Overtaken { found: step.to.found(value) }),
                Some(value) if value == step.to.as_str() => Some(Event::Already),
                Some(value) => Some(Event::Refused { because: changed_since(step, value) }),
            },
        };
        if let Some(event) = event {
            self.write(Some(step), event)?;
            return Ok(false);
        }
        self.write(Some(step), Event::Intended { from: step.from, to: step.to })?;
        let after = self.set(step, step.from, step.to).await;
        let again = after.again();
        let event = match after {
            SetOutcome::There { request_id } => Event::Changed { request_id },
            SetOutcome::Refused { because, .. } => Event::Failed { because },
            SetOutcome::Other(found) => Event::Overtaken { found },
            SetOutcome::Unknown { because, .. } => Event::Unsure { because },
        };
        self.write(Some(step), event)?;
        Ok(again)
    }

    /// Restores one load balancer that Doorward may have changed.
    pub(crate) async fn restore(&mut self, step: &Step) -> Result<(), JournalError> {
        let mut pauses = NEXT.iter();
        while self.try_to_restore(step).await? {
            let Some(pause) = pauses.next() else { break };
            self.time.pause(*pause).await;
        }
        Ok(())
    }

    /// Sends at most one request. True if another one may be sent.
    async fn try_to_restore(&mut self, step: &Step) -> Result<bool, JournalError> {
        let Some(record) = self.state.record(&step.target.arn).filter(|record| record.state.may_be_ours()) else {
            return Ok(false);
        };
        let prior = record.prior.unwrap_or(step.from);
        let event = match read_same(self.client, step).await {
            Err(gap) => Some(Event::RestoreUnsure { because: unreadable(&gap) }),
            Ok(ModeReading::Gone) => Some(Event::RestoreRefused { because: "it no longer exists".to_owned() }),
            Ok(ModeReading::Absent) => Some(Event::RestoreUnsure { because: not_contained(step) }),
            Ok(ModeReading::Another(because)) => Some(Event::RestoreRefused { because }),
            Ok(ModeReading::Value(value)) if value == prior.as_str() => Some(Event::Restored { request_id: None }),
            Ok(ModeReading::Value(value)) if value == step.to.as_str() => None,
            Ok(ModeReading::Value(value)) => {
                let because = format!("another party has changed it since: {}", step.to.found(&value));
                Some(Event::RestoreRefused { because })
            }
        };
        if let Some(event) = event {
            self.write(Some(step), event)?;
            return Ok(false);
        }
        self.write(Some(step), Event::Restoring { to: prior })?;
        let after = self.set(step, step.to, prior).await;
        let again = after.again();
        let event = match after {
            SetOutcome::There { request_id } => Event::Restored { request_id },
            SetOutcome::Refused { because, .. } => Event::RestoreFailed { because },
            SetOutcome::Other(found) => {
                Event::RestoreRefused { because: format!("another party has changed it in the meantime: {found}") }
            }
            SetOutcome::Unknown { because, .. } => Event::RestoreUnsure { because },
        };
        self.write(Some(step), event)?;
        Ok(again)
    }

    /// Sends one request that sets a mode, and reads the mode again. The mode that is read decides, not the response to the request.
    async fn set(&self, step: &Step, from: SettingValue, to: SettingValue) -> SetOutcome {
        let (request_id, failed) = match self.client.set(&step.target, to).await {
            Ok(wrote) => (wrote.request_id, None),
            Err(failed) => (failed.gap.request_id.clone(), Some(failed)),
        };
        let mut pauses = AGAIN.iter();
        loop {
            let seen = self.client.read(&step.target, to).await;
            let settled = match &seen {
                Ok(ModeReading::Value(value)) if value == to.as_str() => {
                    // A refused request set nothing: then another party has set the same mode.
                    return SetOutcome::There { request_id: request_id.filter(|_| failed.is_none()) };
                }
                Ok(ModeReading::Value(value)) if value == from.as_str() => match &failed {
                    Some(SetFailure { gap, refused: true }) => {
                        return SetOutcome::Refused { because: gap.to_string(), again: passes(gap) };
                    }
                    _ => None,
                },
                Ok(ModeReading::Value(value)) => Some(to.found(value)),
                Ok(ModeReading::Gone) => Some("it no longer exists".to_owned()),
                Ok(ModeReading::Another(found)) => Some(found.clone()),
                Ok(ModeReading::Absent) | Err(_) => None,
            };
            if let Some(found) = settled {
                return SetOutcome::Other(found);
            }
            if let Some(pause) = pauses.next() {
                self.time.pause(*pause).await;
                continue;
            }
            return match (seen, failed) {
                // It may be set late, or another party may have set it back at once.
                (Ok(ModeReading::Value(value)), None) => SetOutcome::Unknown {
                    because: format!("AWS accepted the change, but {} still or again", to.found(&value)),
                    again: false,
                },
                (Ok(ModeReading::Value(value)), Some(SetFailure { gap, .. })) => SetOutcome::Unknown {
                    because: format!("no clear response to the change arrived ({gap}); {} still", to.found(&value)),
                    again: true,
                },
                (Ok(_), _) => SetOutcome::Unknown { because: not_contained(step), again: false },
                (Err(gap), _) => {
                    let because = format!("its {} could not be read after the change: {}", to.noun(), sentence(&gap));
                    SetOutcome::Unknown { because, again: false }
                }
            };
        }
    }
}

/// The sentence that the load balancer of a step was deleted, and that another one has its name now; none if it is the same, or if that is
/// unknown.
pub(crate) fn is_another(step: &Step, current: &Current) -> Option<String> {
    let (planned, found) = (step.created?, current.load_balancer.created?);
    (found != planned).then(|| {
        format!(
            "it no longer exists: another load balancer of its name was created at {found:.0}, and the planned one at {planned:.0}"
        )
    })
}

/// The sentence that it is unknown whether a load balancer is the one of a step; none if that is known.
pub(crate) fn identity_unread(step: &Step, current: &Current) -> Option<String> {
    let is_unread = step.created.is_some() && current.load_balancer.created.is_none();
    is_unread.then(|| {
        "AWS's response does not contain when it was created, so it may be another load balancer of the same name"
            .to_owned()
    })
}

/// Reads the attribute of the load balancer of a step. One of the same name that was created later is another one.
pub(crate) async fn read_same<F: ModeClient>(client: &F, step: &Step) -> Result<ModeReading, Gap> {
    if step.created.is_none() {
        return client.read(&step.target, step.to).await;
    }
    Ok(match client.inspect(&step.target, step.to).await? {
        Inspection::Gone => ModeReading::Gone,
        Inspection::Found(current) => match is_another(step, &current) {
            Some(found) => ModeReading::Another(found),
            None if step.created.is_some() && current.load_balancer.created.is_none() => {
                let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancers");
                return Err(gap.with_message(identity_unread(step, &current).unwrap_or_default()));
            }
            None => value(step, &current).map_or(ModeReading::Absent, |value| ModeReading::Value(value.to_owned())),
        },
    })
}

/// The sentence for a response without the attribute.
pub(crate) fn not_contained(step: &Step) -> String {
    format!("AWS's response does not contain its {}", step.to.noun())
}

/// The sentence for a reading that differs from the plan.
pub(crate) fn changed_since(step: &Step, value: &str) -> String {
    format!("its {} was {} when the plan was made, but is {value:?} now", step.to.noun(), step.from)
}

/// The value of the attribute that the step changes, verbatim.
pub(crate) fn value<'a>(step: &Step, current: &'a Current) -> Option<&'a str> {
    let attributes = current.load_balancer.attributes.known()?;
    attributes.get(step.to.attribute(step.target.kind))
}

/// Why a load balancer could not be read.
pub(crate) fn unreadable(gap: &Gap) -> String {
    match gap.reason {
        // The message says that no role was assumed in the account, so that nothing was read.
        GapReason::Excluded | GapReason::AccountInactive => sentence(gap),
        _ => format!("it could not be read: {gap}"),
    }
}

/// The message of a gap whose reason alone is not clear, otherwise the whole gap.
fn sentence(gap: &Gap) -> String {
    match (&gap.message, gap.reason) {
        (Some(message), GapReason::Excluded | GapReason::AccountInactive) => message.clone(),
        _ => gap.to_string(),
    }
}

/// Whether a refusal is temporary: a rate limit, or credentials that will be renewed.
fn passes(gap: &Gap) -> bool {
    matches!(gap.reason, GapReason::Throttled | GapReason::Expired | GapReason::ClockSkew)
}

/// When the last of some steps was changed; none if none was.
pub(crate) fn changed_at<'a>(state: &ChangeState, steps: impl Iterator<Item = &'a Step>) -> Option<Timestamp> {
    let changed = |step: &Step| {
        state.record(&step.target.arn).filter(|record| record.state == StepState::Changed).map(|record| record.at)
    };
    steps.filter_map(changed).max()
}
