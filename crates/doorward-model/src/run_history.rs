//! What a report needs to know of earlier scans: the trend, the changes since the previous scan, and the changes of modes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, CoverageCounts, Mode, Severity};

/// A recorded scan that made an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedIn {
    /// The run's id.
    pub run: String,
    /// When it ended, UTC.
    pub at: Timestamp,
}

/// A mode that changed after one scan and no later than another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeTransition {
    /// The load balancer.
    pub load_balancer: Arn,
    /// The mode before; absent for the first observation, and where AWS returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Mode>,
    /// The mode after; absent where AWS returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Mode>,
    /// The last scan that read the mode before; absent for the first observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ObservedIn>,
    /// The first scan that read the mode after.
    pub after: ObservedIn,
}

/// The counts of one recorded scan: one point of a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunPoint {
    /// The run's id.
    pub run: String,
    /// When it ended, UTC.
    pub at: Timestamp,
    /// Account-Regions by what happened there.
    pub coverage: CoverageCounts,
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode could not be read.
    pub mode_unknown: usize,
    /// Failures by severity.
    pub open: BTreeMap<Severity, usize>,
    /// Failures under an exception.
    pub excepted: usize,
    /// Unknown verdicts.
    pub unknown: usize,
    /// Known from earlier scans and not observed by this one; absent in scans saved by a version that did not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<NotObserved>,
    /// How the policy was met; absent in scans recorded by a version that did not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyPoint>,
}

/// How the load balancers that one scan read met the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyPoint {
    /// Load balancers whose mode has an effect: the denominator of the next four.
    pub load_balancers: usize,
    /// Those whose mode is at least the required one.
    pub at_or_above_required: usize,
    /// Those for which this is not known.
    pub at_or_above_required_unknown: usize,
    /// Those that only the default of the policy decides on.
    pub by_default: usize,
    /// Those for which this is not known.
    pub by_default_unknown: usize,
    /// Open failures that have a deadline and a known begin: the denominator of `overdue`.
    pub with_deadline: usize,
    /// Those past their deadline.
    pub overdue: usize,
}

/// Load balancers and findings that are known from earlier scans and that a scan did not observe, in their last
/// known state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotObserved {
    /// Whether nothing was ever observed: then no count of the scan is a zero.
    pub everything: bool,
    /// Failures without an exception.
    pub failing: usize,
    /// Failures under an exception.
    pub excepted: usize,
    /// Load balancers whose mode matters.
    pub load_balancers: usize,
}

impl RunPoint {
    /// Load balancers whose mode matters: the denominator of a share of modes.
    pub fn mode_population(&self) -> usize {
        self.modes.values().sum::<usize>() + self.mode_unknown
    }

    /// Failures without informational ones.
    pub fn failing(&self) -> usize {
        self.open.iter().filter(|(severity, _)| **severity > Severity::Informational).map(|(_, count)| count).sum()
    }

    /// Failures as far as is known, including those that were only observed earlier; none where nothing was ever observed, which
    /// is not zero.
    pub fn failing_known(&self) -> Option<usize> {
        match &self.unseen {
            None => Some(self.failing()),
            Some(unseen) if unseen.everything => None,
            Some(unseen) => Some(self.failing() + unseen.failing),
        }
    }

    /// Load balancers whose mode matters that were known and not observed.
    pub fn load_balancers_unseen(&self) -> usize {
        self.unseen.as_ref().map_or(0, |unseen| unseen.load_balancers)
    }
}

/// The previous scan and the findings that changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousRun {
    /// The run's id.
    pub run: String,
    /// When it ended, UTC.
    pub at: Timestamp,
    /// The changes, by kind, then by account, Region, ARN and rule.
    pub changes: Vec<FindingChange>,
}

/// A finding whose state changed between two scans.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FindingChange {
    /// How it changed.
    pub kind: ChangeKind,
    /// The load balancer, which may have been deleted.
    pub load_balancer: Arn,
    /// The rule's id.
    pub rule: String,
}

/// How a finding changed, in the order in which reports list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Fails; no earlier run saw it fail.
    New,
    /// Fails again: passed or was resolved before, and failed before that.
    Regressed,
    /// Fails; was under an exception before.
    ExceptionEnded,
    /// Failed; not observed by the later scan, so its state is unknown.
    NowUnseen,
    /// Fails under an exception; without one before.
    Excepted,
    /// Failed; observed to pass.
    Fixed,
    /// Failed; the load balancer or its account is gone.
    Vanished,
}

impl ChangeKind {
    /// Every kind, in the order in which reports list it.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::Regressed,
        Self::ExceptionEnded,
        Self::NowUnseen,
        Self::Excepted,
        Self::Fixed,
        Self::Vanished,
    ];

    /// Whether a finding became open.
    pub const fn is_worse(self) -> bool {
        matches!(self, Self::New | Self::Regressed | Self::ExceptionEnded)
    }

    /// Whether an open finding was observed to end, or was permitted.
    pub const fn is_better(self) -> bool {
        matches!(self, Self::Excepted | Self::Fixed | Self::Vanished)
    }

    /// The change in words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regressed => "failing again",
            Self::ExceptionEnded => "exception ended",
            Self::NowUnseen => "not observed by this scan",
            Self::Excepted => "now under an exception",
            Self::Fixed => "fixed",
            Self::Vanished => "load balancer deleted",
        }
    }
}
