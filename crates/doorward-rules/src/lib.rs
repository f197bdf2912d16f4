//! What is demanded of a load balancer, whether it is met, and who allowed it not to be: the required mode, one file per
//! rule, and the register of exceptions.
//!
//! In the flow this is what *evaluate* asks: it takes one [`LoadBalancer`](doorward_model::LoadBalancer) and the
//! [`Policy`](doorward_model::Policy) and gives a [`Verdict`](doorward_model::Verdict), for every rule in [`all`] or, where
//! there is a register, for every rule that [`Register::wrap`](exceptions::Register::wrap) makes of them. Everything here
//! is a pure function: texts and times are parameters, and there is no clock, no I/O, no memory of other load balancers.
//!
//! What it deliberately does not do: it does not decide which rules are switched off, read or write the register's files,
//! compose finding ids or escape text. A name or tag goes into a sentence as it is; whoever renders the sentence makes it
//! harmless. The one thing that is checked here is what goes into a shell command.

pub mod exceptions;
mod matching;
mod preconditions;
mod remediation;
mod requirement;
mod rules;

use doorward_model::{LoadBalancer, Rule, RuleMeta};

pub use remediation::set_mode_instructions;
pub use requirement::{Candidate, Requirement, Standing};

/// Every rule that asks about the load balancer alone, ordered by id; [`asked`] says which of them a scan asks. The list is written down, not gathered: what is not
/// in it does not run without a register of exceptions.
pub fn all() -> &'static [&'static dyn Rule] {
    rules::REGISTRY
}

/// The rules of [`all`] that have something to look at among these load balancers. `desync-mode-reverted` is left out where
/// nobody knows of a change to any of them: a "not applicable" for each would be noise, and untrue where the journal is not at
/// hand, as it would resolve what was found with it. `changed` says that a change is known of load balancers that are not among
/// these, because only one of all was read.
pub fn asked(load_balancers: &[LoadBalancer], changed: bool) -> Vec<&'static dyn Rule> {
    let changed = changed || load_balancers.iter().any(|lb| !lb.changes.is_empty());
    let id = rules::desync_mode_reverted::META.id;
    all().iter().copied().filter(|rule| changed || rule.meta().id != id).collect()
}

/// What every rule there is says of itself, ordered by id: those of [`all`] and the two that a register of exceptions adds.
pub fn catalogue() -> &'static [&'static RuleMeta] {
    rules::CATALOGUE
}
