//! What reports show of earlier scans. It is saved with a scan, so that its reports do not change later.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AttributeChange, ModeTransition, PreviousRun, RunPoint};

/// How long findings take to be remediated, over everything that the ledger knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemediationFigures {
    /// Findings that were observed to be fixed.
    pub remediated: usize,
    /// The mean time from first seen to fixed, in seconds; absent where nothing was remediated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_seconds: Option<i64>,
    /// When the oldest open finding was first seen, UTC; absent where nothing is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_open: Option<Timestamp>,
}

/// The earlier scans of a ledger, as of one scan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryContext {
    /// The counts of each recorded scan, oldest first, this one included.
    pub trend: Vec<RunPoint>,
    /// The previous scan and what changed since; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PreviousRun>,
    /// The changes of modes since the first recorded scan, oldest first. Absent where no ledger was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<ModeTransition>>,
    /// Times to remediate. Absent where no ledger was kept, and in scans saved by a version that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<RemediationFigures>,
    /// Doorward's changes of other attributes than the mode, the oldest first. Absent where no ledger was kept, and in scans saved by a
    /// version that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_changes: Option<Vec<AttributeChange>>,
}
