//! `exception-expired`: an exception expired, and the rule that it permitted to fail still fails.

use std::sync::Arc;

use doorward_model::{Adjustment, LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};

use crate::exceptions::{Answers, Held, REGISTER_RULES, TermState, Wrapped, last_to_end, name, names};
use crate::preconditions;

use super::{each, not_known, remedy};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: REGISTER_RULES[0],
    version: 1,
    title: "Exception expired and the rule still fails",
    severity: Severity::Medium,
    adjustments: &[Adjustment::PermittedFailure { at_least: Severity::Low }],
    reasons: &[
        VerdictReason::FailsAfterExpiry,
        VerdictReason::ExceptionRenewed,
        VerdictReason::ExceptionNotNeeded,
        VerdictReason::ExceptionScopeUnread,
        VerdictReason::ExceptedRuleUnknown,
        VerdictReason::ExceptedRuleNotAsked,
        VerdictReason::ExceptedRuleDisabled,
        VerdictReason::NotApplicableNoExpiredException,
    ],
    what: "Does this load balancer still fail a rule that an exception permitted it to fail until the exception expired?",
    why: "An exception accepts a risk until a date. After that date the risk is no longer accepted: no approval is \
         in force, and an assessor will ask for one.",
    evidence: "The register of exceptions at the time of the scan, and the verdict of the rule that each exception permits to \
               fail. Another exception in force that covers the same load balancer counts as a renewal. If a value \
               that decides the scope could not be read, the verdict is unknown. The rule runs only if a register is \
               configured.",
    remediation: "Fix the failure, or have the exception renewed by an approver: `doorward exceptions renew`. Remove \
         the exception from the register once its load balancers are fixed.",
    references: &[
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html",
        "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html",
    ],
};

/// See [`META`].
pub(crate) struct ExceptionExpired {
    rules: Arc<[Wrapped]>,
}

impl ExceptionExpired {
    /// Watches the exceptions of these rules.
    pub(crate) fn new(rules: Arc<[Wrapped]>) -> Self {
        Self { rules }
    }
}

impl Rule for ExceptionExpired {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let mut answers = Answers::default();
        each(&self.rules, lb, policy, TermState::Expired, &mut answers, ask);
        answers.verdict(
            VerdictReason::NotApplicableNoExpiredException,
            "No expired exception of the register covers this load balancer.",
        )
    }
}

fn ask(rule: &Wrapped, lb: &LoadBalancer, policy: &Policy, answers: &mut Answers) {
    let expired = rule.cover(lb, |state| state == TermState::Expired);
    if expired.is_empty() {
        return;
    }
    let id = rule.id();
    let sure = last_to_end(&expired.sure);
    let ran_out = |held: &Held| format!("{} expired {}", name(held), held.exception.expires.as_end());
    match (rule.plain(lb, policy), sure) {
        (Verdict::Fail { severity, .. }, sure) => {
            let renewed = rule.cover(lb, TermState::in_force);
            match (sure, last_to_end(&renewed.sure)) {
                (Some(held), Some(next)) => {
                    let because = format!("{}, and {} continues it.", ran_out(held), names(&[next]));
                    answers.pass(VerdictReason::ExceptionRenewed, because);
                }
                (None, Some(_)) => {}
                (Some(held), None) if !renewed.open.is_empty() => answers.unknown(
                    VerdictReason::ExceptionScopeUnread,
                    format!(
                        "{}; it is not known whether {} continues it, because a value could not be read: {}.",
                        ran_out(held),
                        names(&renewed.open),
                        preconditions::list(&renewed.gaps)
                    ),
                    &renewed.gaps,
                ),
                (Some(held), None) => answers.fail(
                    VerdictReason::FailsAfterExpiry,
                    format!("{}, and the load balancer still fails {id}.", ran_out(held)),
                    META.severity_after(severity),
                    remedy(held, lb, id, ""),
                ),
                (None, None) => answers.unknown(
                    VerdictReason::ExceptionScopeUnread,
                    format!(
                        "The load balancer fails {id}. It is not known whether {} permitted this before it expired, \
                         because a value could not be read: {}.",
                        names(&expired.open),
                        preconditions::list(&expired.gaps)
                    ),
                    &expired.gaps,
                ),
            }
        }
        (verdict @ (Verdict::Unknown { .. } | Verdict::NotAsked { .. }), sure) => {
            let which = sure.map_or_else(|| names(&expired.open), |held| names(&[held]));
            let question = format!("Whether the failure that {which} permitted still exists");
            not_known(verdict, &question, id, &expired.gaps, answers);
        }
        (Verdict::Pass { .. }, Some(held)) => {
            let because = format!("{}, and the load balancer passes {id} without it.", ran_out(held));
            answers.pass(VerdictReason::ExceptionNotNeeded, because);
        }
        (Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::Excepted { .. }, _) => {}
    }
}
