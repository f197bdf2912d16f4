//! One verdict per rule and load balancer.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Arn, Gap, Kind, Region};

/// How much a failed rule matters, in Security Hub's five steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Informational,
    /// Should be mended when convenient.
    Low,
    /// Should be mended.
    Medium,
    /// Should be mended soon.
    High,
    /// Should be mended now.
    Critical,
}

impl Severity {
    /// The severity's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A rule's answer. Every answer says why, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Seen, and as required.
    Pass {
        /// What was seen.
        because: String,
    },
    /// Seen, and not as required.
    Fail {
        /// What was seen, and what is required.
        because: String,
        /// How much it matters here.
        severity: Severity,
        /// The next step for this load balancer.
        remedy: String,
    },
    /// Not as required, and somebody allowed it until a date.
    Excepted {
        /// What was seen, and what is required.
        because: String,
        /// How much it would matter without the exception.
        severity: Severity,
        /// The exception's id in the register.
        exception: String,
        /// The last day on which it holds, `YYYY-MM-DD`.
        expires: String,
    },
    /// Nobody could look, so nobody can say.
    Unknown {
        /// What could not be seen.
        because: String,
        /// Every gap that stands in the way.
        #[schemars(with = "Vec<Gap>")]
        gaps: Vec<Arc<Gap>>,
    },
    /// The question makes no sense for this load balancer.
    NotApplicable {
        /// Why not.
        because: String,
    },
    /// The run did not collect the evidence that the answer rests on, or not enough of it. Nothing was observed: what an
    /// earlier run saw is neither confirmed nor resolved.
    NotAsked {
        /// Which evidence is missing.
        because: String,
        /// How to collect it.
        remedy: String,
    },
}

/// A verdict without its particulars, for counting.
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
    /// The verdict without its particulars.
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

    /// The sentence that says why.
    pub fn because(&self) -> &str {
        match self {
            Self::Pass { because }
            | Self::Fail { because, .. }
            | Self::Excepted { because, .. }
            | Self::Unknown { because, .. }
            | Self::NotAsked { because, .. }
            | Self::NotApplicable { because } => because,
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

    /// An unknown verdict that rests on one gap.
    pub fn unread(what: impl fmt::Display, gap: &Arc<Gap>) -> Self {
        Self::Unknown { because: format!("{what} could not be read: {gap}."), gaps: vec![gap.clone()] }
    }
}

/// One verdict on one load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable for ever: made of partition, Region, account, rule and load balancer, of nothing else.
    pub id: String,
    /// The rule's id.
    pub rule: String,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The load balancer's name.
    pub name: String,
    /// The load balancer's kind.
    pub kind: Kind,
    /// The owner as people should read it.
    pub owner: String,
    /// The answer.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When what the verdict rests on was read, UTC: when the answer with the load balancer's attributes arrived; where they could
    /// not be read, when the reading of its account-Region began. Absent for what is declared and was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// What the ledger remembers of it; absent when no ledger was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// What the ledger remembers of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// When a scan first saw it fail; survives every later scan.
    pub first_seen: Timestamp,
    /// When a scan last saw it as it is now; earlier than this run where this run could not look.
    pub last_seen: Timestamp,
    /// When it was resolved, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// How often it came back after it had been resolved.
    pub reopened: u32,
}

impl Finding {
    /// Composes the stable id. The Region and account come from the ARN, so the same load balancer gives the same id
    /// whoever scans it.
    pub fn id_for(arn: &Arn, rule: &str) -> String {
        let resource = arn.resource().strip_prefix("loadbalancer/").unwrap_or(arn.resource());
        format!("doorward/{}/{}/{}/{rule}/{resource}", arn.partition(), arn.region(), arn.account())
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
