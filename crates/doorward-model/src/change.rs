//! What was done to a load balancer's mode by Doorward, as the change journal tells it: the part that reports and rules need.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

/// Where one load balancer stands in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeStatus {
    /// It was about to be changed, and nobody knows yet whether it was.
    Unsure,
    /// It was changed, and read again afterwards.
    Changed,
    /// It was in the wanted mode already; nothing was sent.
    Already,
    /// Nothing was sent: it was not as planned, could not be read, or its time had not come.
    Refused,
    /// The change was sent and did not take effect.
    Failed,
    /// Somebody else changed it while it was being changed.
    Overtaken,
    /// It is back in the mode it was in before the change.
    Restored,
    /// It was to be restored and was left alone, because somebody else has changed it since or it is gone.
    RestoreRefused,
    /// It was to be restored, and was not, or nobody knows.
    RestoreFailed,
}

impl ChangeStatus {
    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unsure => "unknown whether it was changed",
            Self::Changed => "changed",
            Self::Already => "already as wanted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Overtaken => "changed by somebody else meanwhile",
            Self::Restored => "rolled back",
            Self::RestoreRefused => "not rolled back: refused",
            Self::RestoreFailed => "not rolled back: failed",
        }
    }

    /// Whether it ended as it was meant to.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Changed | Self::Already | Self::Restored)
    }
}

impl fmt::Display for ChangeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// One load balancer in one change. Texts come from people and from AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedChange {
    /// The change's id.
    pub change: String,
    /// When it came to stand where it stands.
    pub at: Timestamp,
    /// The mode it was planned to leave.
    pub from: Mode,
    /// The mode it was planned to enter.
    pub to: Mode,
    /// Where it stands.
    pub status: ChangeStatus,
    /// Who approved the change, or its roll-back.
    pub by: String,
    /// Why the plan wanted it.
    pub why: String,
    /// What happened, in a sentence: what was refused or failed, and why; empty where the status says it all.
    pub detail: String,
    /// AWS's request id of the last call that set something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
