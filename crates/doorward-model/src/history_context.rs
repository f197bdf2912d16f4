//! What reports tell of earlier scans. It is saved with a scan, so that its reports do not change later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ModeTransition, PreviousRun, RunPoint};

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
}
