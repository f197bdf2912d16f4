//! Traffic evidence of a load balancer and the advice from it: the part that reports and rules need.
//!
//! Counts are whole numbers, and a share consists of its two counts, so that a percentage always has its denominator.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

mod observed_time;

pub use observed_time::{ObservedFiles, ObservedTime, TrafficGap};

/// The basis of traffic evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficBasis {
    /// All logs of the window.
    FullLogs,
    /// All logs around the periods in which CloudWatch counts requests that are not compliant, and CloudWatch's counts of all others.
    PeriodLogs,
    /// Logs of a part of the window, or logs of which some could not be read or parsed.
    PartialLogs,
    /// CloudWatch's metric only: how many requests are not compliant, but not which.
    MetricOnly,
    /// No evidence.
    None,
}

impl TrafficBasis {
    /// The displayed text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FullLogs => "access logs",
            Self::PeriodLogs => "CloudWatch, and access logs of the periods with non-compliant requests",
            Self::PartialLogs => "access logs that are not complete",
            Self::MetricOnly => "CloudWatch's metrics alone",
            Self::None => "nothing",
        }
    }

    /// Whether every request that is not compliant was read from a log line, so that its client is known.
    pub const fn names_clients(self) -> bool {
        matches!(self, Self::FullLogs | Self::PeriodLogs)
    }
}

/// The effect of a mode on the observed requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeEffect {
    /// The mode.
    pub mode: Mode,
    /// Requests it would have answered with 400.
    pub blocked: u64,
    /// Requests it would have forwarded, and then closed the connections of.
    pub closed: u64,
    /// Of the blocked requests, those that a target answered with a status below 400; none if that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hurt: Option<u64>,
    /// The upper bound, at 95% confidence, of client-days (an address on a day) with a blocked request of a client that is served, or may be,
    /// per million; rounded up. Where CloudWatch alone was read, of hours with traffic. Clients that sent nothing are in no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hurt_per_million: Option<u64>,
}

/// The advised step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficStep {
    /// Raise the mode now.
    Raise,
    /// Fix the named sources, then raise it.
    FixAndRaise,
    /// Keep the mode.
    Keep,
    /// The mode is strictest, and clients are blocked: check whether they are legitimate.
    Watch,
    /// The evidence is not sufficient.
    NotEnoughEvidence,
}

impl TrafficStep {
    /// The displayed text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Raise => "raise now",
            Self::FixAndRaise => "fix these sources, then raise",
            Self::Keep => "keep",
            Self::Watch => "keep, and check the blocked clients",
            Self::NotEnoughEvidence => "not enough evidence",
        }
    }
}

/// A client that sends requests which a mode would block. Its texts are external text from logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficSource {
    /// Its address.
    pub address: String,
    /// Its user agent.
    pub agent: String,
    /// AWS's classification.
    pub tier: String,
    /// AWS's reason code.
    pub reason: String,
    /// Its requests, at least.
    pub requests: u64,
    /// Those of them that a target answered with a status below 400, at least.
    pub served: u64,
    /// The fix; none for a reason code that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Whether the settings protect it from being blocked.
    pub protected: bool,
}

/// The traffic of one load balancer over one window, with the advice that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// The basis of the evidence.
    pub basis: TrafficBasis,
    /// The first instant of the window, not before the load balancer was created; none where there is no evidence.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
    /// The days and hours of the window in which traffic was observed. Absent where there is no evidence, and in documents of
    /// versions that took the window that was asked for as evidence: these advise nothing, see [`Traffic::advised`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedTime>,
    /// The denominator of every count in `tiers` and `modes`.
    pub requests: u64,
    /// The name of the denominator.
    pub denominator: String,
    /// Requests by AWS's classification, from logs; including compliant ones.
    pub tiers: BTreeMap<String, u64>,
    /// The effect of each mode, where it is known.
    pub modes: Vec<ModeEffect>,
    /// Whether logs and CloudWatch agree, as a sentence.
    pub cross_check: String,
    /// The mode after the step; none if that is unknown.
    pub recommended: Option<Mode>,
    /// The advised step.
    pub step: TrafficStep,
    /// The reasons, as sentences; if the evidence is not sufficient, what is missing.
    pub because: Vec<String>,
    /// The clients to fix or to check, the most affected first.
    pub sources: Vec<TrafficSource>,
}

impl Traffic {
    /// The advised step and the mode after it, if the observed days are known. Without them the window may not have been observed,
    /// so there is no advice.
    pub fn advised(&self) -> (TrafficStep, Option<Mode>) {
        match self.observed {
            Some(_) => (self.step, self.recommended),
            None => (TrafficStep::NotEnoughEvidence, None),
        }
    }

    /// The advice as displayed: `raise now: strictest`.
    pub fn advice(&self) -> String {
        match self.advised() {
            (step, Some(mode)) => format!("{}: {mode}", step.label()),
            (step, None) => step.label().to_owned(),
        }
    }

    /// The advice beside a fix that sets the mode `due`: the fix comes first, and what the traffic supports beyond it is the step after,
    /// so that one load balancer never has two target modes.
    pub fn advice_towards(&self, due: Option<Mode>) -> String {
        match (due, self.advised()) {
            (Some(due), (step, Some(mode))) if mode > due => {
                let when = if step == TrafficStep::FixAndRaise { ", once these sources are fixed" } else { "" };
                format!("first {due}, as required; then {mode}{when}")
            }
            _ => self.advice(),
        }
    }

    /// The basis and the observed part of the window: `access logs: 13 of 14 days, 98.2% of requests`.
    pub fn evidence(&self) -> String {
        match &self.observed {
            Some(observed) => format!("{}: {}", self.basis.label(), observed.summary()),
            None if self.basis == TrafficBasis::None => self.basis.label().to_owned(),
            None => format!("{}; the observed days were not recorded", self.basis.label()),
        }
    }

    /// The effect of a mode, if it is known.
    pub fn effect(&self, mode: Mode) -> Option<&ModeEffect> {
        self.modes.iter().find(|effect| effect.mode == mode)
    }
}
