//! The journal of a change. Its order is the guarantee: a request is recorded before it is sent, and its result after the mode was read
//! again.

use doorward_model::Arn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SettingValue;

/// An event of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The plan of this digest was approved; applying begins or continues.
    Approved {
        /// The approver.
        by: String,
        /// The plan's digest.
        digest: String,
    },
    /// The change was refused; no request was sent.
    Refused {
        /// Why.
        because: String,
    },
    /// It was in the target mode already; no request was sent.
    Already,
    /// A request that sets the mode is about to be sent.
    Intended {
        /// The value that was just read: a rollback restores it.
        from: SettingValue,
        /// The value that is about to be set.
        to: SettingValue,
    },
    /// The mode was set, and read again.
    Changed {
        /// AWS's request id, if a response arrived.
        request_id: Option<String>,
    },
    /// AWS refused the request, and the mode is as before.
    Failed {
        /// AWS's error.
        because: String,
    },
    /// Whether the mode was set is unknown.
    Unsure {
        /// Why.
        because: String,
    },
    /// The mode was read again, and another party had set it.
    Overtaken {
        /// The mode that was read.
        found: String,
    },
    /// A wave was watched to the end, or until it was rolled back.
    Watched {
        /// The wave.
        wave: usize,
        /// The result, in a sentence.
        seen: String,
        /// Whether it allows the next wave.
        quiet: bool,
        /// The last change of the wave before the watch; none in journals of versions that did not record it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// The end of the watched time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A rollback begins or continues.
    RollbackBegan {
        /// Who requested it; `the watch` if metrics got worse.
        by: String,
        /// Why.
        because: String,
        /// The wave; none for all.
        wave: Option<usize>,
    },
    /// A request that restores the mode is about to be sent.
    Restoring {
        /// The value that is about to be set.
        to: SettingValue,
    },
    /// The mode was restored, and read again; or it was found restored.
    Restored {
        /// AWS's request id, if a request was sent and a response arrived.
        request_id: Option<String>,
    },
    /// It is not restored: another party has changed it since, or it no longer exists.
    RestoreRefused {
        /// The values that were read, as a sentence.
        because: String,
    },
    /// AWS refused the request to restore it, and the mode is as it was.
    RestoreFailed {
        /// AWS's error.
        because: String,
    },
    /// Whether it was restored is unknown.
    RestoreUnsure {
        /// Why.
        because: String,
    },
}

/// An event with its time and its load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntry {
    /// When.
    pub at: Timestamp,
    /// The load balancer; none for events of the whole change.
    pub load_balancer: Option<Arn>,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// The journal could not be written or read. No request is sent after that.
#[derive(Debug, thiserror::Error)]
#[error("the change journal could not be {verb}: {problem}")]
pub struct JournalError {
    /// `read` or `written`.
    pub verb: &'static str,
    /// The problem, with the path.
    pub problem: String,
}

/// Stores events. The program implements it with the ledger.
pub trait Journal {
    /// Appends an entry to the journal of a change; it is durable when this returns.
    ///
    /// # Errors
    /// The entry could not be stored.
    fn write(&self, change: &str, entry: &JournalEntry) -> Result<(), JournalError>;
}
