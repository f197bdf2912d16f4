//! Errors of an event: it cannot be used, or its load balancer cannot be read again.

use doorward_assemble::AssembleError;
use doorward_core::discover::DiscoverError;
use doorward_ledger::LedgerError;

/// An event that cannot be used: the member that is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(pub(crate) String);

impl EventError {
    /// The same error below a member of a larger event.
    pub(crate) fn below(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl From<String> for EventError {
    fn from(problem: String) -> Self {
        Self(problem)
    }
}

impl From<&str> for EventError {
    fn from(problem: &str) -> Self {
        Self(problem.to_owned())
    }
}

/// Why a load balancer cannot be read again. A gap is not an error: it is in the result.
#[derive(Debug, thiserror::Error)]
pub enum RescanError {
    /// The event names something of which no ARN can be composed.
    #[error("{0} has no usable ARN")]
    NoArn(String),
    /// The account of the load balancer cannot be entered.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The load balancer cannot be judged.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The readings contradict each other: an error in Doorward.
    #[error("{0}")]
    Inventory(String),
}
