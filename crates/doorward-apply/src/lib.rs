//! Runs change plans: the modes, metrics and journal of `doorward-change` over AWS and the ledger.
//!
//! [`make_plan`] plans by the policy that a scan was judged by, with the texts to paste for each manager. A [`ChangeRunner`] connects to AWS,
//! refuses a plan for another organization before any role is assumed, holds the lease of the ledger, and applies, rolls back or
//! verifies. [`write_plan`] and [`check_review`] keep the files of a plan.
//!
//! What it deliberately does not do: ask for confirmation, print, or choose an exit code; the program does.

mod blocked_logs;
mod change_clients;
mod error;
mod ledger_journal;
mod plan_file;
mod planning;
mod runner;

pub use error::ApplyError;
pub use plan_file::{check_review, check_target, write_plan};
pub use planning::make_plan;
pub use runner::ChangeRunner;
