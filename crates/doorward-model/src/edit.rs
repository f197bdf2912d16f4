//! The author of a mode, from the CloudTrail event of the call.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

/// The call that set the current mode of a load balancer. Every field but `left` comes from the event; its texts are external
/// text, truncated when the event was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// CloudTrail's id of the event.
    pub event: String,
    /// The call: `ModifyLoadBalancerAttributes`, `CreateLoadBalancer`.
    pub call: String,
    /// When it was made, UTC.
    pub at: Timestamp,
    /// Who made it: the ARN of the identity, or its substitute in the event.
    pub by: String,
    /// The role or user behind a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The AWS service that made the call on behalf of the identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The source of the call: an address, or the name of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The user agent of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// AWS's request id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The Doorward change that made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The mode that was read after the call.
    pub left: Mode,
}

impl fmt::Display for Edit {
    /// `set to monitor by arn:aws:iam::111122223333:user/ada at 2026-11-02T09:00:00Z`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.call == "CreateLoadBalancer" { "created in" } else { "set to" };
        match &self.change {
            Some(change) => write!(f, "{verb} {} by Doorward's change {change} at {:.0}", self.left, self.at),
            None => write!(f, "{verb} {} by {} at {:.0}", self.left, self.by, self.at),
        }
    }
}
