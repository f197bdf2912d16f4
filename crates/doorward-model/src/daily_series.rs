//! Daily metrics, summed over the load balancers of an owner: the series that outlive CloudWatch's memory.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Arn;

/// The sums of one day over the load balancers of which every metric of the day was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaySum {
    /// The day, UTC.
    pub day: Date,
    /// Load balancers that were read. Zero: the sums are unknown.
    pub read: usize,
    /// Requests for which a target was chosen: the denominator.
    pub requests: u64,
    /// `DesyncMitigationMode_NonCompliant_Request_Count`.
    pub non_compliant: u64,
    /// Answers of 500 to 599 by targets.
    pub target_5xx: u64,
    /// Answers of 400 to 499 by targets.
    pub target_4xx: u64,
    /// Answers of 400 to 499 by load balancers.
    pub load_balancer_4xx: u64,
}

impl DaySum {
    /// A day of which nothing was read yet.
    pub const fn unread(day: Date) -> Self {
        Self { day, read: 0, requests: 0, non_compliant: 0, target_5xx: 0, target_4xx: 0, load_balancer_4xx: 0 }
    }
}

/// The sums of some load balancers, one for each day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SummedSeries {
    /// How many load balancers have a figure in the period: the denominator of [`DaySum::read`].
    pub load_balancers: usize,
    /// The days, oldest first.
    pub days: Vec<DaySum>,
}

/// The daily series of a ledger: of everything, and of each owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DailySeries {
    /// Of all load balancers.
    pub total: SummedSeries,
    /// By owner, as the newest scan shows it.
    pub owners: BTreeMap<String, SummedSeries>,
    /// Of each load balancer whose mode changed in the period.
    pub changed: BTreeMap<Arn, SummedSeries>,
}
