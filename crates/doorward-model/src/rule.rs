//! The contract of a rule: one question about one load balancer.

use std::fmt;

use crate::{LoadBalancer, Policy, Reachability, Severity, Verdict, VerdictReason};

/// The definition of a rule. `doorward explain`, the rule catalogue, SARIF, Security Hub and every other output read from
/// here.
#[derive(Debug, Clone, Copy)]
pub struct RuleMeta {
    /// The id. It names the fault and reads well after "allow": `desync-mode-below-required`.
    pub id: &'static str,
    /// The version; it grows when the meaning of a verdict changes.
    pub version: u32,
    /// A short title.
    pub title: &'static str,
    /// The severity of a failure that no adjustment changes, and of a verdict that is not known.
    pub severity: Severity,
    /// Conditions that raise or lower the severity of a failure; all that apply count.
    pub adjustments: &'static [Adjustment],
    /// Every reason that a verdict of this rule can have.
    pub reasons: &'static [VerdictReason],
    /// The question.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// The observations that the verdict is based on.
    pub evidence: &'static str,
    /// How to fix a failure.
    pub remediation: &'static str,
    /// AWS's documentation.
    pub references: &'static [&'static str],
}

/// A condition that changes the severity of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// This many steps where the internet reaches the load balancer, or that is not known.
    Reachable(i8),
    /// This many steps where the failure has this reason.
    Reason(VerdictReason, i8),
    /// The severity of the failure that an exception permitted counts instead, but at least this one.
    PermittedFailure {
        /// The lowest severity.
        at_least: Severity,
    },
}

impl RuleMeta {
    /// The severity of a failure for a reason.
    pub fn severity_of(&self, reason: VerdictReason, lb: &LoadBalancer) -> Severity {
        // Only an observation lowers a severity: what was not read counts as reachable.
        let exposed = !lb.reachability.known().is_some_and(Reachability::is_internal);
        let steps = self.adjustments.iter().map(|adjustment| match *adjustment {
            Adjustment::Reachable(steps) if exposed => steps,
            Adjustment::Reason(of, steps) if of == reason => steps,
            Adjustment::Reachable(_) | Adjustment::Reason(..) | Adjustment::PermittedFailure { .. } => 0,
        });
        self.severity.raised(steps.sum())
    }

    /// The severity of a failure that follows from a failure which an exception permitted.
    pub fn severity_after(&self, permitted: Severity) -> Severity {
        let floor = self.adjustments.iter().find_map(|adjustment| match adjustment {
            Adjustment::PermittedFailure { at_least } => Some(*at_least),
            Adjustment::Reachable(_) | Adjustment::Reason(..) => None,
        });
        floor.map_or(self.severity, |floor| permitted.max(floor))
    }

    /// The severity and what changes it, as documentation: `medium; one step higher if the internet reaches the load balancer, or that is not known`.
    pub fn severity_text(&self) -> String {
        let adjustments = self.adjustments.iter().map(|adjustment| format!("; {adjustment}"));
        std::iter::once(self.severity.to_string()).chain(adjustments).collect()
    }
}

impl fmt::Display for Adjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = |steps: i8| match steps {
            1 => "one step higher".to_owned(),
            -1 => "one step lower".to_owned(),
            up if up > 0 => format!("{up} steps higher"),
            down => format!("{} steps lower", down.unsigned_abs()),
        };
        match self {
            Self::Reachable(by) => {
                write!(f, "{} if the internet reaches the load balancer, or that is not known", steps(*by))
            }
            Self::Reason(reason, by) => write!(f, "{} for `{reason}`", steps(*by)),
            Self::PermittedFailure { at_least } => {
                write!(f, "a failure has the severity of the failure that the exception permitted, at least {at_least}")
            }
        }
    }
}

/// One question about one load balancer. A rule is pure: no clock, no I/O, no state.
pub trait Rule: Send + Sync {
    /// The definition of the rule.
    fn meta(&self) -> &'static RuleMeta;

    /// Whether a scan of these load balancers asks the rule at all. `changed` says that Doorward changed a load balancer that
    /// is not among them. Rules without evidence of their own are always asked.
    fn is_asked(&self, load_balancers: &[LoadBalancer], changed: bool) -> bool {
        let _ = (load_balancers, changed);
        true
    }

    /// Judges one load balancer. Pass and fail are based on known observations only.
    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict;
}
