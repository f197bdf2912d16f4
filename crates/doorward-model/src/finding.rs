//! One verdict per rule and load balancer.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Arn, Deadline, Gap, Kind, Region, Severity, SharedText, VerdictReason};

/// The answer of a rule. Each has a reason: a stable code for programs and one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Observed, and as required.
    Pass {
        /// The code of the reason.
        reason: VerdictReason,
        /// The observation, as a sentence.
        because: String,
    },
    /// Observed, and not as required.
    Fail {
        /// The code of the reason.
        reason: VerdictReason,
        /// The observation and the requirement, as a sentence.
        because: String,
        /// The severity for this load balancer.
        severity: Severity,
        /// The next step for this load balancer.
        remedy: String,
    },
    /// Not as required, and permitted by an exception until a date.
    Excepted {
        /// The code of the reason.
        reason: VerdictReason,
        /// The observation and the requirement, as a sentence.
        because: String,
        /// The severity of the failure without the exception.
        severity: Severity,
        /// The exception's id in the register.
        exception: String,
        /// The last day on which it is in force, `YYYY-MM-DD`.
        expires: String,
    },
    /// A value that the verdict depends on could not be read.
    Unknown {
        /// The code of the reason.
        reason: VerdictReason,
        /// The values that could not be read, as a sentence.
        because: String,
        /// Every gap that the verdict depends on.
        #[schemars(with = "Vec<Gap>")]
        gaps: Vec<Arc<Gap>>,
    },
    /// The rule does not apply to this load balancer.
    NotApplicable {
        /// The code of the reason.
        reason: VerdictReason,
        /// Why it does not apply.
        because: String,
    },
    /// The run did not collect the evidence that the verdict depends on, or not enough of it. Nothing was observed: an
    /// earlier observation is neither confirmed nor resolved.
    NotAsked {
        /// The code of the reason.
        reason: VerdictReason,
        /// Which evidence is missing.
        because: String,
        /// How to collect it.
        remedy: String,
    },
}

/// The kind of a verdict, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// See [`Verdict::Fail`].
    Fail,
    /// See [`Verdict::Unknown`].
    Unknown,
    /// See [`Verdict::Excepted`].
    Excepted,
    /// See [`Verdict::Pass`].
    Pass,
    /// See [`Verdict::NotApplicable`].
    NotApplicable,
    /// See [`Verdict::NotAsked`].
    NotAsked,
}

impl VerdictKind {
    /// Every kind, in the order in which outputs count them.
    pub const ALL: [Self; 6] =
        [Self::Fail, Self::Unknown, Self::Excepted, Self::Pass, Self::NotApplicable, Self::NotAsked];
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Excepted => "excepted",
            Self::Pass => "pass",
            Self::NotApplicable => "not applicable",
            Self::NotAsked => "not asked",
        })
    }
}

impl Verdict {
    /// The kind of the verdict.
    pub const fn kind(&self) -> VerdictKind {
        match self {
            Self::Pass { .. } => VerdictKind::Pass,
            Self::Fail { .. } => VerdictKind::Fail,
            Self::Excepted { .. } => VerdictKind::Excepted,
            Self::Unknown { .. } => VerdictKind::Unknown,
            Self::NotApplicable { .. } => VerdictKind::NotApplicable,
            Self::NotAsked { .. } => VerdictKind::NotAsked,
        }
    }

    /// The reason as one sentence, for people.
    pub fn because(&self) -> &str {
        match self {
            Self::Pass { because, .. }
            | Self::Fail { because, .. }
            | Self::Excepted { because, .. }
            | Self::Unknown { because, .. }
            | Self::NotAsked { because, .. }
            | Self::NotApplicable { because, .. } => because,
        }
    }

    /// The reason as a stable code, for programs.
    pub const fn reason(&self) -> VerdictReason {
        match self {
            Self::Pass { reason, .. }
            | Self::Fail { reason, .. }
            | Self::Excepted { reason, .. }
            | Self::Unknown { reason, .. }
            | Self::NotAsked { reason, .. }
            | Self::NotApplicable { reason, .. } => *reason,
        }
    }

