//! The evidence of a forecast, in figures.

use doorward_model::ObservedTime;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// The kind of evidence of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// All logs of the window.
    FullLogs,
    /// All logs around the periods in which the metric counts requests that are not compliant, and the metrics' counts of all others.
    PeriodLogs,
    /// Logs of a part of the window, or some that could not be read or understood.
    PartialLogs,
    /// The metric only: the number of non-compliant requests, but not which.
    MetricOnly,
    /// Nothing.
    None,
}

impl Basis {
    /// Whether log lines were read, so that at least some clients are known.
    pub(crate) const fn names_some_clients(self) -> bool {
        matches!(self, Self::FullLogs | Self::PeriodLogs | Self::PartialLogs)
    }
}

/// Whether logs and metric agree on how many requests are not compliant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CrossCheck {
    /// They do: the logs hold all that the metric counts, and at most 5 requests or 2% more.
    Agrees {
        /// As logged.
        logs: u64,
        /// As the metric counts.
        metric: u64,
    },
    /// They do not. Logs are best effort: if they have fewer requests, the forecast is too low.
    Differs {
        /// As logged.
        logs: u64,
        /// As the metric counts.
        metric: u64,
    },
    /// One of them is missing: which, and why.
    NotPossible(String),
}

/// The evidence of a forecast, in figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForecastEvidence {
    /// The kind.
    pub basis: Basis,
    /// The window, not before the load balancer was created; none without evidence.
    pub window: Option<Window>,
    /// The observed part of the window; none without evidence.
    pub observed: Option<ObservedTime>,
    /// Requests that are not compliant and that CloudWatch counts in hours without log lines. Nothing is known of who sent them.
    pub unlogged: u64,
    /// Why the number of all requests is unknown, if it depends on a CloudWatch metric that could not be read.
    pub uncounted: Option<String>,
    /// Lines that were understood.
    pub lines: u64,
    /// Lines too old to carry a classification. In no share.
    pub absent: u64,
    /// Requests rejected before classification, in any mode. In no share.
    pub rejected: u64,
    /// When the mode was last changed, if that lies after the beginning of the window.
    pub changed: Option<Timestamp>,
    /// Lines that could not be understood. In no share.
    pub unparsed: u64,
    /// Requests of a tier that this version does not know. Counted as blocked by defensive and strictest, to be safe.
    pub unknown_tier: u64,
    /// Logs against the metric.
    pub cross_check: CrossCheck,
    /// The protected clients that each line was compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// Whether addresses were saved without their host part.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Why lines are no evidence or not all of it, besides files that cannot be read. Clauses without a full stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}
