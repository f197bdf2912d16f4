//! One load balancer, changed or restored: looked at, journalled, set by one request, read again, journalled.
//!
//! Each request that sets a mode has a journal entry of its own, written before it is sent. A request whose answer leaves open
//! whether AWS acted is never repeated blindly: the mode is read, and only where it is still the one that the journal names does a
//! new entry precede a new request. What another party has set meanwhile is found, reported and left alone.

use std::time::Duration;

use doorward_model::{Gap, GapReason, Mode};
use jiff::Timestamp;

use crate::plan::still_allowed;
use crate::{
    ChangeState, Current, Entry, Event, Front, Goal, Journal, JournalError, Look, NotSet, Seen, Standing, Step, Time,
};

/// Pauses before the mode is read again, where the first reading does not settle it.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Pauses before a further request to the same load balancer in the same run: one for each. A rate limit of 3 requests a second, as AWS
/// publishes it for calls that change load balancers, is free again long before the last of them.
const NEXT: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Carries out single steps of a change, and keeps its journal and state the same.
pub(crate) struct Hand<'a, F, J> {
    pub(crate) front: &'a F,
    pub(crate) journal: &'a J,
    pub(crate) time: &'a Time,
    pub(crate) state: ChangeState,
}

/// What the reading after a request says of it.
enum After {
    /// As it should be.
    There { request_id: Option<String> },
    /// AWS refused, and it is as before.
    Refused { because: String, again: bool },
    /// Something else is there.
    Other(String),
    /// It cannot be known. `again` where the mode was read and is still the one before.
    Unknown { because: String, again: bool },
}

impl After {
    /// Whether a further request may be sent in the same run, after everything was read again.
    fn again(&self) -> bool {
        matches!(self, Self::Refused { again: true, .. } | Self::Unknown { again: true, .. })
    }
}

