//! Doorward's changes of a mode, from the change journal: the part that reports and rules need.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, Mode};

/// The status of one load balancer in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeStatus {
    /// The change was about to be sent; whether it took effect is unknown.
    Unsure,
    /// It was changed, and a later read confirmed it.
    Changed,
    /// It already was in the target mode; nothing was sent.
    Already,
    /// Nothing was sent: its state differed from the plan, it could not be read, or a change was not allowed at that time.
    Refused,
    /// The change was sent and did not take effect.
    Failed,
    /// Another party changed it during the change.
    Overtaken,
    /// It was restored to the mode before the change.
    Restored,
    /// It was not restored, because another party has changed it since, or it was deleted.
    RestoreRefused,
    /// Restoring it failed, or the result is unknown.
    RestoreFailed,
}

impl ChangeStatus {
    /// The status as displayed.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unsure => "unknown whether it was changed",
            Self::Changed => "changed",
            Self::Already => "already in the target mode",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Overtaken => "changed by another party during the change",
            Self::Restored => "rolled back",
            Self::RestoreRefused => "not rolled back: refused",
            Self::RestoreFailed => "not rolled back: failed",
        }
    }

    /// Whether it ended as intended.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Changed | Self::Already | Self::Restored)
    }
}

impl fmt::Display for ChangeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// One load balancer in one change. Texts are external: people and AWS wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedChange {
    /// The change's id.
    pub change: String,
    /// When it got its status.
    pub at: Timestamp,
    /// The mode before the change, by the plan.
    pub from: Mode,
    /// The target mode, by the plan.
    pub to: Mode,
    /// The status.
    pub status: ChangeStatus,
    /// Who approved the change, or its rollback.
    pub by: String,
    /// The reason in the plan.
    pub why: String,
    /// The refusal or failure and its reason, as one sentence; empty if the status needs no explanation.
    pub detail: String,
    /// AWS's request id of the last call that set something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One load balancer in one change of another attribute than the mode. Texts are external: people and AWS wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeChange {
    /// The load balancer.
    pub load_balancer: Arn,
    /// The attribute, under AWS's key.
    pub attribute: String,
    /// The change's id.
    pub change: String,
    /// When it got its status.
    pub at: Timestamp,
    /// The value before the change, by the plan, as AWS spells it.
    pub from: String,
    /// The target value, by the plan, as AWS spells it.
    pub to: String,
    /// The status.
    pub status: ChangeStatus,
    /// The person who approved the change, or its rollback.
    pub by: String,
    /// The reason in the plan.
    pub why: String,
    /// The refusal or failure and its reason, as one sentence; empty if the status needs no explanation.
    pub detail: String,
    /// AWS's request id of the last call that set something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
