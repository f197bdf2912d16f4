//! Daily metrics of CloudWatch in the ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Daily metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MetricsSettings {
    /// How many days before today `doorward metrics collect` reads at most; CloudWatch keeps 455.
    pub(crate) days: u32,
    /// How many days without traffic make a load balancer idle.
    pub(crate) idle_days: u32,
}

impl MetricsSettings {
    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        if !(1..=450).contains(&self.days) {
            return Some((
                "metrics.days",
                format!("{} is not between 1 and 450; CloudWatch keeps daily metrics for 455 days", self.days),
            ));
        }
        if !(7..=450).contains(&self.idle_days) {
            let problem = format!(
                "{} is not between 7 and 450; fewer days without traffic do not show that it is idle",
                self.idle_days
            );
            return Some(("metrics.idle_days", problem));
        }
        None
    }
}