impl<F: Front, J: Journal> Hand<'_, F, J> {
    /// Writes an event into journal and state.
    pub(crate) fn write(&mut self, step: Option<&Step>, event: Event) -> Result<(), JournalError> {
        let entry = Entry { at: self.time.now(), balancer: step.map(|step| step.target.arn.clone()), event };
        self.journal.write(&self.state.plan().id, &entry)?;
        self.state.add(entry);
        Ok(())
    }

    /// Changes one load balancer, or finds out what became of an earlier try. `closed` says why nothing may be sent at a time.
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

    /// At most one request. True where a further one may be sent.
    async fn try_to_change(
        &mut self,
        step: &Step,
        goal: Goal,
        closed: &impl Fn(Timestamp) -> Option<String>,
    ) -> Result<bool, JournalError> {
        let standing = self.state.standing(&step.target.arn);
        if !standing.is_open() {
            return Ok(false);
        }
        let tried = matches!(standing, Standing::InFlight | Standing::Unsure);
        let closed = closed(self.time.now());
        if let Some(because) = closed.as_ref().filter(|_| !tried) {
            self.write(Some(step), Event::Refused { because: because.clone() })?;
            return Ok(false);
        }
        // What is unsure stays unsure, with the newest reason.
        let unread = |because: String| if tried { Event::Unsure { because } } else { Event::Refused { because } };
        let event = match self.front.look(&step.target).await {
            Err(gap) => Some(unread(unreadable(&gap))),
            Ok(Look::Gone) => Some(Event::Refused { because: "it is gone".to_owned() }),
            Ok(Look::Here(current)) => match value(step, &current) {
                None => Some(unread("AWS's answer left its mode out".to_owned())),
                // What became of an earlier try may be found out at any time; another request has to be admitted again.
                Some(value) if value == step.from.as_str() => {
                    let because = closed.or_else(|| still_allowed(step, goal, &current).err());
                    because.map(|because| Event::Refused { because })
                }
                Some(value) if value == step.to.as_str() && tried => Some(Event::Changed { request_id: None }),
                Some(value) if tried => Some(Event::Overtaken { found: format!("it is in {value:?}") }),
                Some(value) if value == step.to.as_str() => Some(Event::Already),
                Some(value) => {
                    Some(Event::Refused { because: format!("the plan saw {}, and it is in {value:?} now", step.from) })
                }
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
            After::There { request_id } => Event::Changed { request_id },
            After::Refused { because, .. } => Event::Failed { because },
            After::Other(found) => Event::Overtaken { found },
            After::Unknown { because, .. } => Event::Unsure { because },
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

    /// At most one request. True where a further one may be sent.
    async fn try_to_restore(&mut self, step: &Step) -> Result<bool, JournalError> {
        let Some(balancer) = self.state.balancer(&step.target.arn).filter(|b| b.standing.may_be_ours()) else {
            return Ok(false);
        };
        let prior = balancer.prior.unwrap_or(step.from);
        let event = match self.front.read(&step.target).await {
            Err(gap) => Some(Event::RestoreUnsure { because: unreadable(&gap) }),
            Ok(Seen::Gone) => Some(Event::RestoreRefused { because: "it is gone".to_owned() }),
            Ok(Seen::Absent) => Some(Event::RestoreUnsure { because: "AWS's answer left its mode out".to_owned() }),
            Ok(Seen::Value(value)) if value == prior.as_str() => Some(Event::Restored { request_id: None }),
            Ok(Seen::Value(value)) if value == step.to.as_str() => None,
            Ok(Seen::Value(value)) => {
                let because = format!("another party has changed it since: it is in {value:?}");
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
            After::There { request_id } => Event::Restored { request_id },
            After::Refused { because, .. } => Event::RestoreFailed { because },
            After::Other(found) => {
                Event::RestoreRefused { because: format!("another party changed it meanwhile: {found}") }
            }
            After::Unknown { because, .. } => Event::RestoreUnsure { because },
        };
        self.write(Some(step), event)?;
        Ok(again)
    }

    /// Sends one request that sets a mode, and reads the mode again: what is read decides, not what the request was answered.
    async fn set(&self, step: &Step, from: Mode, to: Mode) -> After {
        let (request_id, failed) = match self.front.set(&step.target, to).await {
            Ok(wrote) => (wrote.request_id, None),
            Err(failed) => (failed.gap.request_id.clone(), Some(failed)),
        };
        let mut pauses = AGAIN.iter();
        loop {
            let seen = self.front.read(&step.target).await;
            let settled = match &seen {
                Ok(Seen::Value(value)) if value == to.as_str() => {
                    // A request that was refused set nothing: then another party did, to the same end.
                    return After::There { request_id: request_id.filter(|_| failed.is_none()) };
                }
                Ok(Seen::Value(value)) if value == from.as_str() => match &failed {
                    Some(NotSet { gap, refused: true }) => {
                        return After::Refused { because: gap.to_string(), again: passes(gap) };
                    }
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
            return match (seen, failed) {
                (Ok(Seen::Value(value)), None) => {
                    After::Other(format!("AWS accepted the change, and it is in {value:?} again"))
                }
                (Ok(Seen::Value(value)), Some(NotSet { gap, .. })) => After::Unknown {
                    because: format!("no clear answer to the change arrived ({gap}), and it is still in {value:?}"),
                    again: true,
                },
                (Ok(_), _) => After::Unknown { because: "AWS's answer left its mode out".to_owned(), again: false },
                (Err(gap), _) => {
                    let because = format!("its mode could not be read after the change: {}", sentence(&gap));
                    After::Unknown { because, again: false }
                }
            };
        }
    }
}

/// The value of the mode attribute, verbatim.
pub(crate) fn value<'a>(step: &Step, current: &'a Current) -> Option<&'a str> {
    let attributes = current.load_balancer.attributes.known()?;
    attributes.get(step.target.kind.mode_attribute()).map(String::as_str)
}

/// Why a load balancer could not be read.
pub(crate) fn unreadable(gap: &Gap) -> String {
    match gap.reason {
        // The sentence says that no role was assumed there, so nothing was asked.
        GapReason::Excluded | GapReason::AccountInactive => sentence(gap),
        _ => format!("it could not be read: {gap}"),
    }
}

/// A gap with its sentence, where the reason alone does not say it.
fn sentence(gap: &Gap) -> String {
    match (&gap.message, gap.reason) {
        (Some(message), GapReason::Excluded | GapReason::AccountInactive) => message.clone(),
        _ => gap.to_string(),
    }
}

/// Whether a refusal passes by itself: it was about the rate of requests, or about credentials that are renewed.
fn passes(gap: &Gap) -> bool {
    matches!(gap.reason, GapReason::Throttled | GapReason::Expired | GapReason::ClockSkew)
}

/// When the youngest of some steps was changed; none where none was.
pub(crate) fn changed_at<'a>(state: &ChangeState, steps: impl Iterator<Item = &'a Step>) -> Option<Timestamp> {
    let changed = |step: &Step| {
        state.balancer(&step.target.arn).filter(|b| b.standing == Standing::Changed).map(|balancer| balancer.at)
    };
    steps.filter_map(changed).max()
}
