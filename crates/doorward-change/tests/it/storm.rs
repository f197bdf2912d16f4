//! What befalls a run: another user who edits, and the end at any step.

use std::cell::{Cell, RefCell};

use doorward_fakeaws::{Fault, Server, What};
use doorward_model::{Arn, Mode};

use crate::acting::{Fate, Paper};
use crate::bed::{Dice, edit};

/// Every mode.
pub(crate) const MODES: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];

/// What happens around the steps of a run: edits by another user, and at some step the end.
pub(crate) struct Storm<'a> {
    pub(crate) server: &'a Server,
    pub(crate) dice: &'a Dice,
    pub(crate) arns: &'a [Arn],
    /// Chance of an edit at a step, in percent.
    pub(crate) edits: usize,
    /// Steps until the kill; none means never.
    pub(crate) kill: Cell<Option<usize>>,
    pub(crate) killed: Cell<bool>,
    /// Edits with the number of journal entries at their time.
    pub(crate) log: &'a RefCell<Vec<(usize, Arn, Mode)>>,
    pub(crate) paper: &'a Paper,
}

impl Fate for Storm<'_> {
    fn strikes(&self) -> bool {
        if self.killed.get() {
            return true;
        }
        if self.dice.chance(self.edits) {
            let arn = &self.arns[self.dice.below(self.arns.len())];
            let mode = MODES[self.dice.below(3)];
            edit(self.server, arn, mode);
            self.log.borrow_mut().push((self.paper.entries().len(), arn.clone(), mode));
        }
        match self.kill.get() {
            Some(0) => {
                self.killed.set(true);
                true
            }
            left => {
                self.kill.set(left.map(|left| left - 1));
                false
            }
        }
    }
}

/// Runs a future until it ends or the fate kills it.
pub(crate) async fn until_killed<T>(storm: &Storm<'_>, run: impl Future<Output = T>) -> Option<T> {
    let mut run = std::pin::pin!(run);
    std::future::poll_fn(|context| match run.as_mut().poll(context) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
        std::task::Poll::Pending if storm.killed.get() => std::task::Poll::Ready(None),
        std::task::Poll::Pending => std::task::Poll::Pending,
    })
    .await
}

/// Faults of AWS: some kinds, at some rates, on reading and on setting.
pub(crate) fn faults(dice: &Dice, seed: u64) -> Vec<Fault> {
    let kinds = [
        What::Throttle,
        What::ServerError(503),
        What::AccessDenied,
        What::Reset,
        What::LostAnswer,
        What::ErrorAfter(500),
        What::HalfClose(0.5),
        What::Truncated(0.6),
        What::Malformed,
        What::EmptyBody,
        What::ExpiredToken,
    ];
    let mut faults = Vec::new();
    for action in ["ModifyLoadBalancerAttributes", "DescribeLoadBalancerAttributes"] {
        for number in 0..dice.below(3) {
            let what = kinds[dice.below(kinds.len())].clone();
            let probability = [0.05, 0.2, 0.5][dice.below(3)];
            faults.push(Fault::new(what).action(action).random(probability, seed + number as u64));
        }
    }
    faults
}
