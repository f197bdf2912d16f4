//! The settings of a scan as a whole.

use std::time::Duration;

use doorward_aws::settings::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scan as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanSettings {
    /// How long a scan may take; what is not read by then is listed with the reason `scan-deadline`.
    pub deadline: Span,
    /// The maximum age of a reading that `--resume` keeps; by default the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_within: Option<Span>,
}

impl ScanSettings {
    /// The maximum age of a reading that a resumed scan keeps.
    pub fn resume_within(&self) -> Duration {
        self.resume_within.unwrap_or(self.deadline).0
    }
}
