//! `exception-review-due`: the review of an exception in force is due, and the rule that it permits to fail still fails.

use std::sync::Arc;

use doorward_model::{LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};

use crate::exceptions::{Answers, Held, REGISTER_RULES, Wrapped, name, names};
use crate::preconditions;

use super::not_known;

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: REGISTER_RULES[2],
    version: 1,
    title: "Exception is due for review",
    severity: Severity::Low,
    adjustments: &[],
    reasons: &[
        VerdictReason::ReviewDue,
        VerdictReason::ReviewAhead,
        VerdictReason::ExceptionNotNeeded,
        VerdictReason::ExceptionScopeUnread,
        VerdictReason::ExceptedRuleUnknown,
        VerdictReason::ExceptedRuleNotAsked,
        VerdictReason::ExceptedRuleDisabled,
        VerdictReason::NotApplicableNoReview,
    ],
    what: "Has the review date of an exception in force that covers this load balancer come, and does the rule still fail?",
    why: "An exception is granted for a reason that may no longer hold. On the review date, its approver promised to \
         check it again before it expires.",
    evidence: "The register of exceptions at the time of the scan, and the verdict of the rule that each exception permits to fail. \
               If a value that decides the scope could not be read, the verdict is unknown. The rule runs only if an \
               exception of \
               the register has a review date.",
    remediation: "Review the exception with its approver: fix the failure, or set the next `review` date in the register.",
    references: &["https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html"],
};

/// See [`META`].
pub(crate) struct ExceptionReviewDue {
    rules: Arc<[Wrapped]>,
}

impl ExceptionReviewDue {
    /// Watches the exceptions of these rules.
    pub(crate) fn new(rules: Arc<[Wrapped]>) -> Self {
        Self { rules }
    }
}

impl Rule for ExceptionReviewDue {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let mut answers = Answers::default();
        for rule in self.rules.iter() {
            let mut cover = rule.cover(lb, |state| state.in_force());
            cover.sure.retain(|held| held.exception.review.is_some());
            cover.open.retain(|held| held.exception.review.is_some());
            if policy.disabled.iter().any(|id| id == rule.id()) {
                answers.disabled(rule, &cover);
            } else if !cover.is_empty() {
                let due = |held: &&&Held| rule.is_review_due(held);
                let sure: Vec<&Held> = cover.sure.iter().filter(due).copied().collect();
                let open: Vec<&Held> = cover.open.iter().filter(due).copied().collect();
                ask(rule, lb, policy, (&sure, &open, &cover.sure), &cover.gaps, &mut answers);
            }
        }
        answers.verdict(
            VerdictReason::NotApplicableNoReview,
            "No exception in force with a review date covers this load balancer.",
        )
    }
}

fn ask(
    rule: &Wrapped,
    lb: &LoadBalancer,
    policy: &Policy,
    (sure, open, all): (&[&Held], &[&Held], &[&Held]),
    gaps: &[Arc<doorward_model::Gap>],
    answers: &mut Answers,
) {
    let id = rule.id();
    let date = |held: &Held| held.exception.review.map_or_else(String::new, |review| review.to_string());
    match rule.plain(lb, policy) {
        Verdict::Fail { .. } => {
            for held in sure {
                let because = format!(
                    "{} was due for review on {}, and the load balancer still fails {id}.",
                    name(held),
                    date(held)
                );
                let reason = VerdictReason::ReviewDue;
                let exception = &held.exception;
                let remedy = format!(
                    "Review exception {} with {}, who approved it: fix the failure as described in the {id} finding, or set the next \
                     `review` date in the register. The owner is {}; {} requested the exception.",
                    exception.id,
                    exception.approver,
                    lb.owner_label(),
                    exception.requester
                );
                answers.fail(reason, because, META.severity_of(reason, lb), remedy);
            }
            if sure.is_empty() && !open.is_empty() {
                let because = format!(
                    "The load balancer fails {id}. It is not known whether {}, whose review is due, covers it, \
                     because a value could not be read: {}.",
                    names(open),
                    preconditions::list(gaps)
                );
                answers.unknown(VerdictReason::ExceptionScopeUnread, because, gaps);
            } else if sure.is_empty()
                && let Some(held) = all.iter().min_by_key(|held| held.exception.review.map(|review| review.starts()))
            {
                answers
                    .pass(VerdictReason::ReviewAhead, format!("{} is due for review on {}.", name(held), date(held)));
            }
        }
        verdict @ (Verdict::Unknown { .. } | Verdict::NotAsked { .. }) if !sure.is_empty() || !open.is_empty() => {
            let which = if sure.is_empty() { names(open) } else { names(sure) };
            let question = format!("Whether the failure that {which} permits still exists, so that its review is due,");
            not_known(verdict, &question, id, gaps, answers);
        }
        Verdict::Unknown { .. } | Verdict::NotAsked { .. } => {
            if let Some(held) = all.iter().min_by_key(|held| held.exception.review.map(|review| review.starts())) {
                answers
                    .pass(VerdictReason::ReviewAhead, format!("{} is due for review on {}.", name(held), date(held)));
            }
        }
        Verdict::Pass { .. } => {
            if let Some(held) = all.first() {
                let because = format!("The load balancer passes {id} without {}.", names(&[held]));
                answers.pass(VerdictReason::ExceptionNotNeeded, because);
            }
        }
        Verdict::NotApplicable { .. } | Verdict::Excepted { .. } => {}
    }
}
