//! The rules that watch the register of exceptions, and the rules as a register wraps them.

mod exception_expired;
mod exception_expiring;
mod exception_review_due;

use std::sync::Arc;

use doorward_model::{Gap, LoadBalancer, Policy, Rule, RuleMeta, Verdict, VerdictReason};
use jiff::Timestamp;

use crate::exceptions::{Answers, Held, Register, TermState, Wrapped};
use exception_expired::ExceptionExpired;
use exception_expiring::ExceptionExpiring;
use exception_review_due::ExceptionReviewDue;

/// The definitions of the rules that watch the register.
pub(crate) static METAS: [&RuleMeta; 3] =
    [&exception_expired::META, &exception_expiring::META, &exception_review_due::META];

impl Register {
    /// The rules as judged at a time: each wrapped with its exceptions, and, if a register is configured, the rules that
    /// watch it. Pass the time of the scan rather than of the rendering, so that a saved scan gets the same verdicts again.
    pub fn wrap(&self, rules: &[&'static dyn Rule], now: Timestamp) -> Vec<Box<dyn Rule>> {
        let wrapped: Vec<Wrapped> = rules.iter().map(|rule| self.wrapped(*rule, now)).collect();
        let mut all: Vec<Box<dyn Rule>> = Vec::with_capacity(wrapped.len() + METAS.len());
        if self.is_configured() {
            let watched: Arc<[Wrapped]> = wrapped.clone().into();
            all.push(Box::new(ExceptionExpired::new(watched.clone())));
            all.push(Box::new(ExceptionExpiring::new(watched.clone())));
            // Without a review date there is nothing to ask.
            if self.has_reviews() {
                all.push(Box::new(ExceptionReviewDue::new(watched)));
            }
        }
        all.extend(wrapped.into_iter().map(|rule| Box::new(rule) as Box<dyn Rule>));
        all.sort_by_key(|rule| rule.meta().id);
        all
    }
}

/// Asks about every rule that a register wraps; a rule that the policy disables is counted as not asked.
fn each(
    rules: &[Wrapped],
    lb: &LoadBalancer,
    policy: &Policy,
    state: TermState,
    answers: &mut Answers,
    ask: fn(&Wrapped, &LoadBalancer, &Policy, &mut Answers),
) {
    for rule in rules {
        if policy.disabled.iter().any(|id| id == rule.id()) {
            answers.disabled(rule, &rule.cover(lb, |held| held == state));
        } else {
            ask(rule, lb, policy, answers);
        }
    }
}

/// Answers a question about a failure whose rule has no verdict.
fn not_known(verdict: Verdict, question: &str, id: &str, open: &[Arc<Gap>], answers: &mut Answers) {
    match verdict {
        Verdict::Unknown { because, gaps, .. } => {
            let gaps: Vec<_> = gaps.iter().chain(open).cloned().collect();
            let sentence = format!("{question} is unknown. {id}: {because}");
            answers.unknown(VerdictReason::ExceptedRuleUnknown, sentence, &gaps);
        }
        Verdict::NotAsked { because, remedy, .. } => {
            let sentence = format!("{question} was not asked. {id}: {because}");
            answers.not_asked(VerdictReason::ExceptedRuleNotAsked, sentence, remedy);
        }
        _ => {}
    }
}

/// What to do about a failure that an exception permits or permitted; `when` is a term for it.
fn remedy(held: &Held, lb: &LoadBalancer, rule: &str, when: &str) -> String {
    let exception = &held.exception;
    format!(
        "Fix it{when} as described in the {rule} finding, or have the exception renewed: `doorward exceptions renew {}`. The owner \
         is {}; {} requested the exception and {} approved it.",
        exception.id,
        lb.owner_label(),
        exception.requester,
        exception.approver
    )
}
