//! The documents that commands print for programs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::advice::Advice;
use crate::evidence::TrafficEvidence;
use crate::forecast::Forecast;
use crate::tally::LoadBalancerKey;

/// The document of `doorward traffic`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrafficDocument<'a> {
    /// `traffic-v1`.
    format: &'static str,
    /// The evidence.
    found: &'a TrafficEvidence,
    /// The forecast for each load balancer.
    forecasts: Vec<&'a Forecast>,
}

impl<'a> TrafficDocument<'a> {
    /// The document of some evidence.
    pub fn new(found: &'a TrafficEvidence, forecasts: Vec<&'a Forecast>) -> Self {
        Self { format: "traffic-v1", found, forecasts }
    }
}

/// The document of `doorward advise`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AdviceDocument {
    /// `advice-v1`.
    format: &'static str,
    /// When the scan read the modes, which may have changed since; absent without a scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    modes_read: Option<Timestamp>,
    /// The advice, by load balancer: `account/region/app/name/id`.
    advice: BTreeMap<LoadBalancerKey, Advice>,
}

impl AdviceDocument {
    /// The document of some advice, for modes that a scan read at a time.
    pub fn new(advice: BTreeMap<LoadBalancerKey, Advice>, modes_read: Option<Timestamp>) -> Self {
        Self { format: "advice-v1", modes_read, advice }
    }
}
