//! The budget of evaluation steps, so that evaluation ends in time proportional to its input.

use std::cell::Cell;
use std::rc::Rc;

use super::value::EvaluationFailure;

/// The limit of evaluation steps in one run, and the steps that each byte of configuration adds. A step is a part of an
/// expression, or an element or character that a function visits. The largest known public configuration takes two million
/// steps.
const STEPS: u64 = 40_000_000;
const STEPS_PER_BYTE: u64 = 40;

/// The reason why a value is unknown once no steps are left.
pub(super) const SPENT: &str = "the configuration exceeds the limit of evaluation steps; check the plan";

/// A number of evaluation steps.
#[derive(Debug)]
pub(crate) struct WorkBudget {
    left: Cell<u64>,
    /// The steps taken.
    spent: Cell<u64>,
    /// The number of evaluated arguments.
    evaluated: Cell<u64>,
}

impl WorkBudget {
    /// The budget for a configuration of `bytes` bytes.
    pub(super) fn of(bytes: usize) -> Rc<Self> {
        let left = STEPS.saturating_add(STEPS_PER_BYTE.saturating_mul(bytes as u64));
        Rc::new(Self { left: Cell::new(left), spent: Cell::new(0), evaluated: Cell::new(0) })
    }

    /// Takes steps.
    pub(super) fn spend(&self, steps: usize) -> Result<(), EvaluationFailure> {
        let left = self.left.get().checked_sub(steps as u64);
        self.left.set(left.unwrap_or(0));
        self.spent.set(self.spent.get() + steps as u64);
        left.map(|_| ()).ok_or_else(|| EvaluationFailure::unsure(SPENT))
    }

    /// Counts an evaluated argument.
    pub(super) fn count(&self) {
        self.evaluated.set(self.evaluated.get() + 1);
    }

    /// Whether no steps are left.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// The numbers of evaluated arguments and of steps taken.
    #[cfg(test)]
    pub(super) fn done(&self) -> (u64, u64) {
        (self.evaluated.get(), self.spent.get())
    }
}
