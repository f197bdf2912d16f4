//! Errors of a change that ends without a result.

use std::io;
use std::path::PathBuf;

use doorward_assemble::AssembleError;
use doorward_aws::AccessError;
use doorward_change::{JournalError, PlanError};
use doorward_core::discover::DiscoverError;
use doorward_ledger::LedgerError;
use doorward_model::Gap;

/// Why a plan cannot be made, written or run.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no access to AWS.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The organization of the base identity cannot be read.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// There is no ledger to read the change from.
    #[error(transparent)]
    NoLedger(LedgerError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger cannot be opened, or a change in it cannot be parsed.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The plan cannot be written as JSON.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The ledger has no such change.
    #[error("{}: there is no change {change:?}; `doorward verify-change` without an argument lists them", .ledger.display())]
    UnknownChange {
        /// The ledger.
        ledger: PathBuf,
        /// The id or prefix as given.
        change: String,
    },
    /// A prefix of an id that several changes have.
    #[error("{}: {change:?} matches {one} and {other}; use a longer prefix", .ledger.display())]
    AmbiguousChange {
        /// The ledger.
        ledger: PathBuf,
        /// The prefix as given.
        change: String,
        /// An id that has it.
        one: String,
        /// Another one.
        other: String,
    },
    /// The ledger has the change without its plan.
    #[error("{}: the ledger does not contain the plan of {change}", .ledger.display())]
    NoPlan {
        /// The ledger.
        ledger: PathBuf,
        /// The id of the change.
        change: String,
    },
    /// Whether the plan is of this organization is not known.
    #[error("the organization of these credentials could not be read: {0}; no request was sent")]
    OrganizationUnread(Box<Gap>),
    /// The plan is of another organization.
    #[error("{plan}: {because}; no request was sent")]
    Foreign {
        /// The id of the plan.
        plan: String,
        /// The difference.
        because: String,
    },
    /// The journal cannot be written; no request is sent without it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger was lost while the change ran.
    #[error("the change journal could not be written: {0}")]
    Unwritten(LedgerError),
    /// The change was stopped.
    #[error("stopped: {0}; the journal has the state of every step, and the same command continues from there")]
    Stopped(Box<Gap>),
    /// A file of the plan would replace another file, or is not the reviewed one.
    #[error("{0}")]
    File(String),
    /// A file of the plan cannot be written.
    #[error("{path} could not be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// The operating system's error.
        source: io::Error,
    },
}
