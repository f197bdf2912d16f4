//! Rolling a change back: every load balancer that Doorward may have changed gets the mode it had, or is left alone because somebody
//! else has changed it since.

use crate::step::Hand;
use crate::{Applied, ChangeState, Event, Front, Journal, JournalError, Step, Time};

/// A change being rolled back.
pub struct RollingBack<'a, F, J> {
    /// Reads and sets modes.
    pub front: &'a F,
    /// Remembers.
    pub journal: &'a J,
    /// The time.
    pub time: &'a Time,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub because: String,
    /// Told of every step that came to stand somewhere new.
    pub progress: &'a (dyn Fn(&Step, &ChangeState) + Sync),
}

impl<F: Front, J: Journal> RollingBack<'_, F, J> {
    /// Restores what may be ours, the last that was changed first. What is restored is not restored again. An error means
    /// that the journal could not be written; nothing was sent after that.
    pub async fn run(self, state: ChangeState) -> Result<Applied, JournalError> {
        let plan = state.plan().clone();
        let mut hand = Hand { front: self.front, journal: self.journal, time: self.time, state };
        let ours: Vec<&Step> =
            plan.steps.iter().filter(|step| hand.state.standing(&step.target.arn).may_be_ours()).collect();
        if !ours.is_empty() {
            let (by, because) = (self.by.clone(), self.because.clone());
            hand.write(None, Event::RollbackBegan { by, because, wave: None })?;
        }
        for step in ours.into_iter().rev() {
            hand.restore(step).await?;
            (self.progress)(step, &hand.state);
        }
        Ok(Applied { state: hand.state, stopped: None })
    }
}
