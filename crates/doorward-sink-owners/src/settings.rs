//! `[owners]`: the summaries per owner.

use std::collections::BTreeMap;
use std::path::PathBuf;

use doorward_model::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The summaries per owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnersSettings {
    /// Tag keys that name a cost centre, in order: of the load balancer, then of its account.
    pub cost_centre_tags: Vec<String>,
    /// How many days before its end an exception is something for this week.
    pub due_days: u32,
    /// The contact for questions about the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// The contact of each account.
    #[serde(default)]
    pub contacts: BTreeMap<AccountId, String>,
    /// A folder with templates that go before the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates_dir: Option<PathBuf>,
}
