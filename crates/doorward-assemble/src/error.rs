//! Errors of judging and recording a scan.

use std::path::PathBuf;

use doorward_core::pipeline::PipelineError;
use doorward_ledger::LedgerError;

/// Why a scan cannot be judged or recorded. The message states the cause; [`AssembleError::hint`] states what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The ledger cannot be opened for a scan.
    #[error(transparent)]
    Open(LedgerError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The scan cannot be judged.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A scan is to be resumed, and none was interrupted.
    #[error("there is no interrupted scan in the ledger to resume")]
    NothingToResume,
    /// A scan is to be resumed whose ledger keeps no checkpoints.
    #[error("a ledger in S3 keeps no checkpoints, so an interrupted scan cannot be resumed")]
    NoCheckpoints,
    /// A scan is to be resumed, and its plan or its settings are no longer the same.
    #[error("the organization, the scope or the settings changed since the interrupted scan")]
    ResumeChanged,
    /// The ledger holds no scan.
    #[error("{}: the ledger contains no scan", .ledger.display())]
    NoScan {
        /// The ledger.
        ledger: PathBuf,
    },
    /// The newest scan was recorded so long ago that its raw data was dropped.
    #[error("{}: the raw data of the newest scan was deleted (ledger.keep_months)", .ledger.display())]
    RawDataDropped {
        /// The ledger.
        ledger: PathBuf,
    },
    /// A change in the ledger cannot be parsed.
    #[error("{}: the {part} of {change} cannot be read: {problem}", .ledger.display())]
    Change {
        /// The ledger.
        ledger: PathBuf,
        /// The plan or the journal.
        part: &'static str,
        /// The id of the change.
        change: String,
        /// The parser's message.
        problem: String,
    },
}

impl AssembleError {
    /// The next step, if the message does not name it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open(_) => Some("or scan without a ledger: --no-ledger"),
            Self::ResumeChanged | Self::NoCheckpoints => Some("scan again without --resume"),
            Self::NoScan { .. } => Some("run a scan first, or pass --from FILE"),
            Self::RawDataDropped { .. } => Some("scan again"),
            Self::Ledger(_) | Self::Pipeline(_) | Self::NothingToResume | Self::Change { .. } => None,
        }
    }
}
