//! `exception-expired`: an exception ran out, and what it permitted is still there.

use doorward_model::{LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::exceptions::{Answers, Held, State, Wrapped, last_to_end, name, names};
use crate::reading;

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "exception-expired",
    version: 1,
    title: "Exception expired and the rule still fails",
    severity: Severity::Medium,
    what: "Does this load balancer still fail a rule that an exception permitted it to fail until the exception expired?",
    why: "An exception is a promise to mend something by a date. A promise that nobody keeps is an accepted risk without \
          anybody who accepts it: no approver stands behind it any more, and an assessor will ask who does.",
    evidence: "The register of exceptions at the time of the scan, and the verdict of the rule that each exception is from. \
               Another exception in force that covers the same load balancer counts as a renewal. A failure is as grave as \
               the failure that was permitted, and at least low. Where nobody could read whether a scope holds, the rule \
               does not answer. It runs only where a register is configured.",
    remediation: "Mend what the exception permitted, or have it renewed by somebody who may approve it: `doorward exceptions \
                  renew`. An exception whose load balancers are mended can be removed from the register.",
    references: &[
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html",
        "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html",
    ],
};

/// See [`META`].
pub(crate) struct ExceptionExpired {
    rules: Vec<Wrapped>,
}

impl ExceptionExpired {
    /// Watches the exceptions from these rules.
    pub(crate) fn new(rules: Vec<Wrapped>) -> Self {
        Self { rules }
    }
}

impl Rule for ExceptionExpired {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let mut answers = Answers::default();
        for rule in &self.rules {
            if policy.disabled.iter().any(|id| id == rule.id()) {
                answers.switched_off(rule, &rule.cover(lb, |state| state == State::Expired));
            } else {
                ask(rule, lb, policy, &mut answers);
            }
        }
        answers.verdict("No expired exception of the register covers this load balancer.")
    }
}

fn ask(rule: &Wrapped, lb: &LoadBalancer, policy: &Policy, answers: &mut Answers) {
    let expired = rule.cover(lb, |state| state == State::Expired);
    if expired.is_empty() {
        return;
    }
    let id = rule.id();
    let sure = last_to_end(&expired.sure);
    let ran_out = |held: &Held| format!("{} expired {}", name(held), held.exception.expires.as_end());
    match (rule.plain(lb, policy), sure) {
        (Verdict::Fail { severity, .. }, sure) => {
            let renewed = rule.cover(lb, State::in_force);
            match (sure, last_to_end(&renewed.sure)) {
                (Some(held), Some(next)) => {
                    answers.pass(format!("{}, and {} took its place.", ran_out(held), names(&[next])));
                }
                (None, Some(_)) => {}
                (Some(held), None) if !renewed.open.is_empty() => answers.unknown(
                    format!(
                        "{}, and whether {} took its place could not be read: {}.",
                        ran_out(held),
                        names(&renewed.open),
                        reading::list(&renewed.gaps)
                    ),
                    &renewed.gaps,
                ),
                (Some(held), None) => answers.fail(
                    format!("{}, and the load balancer still fails {id}.", ran_out(held)),
                    severity.max(Severity::Low),
                    remedy(held, lb, id),
                ),
                (None, None) => answers.unknown(
                    format!(
                        "The load balancer fails {id}, and whether {} permitted that before it expired could not be read: {}.",
                        names(&expired.open),
                        reading::list(&expired.gaps)
                    ),
                    &expired.gaps,
                ),
            }
        }
        (Verdict::Unknown { because, gaps }, sure) => {
            let which = sure.map_or_else(|| names(&expired.open), |held| names(&[held]));
            let gaps: Vec<_> = gaps.iter().chain(&expired.gaps).cloned().collect();
            answers.unknown(format!("What {which} permitted may still be there or not. {id}: {because}"), &gaps);
        }
        (Verdict::NotAsked { because, remedy }, sure) => {
            let which = sure.map_or_else(|| names(&expired.open), |held| names(&[held]));
            answers.not_asked(
                format!("Whether what {which} permitted is still there was not asked. {id}: {because}"),
                remedy,
            );
        }
        (Verdict::Pass { .. }, Some(held)) => {
            answers.pass(format!("{}, and the load balancer passes {id} without it.", ran_out(held)));
        }
        (Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::Excepted { .. }, _) => {}
    }
}

fn remedy(held: &Held, lb: &LoadBalancer, rule: &str) -> String {
    let exception = &held.exception;
    format!(
        "Mend it as the finding of {rule} says. If it must go on, have the exception renewed: `doorward exceptions renew \
         {}`. The owner is {}; the exception was asked for by {} and approved by {}.",
        exception.id,
        lb.owner_label(),
        exception.requester,
        exception.approver
    )
}
