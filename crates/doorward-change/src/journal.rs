//! The journal: what happened in a change, event by event. The order is the guarantee: what is about to be sent is written before it
//! is sent, what came of it after it was read again.

use doorward_model::{Arn, Mode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Somebody approved the plan of this digest; applying begins or goes on.
    Approved {
        /// Who.
        by: String,
        /// The plan's digest.
        digest: String,
    },
    /// Nothing was sent.
    Refused {
        /// Why.
        because: String,
    },
    /// It was in the wanted mode before anything was sent; nothing was.
    Already,
    /// A call that sets the mode is about to be made.
    Intended {
        /// The mode that was just read: what a roll-back restores.
        from: Mode,
        /// The mode that is about to be set.
        to: Mode,
    },
    /// It was set, and read again.
    Changed {
        /// AWS's request id of the call, where its answer arrived.
        request_id: Option<String>,
    },
    /// AWS refused the call, and the mode is as before.
    Failed {
        /// What AWS said.
        because: String,
    },
    /// Nobody knows whether it was set.
    Unsure {
        /// Why.
        because: String,
    },
    /// It was read again, and somebody else had set it.
    Overtaken {
        /// What was read.
        found: String,
    },
    /// A wave was watched to the end, or as far as it went.
    Watched {
        /// The wave.
        wave: usize,
        /// What was seen, in a sentence.
        told: String,
        /// Whether nothing spoke against going on.
        quiet: bool,
    },
    /// Rolling back begins or goes on.
    RollbackBegan {
        /// Who asked for it; the watch by itself, where a regression did.
        by: String,
        /// Why.
        because: String,
        /// The wave it is about; none means all.
        wave: Option<usize>,
    },
    /// A call that restores the mode is about to be made.
    Restoring {
        /// The mode that is about to be set.
        to: Mode,
    },
    /// It was restored, and read again; or it was found restored.
    Restored {
        /// AWS's request id of the call, where one was made and its answer arrived.
        request_id: Option<String>,
    },
    /// It is not restored: somebody else has changed it since, or it is gone.
    RestoreRefused {
        /// What was found.
        because: String,
    },
    /// AWS refused the call that restores, and the mode is as it was.
    RestoreFailed {
        /// What AWS said.
        because: String,
    },
    /// Nobody knows whether it was restored.
    RestoreUnsure {
        /// Why.
        because: String,
    },
}

/// An event with its time and its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The load balancer; none where it is about the change as a whole.
    pub balancer: Option<Arn>,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The journal could not be written or read; nothing more is sent.
#[derive(Debug, thiserror::Error)]
#[error("the change journal could not be {verb}: {problem}")]
pub struct JournalError {
    /// `read` or `written`.
    pub verb: &'static str,
    /// What went wrong, with the path.
    pub problem: String,
}

/// Remembers. The binary fulfils it with the ledger.
pub trait Journal {
    /// Appends an entry to a change; durable when it returns.
    fn write(&self, change: &str, entry: &Entry) -> Result<(), JournalError>;
}
