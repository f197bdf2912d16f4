//! Rolls a change back: every load balancer that Doorward may have changed gets its previous mode again, unless another party has
//! changed it since.

use doorward_aws::Time;

use crate::executor::Executor;
use crate::{Applied, ChangeState, Event, Journal, JournalError, ModeClient, Step};

/// The run that rolls a change back.
pub struct RollbackRun<'a, F, J> {
    /// Reads and sets modes.
    pub client: &'a F,
    /// Records every event.
    pub journal: &'a J,
    /// The time.
    pub time: &'a Time,
    /// The person or identity that requested it.
    pub by: String,
    /// The reason, for the journal.
    pub because: String,
    /// Called after every step.
    pub progress: &'a (dyn Fn(&Step, &ChangeState) + Sync),
}

impl<F: ModeClient, J: Journal> RollbackRun<'_, F, J> {
    /// Restores every load balancer that may be in a mode of this change, the last one first; those that are restored are skipped.
    ///
    /// # Errors
    /// The journal could not be written. No request is sent after that.
    pub async fn run(self, state: ChangeState) -> Result<Applied, JournalError> {
        let plan = state.plan().clone();
        let mut executor = Executor { client: self.client, journal: self.journal, time: self.time, state };
        let ours: Vec<&Step> =
            plan.steps.iter().filter(|step| executor.state.step_state(&step.target.arn).may_be_ours()).collect();
        if !ours.is_empty() {
            let (by, because) = (self.by.clone(), self.because.clone());
            executor.write(None, Event::RollbackBegan { by, because, wave: None })?;
        }
        for step in ours.into_iter().rev() {
            executor.restore(step).await?;
            (self.progress)(step, &executor.state);
        }
        Ok(Applied { state: executor.state, stopped: None })
    }
}
