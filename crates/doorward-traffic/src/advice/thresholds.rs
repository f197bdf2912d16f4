//! What evidence has to be there before a mode is recommended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has to be there before anything is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Days with traffic that have to be observed, in a stretch without a gap. A week, so that every weekday is in it.
    pub minimum_days: f64,
    /// Fraction of the requests that CloudWatch counts which have to be in the logs, where both were read.
    pub minimum_logged_share: f64,
    /// Requests that it has to cover. With none blocked among 2,000, at most 1.5 in a thousand are.
    pub minimum_requests: u64,
    /// Fraction of requests that may be blocked although a target answered them well.
    pub tolerated_share: f64,
    /// At most so many sources are named to be fixed; where more are needed, raising is not the next step.
    pub maximum_sources: usize,
    /// Clients that must not be blocked at all: addresses, networks (`192.0.2.0/24`) or globs over user agents.
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
