//! What a plan aims at, and what people override in it.

use doorward_model::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The target mode of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The mode that policy requires of each.
    Required,
    /// One mode for all.
    Mode(Mode),
    /// The mode that the traffic of each load balancer supports now.
    Advice,
    /// Header fields with invalid names are removed.
    DropInvalidHeaders,
}

impl Goal {
    /// The rule that judges the attribute to change.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::DropInvalidHeaders => super::HEADERS_RULE,
            Self::Required | Self::Mode(_) | Self::Advice => super::RULE,
        }
    }
}

/// Decisions of people that override a guard for one load balancer. Each is a reason, and is recorded in the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Insistence {
    /// Why it is changed without the evidence that a change requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_evidence: Option<String>,
    /// Why it is changed directly although something manages it, which may change it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_manager: Option<String>,
}

impl Insistence {
    pub(super) fn is_empty(&self) -> bool {
        self.without_evidence.is_none() && self.over_manager.is_none()
    }
}
