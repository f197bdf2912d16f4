//! `[cost]`: where prices come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Costs of load balancers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostSettings {
    /// Whether list prices give the cost of load balancers that no export has.
    pub list_prices: bool,
    /// A file with list prices, instead of the built-in table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_file: Option<PathBuf>,
    /// A billing export (FOCUS 1.x or CUR 2.0, CSV, also compressed with gzip); `--cost` comes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<PathBuf>,
}
