//! `exception-expiring`: an exception expires soon, and the rule that it permits to fail still fails.

use std::sync::Arc;

use doorward_model::{LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};

use crate::exceptions::{Answers, Held, REGISTER_RULES, TermState, Wrapped, last_to_end, name, names};
use crate::preconditions;

use super::{each, not_known, remedy};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: REGISTER_RULES[1],
    version: 1,
    title: "Exception expires soon and the rule still fails",
    severity: Severity::Low,
    adjustments: &[],
    reasons: &[
        VerdictReason::FailsBeforeExpiry,
        VerdictReason::ExceptionRenewed,
        VerdictReason::ExceptionNotNeeded,
        VerdictReason::ExceptionScopeUnread,
        VerdictReason::ExceptedRuleUnknown,
        VerdictReason::ExceptedRuleNotAsked,
        VerdictReason::ExceptedRuleDisabled,
        VerdictReason::NotApplicableNoExpiringException,
    ],
    what: "Does this load balancer still fail a rule under an exception that expires within the configured days of warning?",
    why: "Once an exception expires, the rule fails again at the next scan. Before that, the owner needs time to fix \
         the failure, and the approver needs time to review it.",
    evidence: "The register of exceptions at the time of the scan, the days of warning in the settings, and the verdict of \
               the rule that each exception permits to fail. An exception that starts before another ends continues \
               it. If a value that decides the scope could not be read, the verdict is unknown. The rule runs only \
               if a register is \
               configured.",
    remediation: "Fix the failure before the exception expires, or have the exception renewed by an approver: `doorward \
                  exceptions renew`.",
    references: &[
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html",
        "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html",
    ],
};

/// See [`META`].
pub(crate) struct ExceptionExpiring {
    rules: Arc<[Wrapped]>,
}

impl ExceptionExpiring {
    /// Watches the exceptions of these rules.
    pub(crate) fn new(rules: Arc<[Wrapped]>) -> Self {
        Self { rules }
    }
}

impl Rule for ExceptionExpiring {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let mut answers = Answers::default();
        each(&self.rules, lb, policy, TermState::Expiring, &mut answers, ask);
        answers.verdict(
            VerdictReason::NotApplicableNoExpiringException,
            "No exception that expires soon covers this load balancer.",
        )
    }
}

fn ask(rule: &Wrapped, lb: &LoadBalancer, policy: &Policy, answers: &mut Answers) {
    let due = rule.cover(lb, |state| state == TermState::Expiring);
    if due.is_empty() {
        return;
    }
    let id = rule.id();
    match (rule.plain(lb, policy), last_to_end(&due.sure)) {
        (Verdict::Fail { .. }, sure) => {
            let live = rule.cover(lb, |state| state != TermState::Expired);
            let last = continued_by(rule, &live.sure);
            match (last.filter(|last| !rule.is_due(last.end())), sure) {
                (Some(last), Some(held)) => {
                    let (next, end) = (names(&[last]), last.exception.expires.as_end());
                    let because = format!("{} expires soon, but {next} continues it and expires {end}.", name(held));
                    answers.pass(VerdictReason::ExceptionRenewed, because);
                }
                (Some(_), None) => {}
                (None, _) if !live.open.is_empty() => answers.unknown(
                    VerdictReason::ExceptionScopeUnread,
                    format!(
                        "The load balancer fails {id}. It is not known whether {} permits this, because a value \
                         could not be read: {}.",
                        names(&live.open),
                        preconditions::list(&live.gaps)
                    ),
                    &live.gaps,
                ),
                (None, sure) => {
                    if let Some(held) = last.or(sure) {
                        let end = held.exception.expires.as_end();
                        let because = format!("{} expires {end}, and the load balancer still fails {id}.", name(held));
                        let reason = VerdictReason::FailsBeforeExpiry;
                        answers.fail(
                            reason,
                            because,
                            META.severity_of(reason, lb),
                            remedy(held, lb, id, " before then"),
                        );
                    }
                }
            }
        }
        (verdict @ (Verdict::Unknown { .. } | Verdict::NotAsked { .. }), sure) => {
            let which = sure.map_or_else(|| names(&due.open), |held| names(&[held]));
            let question = format!("Whether the failure that {which} permits still exists");
            not_known(verdict, &question, id, &due.gaps, answers);
        }
        (Verdict::Pass { .. }, Some(held)) => {
            let end = held.exception.expires.as_end();
            let because = format!("{} expires {end}, and the load balancer passes {id} without it.", name(held));
            answers.pass(VerdictReason::ExceptionNotNeeded, because);
        }
        (Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::Excepted { .. }, _) => {}
    }
}

/// The exception that ends last in an unbroken sequence: it starts with those in force, and each next one starts before the
/// sequence ends.
fn continued_by<'a>(rule: &Wrapped, held: &[&'a Held]) -> Option<&'a Held> {
    let (in_force, pending): (Vec<_>, Vec<_>) = held.iter().copied().partition(|held| rule.state(held).in_force());
    let mut last = last_to_end(&in_force)?;
    loop {
        let joins = |next: &&Held| next.exception.start.starts() <= last.end() && next.end() > last.end();
        match last_to_end(&pending.iter().copied().filter(joins).collect::<Vec<_>>()) {
            Some(next) => last = next,
            None => return Some(last),
        }
    }
}
