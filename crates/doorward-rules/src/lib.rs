//! What is demanded of a load balancer, and whether it is met: the required mode and one file per rule.
//!
//! In the flow this is what *evaluate* asks: it takes one [`LoadBalancer`](doorward_model::LoadBalancer) and the
//! [`Policy`](doorward_model::Policy) and gives a [`Verdict`](doorward_model::Verdict), for every rule in [`all`].
//! Everything here is a pure function of those two: no clock, no I/O, no memory of other load balancers.
//!
//! What it deliberately does not do: it does not decide which rules are switched off, grant exceptions, compose finding
//! ids or escape text. A name or tag goes into a sentence as it is; whoever renders the sentence makes it harmless. The
//! one thing that is checked here is what goes into a shell command.

mod dialect;
mod reading;
mod requirement;
mod rules;

use doorward_model::Rule;

pub use requirement::{Candidate, Requirement, Standing};

/// Every rule there is, ordered by id. The list is written down, not gathered: what is not in it does not run.
pub fn all() -> &'static [&'static dyn Rule] {
    rules::REGISTRY
}
