//! What the requests of a load balancer said, and what follows from it: the part that reports and rules need.
//!
//! Counts are whole numbers, and a share is told by its two counts: a percentage without its denominator cannot be made of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

mod observed_time;

pub use observed_time::{ObservedTime, TrafficGap};

/// What traffic evidence stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficBasis {
    /// All logs that there are of the window.
    FullLogs,
    /// All logs around the periods in which CloudWatch counts requests that are not compliant, and CloudWatch's counts of all others.
    PeriodLogs,
    /// Logs of a part of the window, or some that could not be read or understood.
    PartialLogs,
    /// CloudWatch's metric only: how many requests are not compliant, but not which.
    MetricOnly,
    /// Nothing.
    None,
}

impl TrafficBasis {
    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FullLogs => "access logs",
            Self::PeriodLogs => "CloudWatch, and access logs of the periods with non-compliant requests",
            Self::PartialLogs => "access logs that are not complete",
            Self::MetricOnly => "CloudWatch's metrics alone",
            Self::None => "nothing",
        }
    }

    /// Whether every request that is not compliant was seen in a log line, so that it is known who sent it.
    pub const fn names_clients(self) -> bool {
        matches!(self, Self::FullLogs | Self::PeriodLogs)
    }
}

/// What a mode would have done with the requests that were seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeEffect {
    /// The mode.
    pub mode: Mode,
    /// Requests it would have answered with 400.
    pub blocked: u64,
    /// Requests it would have forwarded, and then closed the connections of.
    pub closed: u64,
    /// Of the blocked, those that a target answered with a status below 400; none where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hurt: Option<u64>,
    /// At 95 % confidence, at most so many of a million requests would be users who are blocked; rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hurt_per_million: Option<u64>,
}

/// What to do about the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficStep {
    /// Raise the mode now.
    Raise,
    /// Fix the named sources, then raise it.
    FixAndRaise,
    /// Leave it.
    Keep,
    /// It is strictest, and clients are blocked: see whether they are legitimate.
    Watch,
    /// Nobody can say yet.
    NotEnoughEvidence,
}

impl TrafficStep {
    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Raise => "raise now",
            Self::FixAndRaise => "fix these sources, then raise",
            Self::Keep => "keep",
            Self::Watch => "keep, and look at who is blocked",
            Self::NotEnoughEvidence => "not enough evidence",
        }
    }
}

/// A client that sends requests a mode would block. Its texts come from logs.
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
    /// What ends it; none for a reason code that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Whether settings protect it.
    pub protected: bool,
}

/// The traffic of one load balancer over one window, with the advice that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// What it stands on.
    pub basis: TrafficBasis,
    /// The first instant of the window, not before the load balancer was created and not before the first log file; none where there
    /// is no evidence.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
    /// The days and hours of the window in which traffic was observed. Absent where there is no evidence, and in documents of
    /// versions that took the window that was asked for as evidence: these advise nothing, see [`Traffic::advised`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedTime>,
    /// The denominator of every count in `tiers` and `modes`.
    pub requests: u64,
    /// What the denominator counts.
    pub denominator: String,
    /// Requests by AWS's classification, where logs told; compliant ones among them.
    pub tiers: BTreeMap<String, u64>,
    /// What each mode would have done, where that can be said.
    pub modes: Vec<ModeEffect>,
    /// Whether logs and CloudWatch agree, in a sentence.
    pub cross_check: String,
    /// The mode to be in after the step; none where nobody can say.
    pub recommended: Option<Mode>,
    /// What to do.
    pub step: TrafficStep,
    /// Why, in sentences; what is missing, where the evidence is not enough.
    pub because: Vec<String>,
    /// Whom to fix or to look at, the ones hurt most first.
    pub sources: Vec<TrafficSource>,
}

impl Traffic {
    /// What to do and the mode after it, by evidence of which the observed days are known. Without them the window may be one that was
    /// only asked for, and nothing follows from it.
    pub fn advised(&self) -> (TrafficStep, Option<Mode>) {
        match self.observed {
            Some(_) => (self.step, self.recommended),
            None => (TrafficStep::NotEnoughEvidence, None),
        }
    }

    /// What to do, as people read it: `raise now: strictest`.
    pub fn advice(&self) -> String {
        match self.advised() {
            (step, Some(mode)) => format!("{}: {mode}", step.label()),
            (step, None) => step.label().to_owned(),
        }
    }

    /// What it stands on and how much of the window was observed: `access logs: 13 of 14 days, 98.2% of requests`.
    pub fn evidence(&self) -> String {
        match &self.observed {
            Some(observed) => format!("{}: {}", self.basis.label(), observed.summary()),
            None if self.basis == TrafficBasis::None => self.basis.label().to_owned(),
            None => format!("{}; the observed days were not recorded", self.basis.label()),
        }
    }

    /// What a mode would have done, where that can be said.
    pub fn effect(&self, mode: Mode) -> Option<&ModeEffect> {
        self.modes.iter().find(|effect| effect.mode == mode)
    }
}
