//! The settings of changes: by which role, and what the crate of changes asks for.

use doorward_change::ChangeSettings as Manner;
use doorward_core::access::{Purpose, RoleName};
use doorward_core::actions::change_role_actions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[change]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ChangeSettings {
    /// The role to assume in the accounts of the load balancers; never the scan's, which cannot write.
    pub(crate) role_name: RoleName,
    /// The external id that its trust policy asks for; by default the scan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<String>,
    /// In what portions and when, and what counts as a regression.
    #[serde(flatten)]
    pub(crate) manner: Manner,
}

impl ChangeSettings {
    /// What sessions are for: reading attributes of a load balancer and setting them, and nothing else.
    pub(super) fn purpose(&self) -> Purpose {
        Purpose {
            role_name: self.role_name.clone(),
            external_id: self.external_id.clone(),
            actions: change_role_actions(),
        }
    }
}
