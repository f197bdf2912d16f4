//! The documents that commands print for programs.

use std::collections::BTreeMap;

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
    /// The advice, by load balancer: `account/region/app/name/id`.
    advice: BTreeMap<LoadBalancerKey, Advice>,
}

impl AdviceDocument {
    /// The document of some advice.
    pub fn new(advice: BTreeMap<LoadBalancerKey, Advice>) -> Self {
        Self { format: "advice-v1", advice }
    }
}
