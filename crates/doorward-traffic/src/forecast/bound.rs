//! Upper bounds of a forecast: how often a client would be blocked, and of what that is a fraction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::binomial::upper_95;

/// What the fraction of an [`UpperBound`] is of. Requests of one client are not independent of each other, so no bound is of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoundUnit {
    /// Client-days: an address with requests on a day.
    ClientDays,
    /// Hours with traffic, where CloudWatch alone was read, which knows no clients.
    HoursWithTraffic,
}

impl BoundUnit {
    /// As text after a percentage.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientDays => "client-days",
            Self::HoursWithTraffic => "hours with traffic",
        }
    }
}

/// An upper bound at 95% confidence, for days that are like those seen. Clients that sent nothing in the window are in no bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpperBound {
    /// The largest fraction.
    pub fraction: f64,
    /// How many were seen, at least.
    pub among: u64,
    /// Of what.
    pub unit: BoundUnit,
}

impl UpperBound {
    /// The bound after so many were seen among so many.
    pub(super) fn of(seen: u64, among: u64, unit: BoundUnit) -> Option<Self> {
        let among = among.max(seen);
        Some(Self { fraction: upper_95(seen, among)?, among, unit })
    }
}
