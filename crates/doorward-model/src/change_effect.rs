//! The metrics of a load balancer before and after its mode changed.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, Mode};

/// Sums over a window of whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DailySums {
    /// The first day, UTC.
    pub from: Date,
    /// The last day, UTC; included.
    pub until: Date,
    /// Requests for which a target was chosen: the denominator. Blocked requests are not in it.
    pub requests: u64,
    /// `DesyncMitigationMode_NonCompliant_Request_Count`.
    pub non_compliant: u64,
    /// Answers of 500 to 599 by targets.
    pub target_5xx: u64,
    /// Answers of 400 to 499 by targets.
    pub target_4xx: u64,
    /// Answers of 400 to 499 by the load balancer itself; blocked requests are among them.
    pub load_balancer_4xx: u64,
}

/// Whether a change blocked legitimate traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedLegitimate {
    /// A metric rose beyond its usual variation after the change.
    Yes,
    /// Every metric is within its usual variation.
    No,
    /// Too little was read to know.
    Unknown,
}

impl BlockedLegitimate {
    /// The word of outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// The effect of a mode change on the daily metrics in the ledger, over the same number of days and the same
/// weekdays before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeEffect {
    /// The load balancer.
    pub load_balancer: Arn,
    /// The change's id, if Doorward made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The mode before.
    pub from: Mode,
    /// The mode after.
    pub to: Mode,
    /// The mode changed after this time: the last reading of the mode before, or the time of the call where it is known.
    pub not_before: Timestamp,
    /// And no later than this.
    pub not_after: Timestamp,
    /// How many days each side has.
    pub days: u32,
    /// The days before; absent where any of them was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DailySums>,
    /// The days after; absent where any of them was not read, or is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DailySums>,
    /// Why a side is absent, as one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// Whether it blocked legitimate traffic, by the statistics of the watch.
    pub blocked_legitimate: BlockedLegitimate,
    /// Why, as one sentence.
    pub because: String,
}