    /// Whether the run observed anything: only such a verdict may open, resolve or archive anything.
    pub const fn is_observed(&self) -> bool {
        match self {
            Self::Pass { .. } | Self::Fail { .. } | Self::Excepted { .. } | Self::NotApplicable { .. } => true,
            Self::Unknown { .. } | Self::NotAsked { .. } => false,
        }
    }

    /// The severity of a failure; none for everything else.
    pub const fn severity(&self) -> Option<Severity> {
        match self {
            Self::Fail { severity, .. } => Some(*severity),
            _ => None,
        }
    }

    /// The unknown verdict for one gap; `what` begins its sentence.
    pub fn unread(reason: VerdictReason, what: impl fmt::Display, gap: &Arc<Gap>) -> Self {
        Self::Unknown { reason, because: format!("{what} could not be read: {gap}."), gaps: vec![gap.clone()] }
    }
}

/// One verdict on one load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The stable id. It depends on partition, Region, account, rule and load balancer only.
    pub id: String,
    /// The rule's id.
    pub rule: SharedText,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The load balancer's name.
    pub name: SharedText,
    /// The load balancer's kind.
    pub kind: Kind,
    /// The owner as displayed; see [`LoadBalancer::owner_label`](crate::LoadBalancer::owner_label).
    pub owner: SharedText,
    /// The answer; shared with other load balancers that have the same.
    #[serde(flatten)]
    #[schemars(with = "Verdict")]
    pub verdict: Arc<Verdict>,
    /// When the observation was made, UTC: when the response with the load balancer's attributes arrived or, where they could not
    /// be read, when reading the account-Region began. Absent for a declared load balancer that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// The history in the ledger; absent without a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Box<History>>,
    /// The deadline of an open failure; absent where the policy has none for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Box<Deadline>>,
}

/// The history of a finding in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// When a scan first observed the failure; later scans keep it.
    pub first_seen: Timestamp,
    /// When a scan last observed the current verdict; earlier than this run where this run could not read it.
    pub last_seen: Timestamp,
    /// When it was resolved; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// How many times it failed again after it was resolved.
    pub reopened: u32,
    /// How long it was observed to fail; absent while it does not fail, and in scans saved by a version that did not count it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingTime>,
}

/// How long the current failure was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailingTime {
    /// When a scan first observed the current failure, UTC.
    pub opened: Timestamp,
    /// Seconds between observations that saw it fail, without those under an exception: those of which is proven that it failed.
    pub observed_seconds: u64,
    /// Seconds under an exception.
    pub excepted_seconds: u64,
}

impl History {
    /// When a scan first observed the current failure, UTC: not an earlier one that was resolved. Absent where that was not counted.
    pub fn open_since(&self) -> Option<Timestamp> {
        match &self.failing {
            Some(failing) => Some(failing.opened),
            None => (self.reopened == 0).then_some(self.first_seen),
        }
    }
}

impl Finding {
    /// Whether it is past its deadline.
    pub fn is_overdue(&self) -> bool {
        self.deadline.as_deref().is_some_and(Deadline::is_overdue)
    }

    /// The same with this history, by which its deadline is known.
    #[must_use]
    pub fn with_history(self, history: Option<History>) -> Self {
        let failing = history.as_ref().and_then(|history| Some((history.failing.as_ref()?, history.last_seen)));
        let at = failing.map_or(Timestamp::UNIX_EPOCH, |(_, at)| at);
        let deadline = self.deadline.map(|deadline| Box::new(deadline.after(failing.map(|(failing, _)| failing), at)));
        Self { history: history.map(Box::new), deadline, ..self }
    }

    /// The stable id. The Region and account come from the ARN, so that the same load balancer always has the same id.
    pub fn id_for(arn: &Arn, rule: &str) -> String {
        let resource = arn.resource().strip_prefix("loadbalancer/").unwrap_or(arn.resource());
        // In memory as long as it is, because there is one for each rule and load balancer.
        ["doorward", arn.partition(), arn.region(), arn.account(), rule, resource].join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_what_never_changes() {
        let arn = Arn::new("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188")
            .expect("valid");
        assert_eq!(
            Finding::id_for(&arn, "desync-mode-below-required"),
            "doorward/aws/eu-west-1/111122223333/desync-mode-below-required/app/web/50dc6c495c0c9188"
        );
    }
}
