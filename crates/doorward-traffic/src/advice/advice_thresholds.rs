//! The evidence that a recommendation requires.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The evidence that a recommendation requires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Days with traffic to observe, without a gap between them. By default a week, so that every weekday is included.
    pub minimum_days: f64,
    /// Fraction of the requests that CloudWatch counts that the logs have to contain, if both were read.
    pub minimum_logged_share: f64,
    /// Requests to observe. If none of 2,000 would be blocked, the rate is at most 1.5 in a thousand at 95% confidence.
    pub minimum_requests: u64,
    /// Fraction of requests that may be blocked although a target served them.
    pub tolerated_share: f64,
    /// Most sources to fix; if more would have to be fixed, the mode is kept.
    pub maximum_sources: usize,
    /// Clients that must not be blocked: addresses, networks (`192.0.2.0/24`) or globs over user agents.
    pub protected_clients: Vec<String>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            minimum_days: 7.0,
            minimum_logged_share: 0.95,
            minimum_requests: 2_000,
            tolerated_share: 0.0,
            maximum_sources: 5,
            protected_clients: Vec::new(),
        }
    }
}
