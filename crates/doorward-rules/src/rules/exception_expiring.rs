//! `exception-expiring`: an exception runs out soon, and what it permits is still there.

use doorward_model::{LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::exceptions::{Answers, Held, State, Wrapped, last_to_end, name, names};
use crate::reading;

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "exception-expiring",
    version: 1,
    title: "Exception expires soon and the rule still fails",
    severity: Severity::Low,
    what: "Does this load balancer still fail a rule under an exception that expires within the days of warning?",
    why: "From its last second on an exception permits nothing, and the rule fails again at the next scan. Whoever is \
          responsible needs time before that to mend what it permits, and whoever approved it needs time to think again.",
    evidence: "The register of exceptions at the time of the scan, the days of warning in the settings, and the verdict of \
               the rule that each exception is from. An exception that begins before another ends carries it on. Where \
               nobody could read whether a scope holds, the rule does not answer. It runs only where a register is \
               configured.",
    remediation: "Mend what the exception permits before it expires, or have it renewed in time by somebody who may approve \
                  it: `doorward exceptions renew`.",
    references: &[
        "https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html",
        "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_WorkflowUpdate.html",
    ],
};

/// See [`META`].
pub(crate) struct ExceptionExpiring {
    rules: Vec<Wrapped>,
}

impl ExceptionExpiring {
    /// Watches the exceptions from these rules.
    pub(crate) fn new(rules: Vec<Wrapped>) -> Self {
        Self { rules }
    }
}

impl Rule for ExceptionExpiring {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        let mut answers = Answers::default();
        for rule in &self.rules {
            if policy.disabled.iter().any(|id| id == rule.id()) {
                answers.switched_off(rule, &rule.cover(lb, |state| state == State::Expiring));
            } else {
                ask(rule, lb, policy, &mut answers);
            }
        }
        answers.verdict("No exception that expires soon covers this load balancer.")
    }
}

fn ask(rule: &Wrapped, lb: &LoadBalancer, policy: &Policy, answers: &mut Answers) {
    let due = rule.cover(lb, |state| state == State::Expiring);
    if due.is_empty() {
        return;
    }
    let id = rule.id();
    match (rule.plain(lb, policy), last_to_end(&due.sure)) {
        (Verdict::Fail { .. }, sure) => {
            let live = rule.cover(lb, |state| state != State::Expired);
            let last = carried_on(rule, &live.sure);
            match (last.filter(|last| !rule.is_due(last.end())), sure) {
                (Some(last), Some(held)) => {
                    let (next, end) = (names(&[last]), last.exception.expires.as_end());
                    answers.pass(format!("{} expires soon, but {next} carries it on and expires {end}.", name(held)));
                }
                (Some(_), None) => {}
                (None, _) if !live.open.is_empty() => answers.unknown(
                    format!(
                        "The load balancer fails {id}, and whether {} permits that could not be read: {}.",
                        names(&live.open),
                        reading::list(&live.gaps)
                    ),
                    &live.gaps,
                ),
                (None, sure) => {
                    if let Some(held) = last.or(sure) {
                        let end = held.exception.expires.as_end();
                        let because = format!("{} expires {end}, and the load balancer still fails {id}.", name(held));
                        answers.fail(because, META.severity, remedy(held, lb, id));
                    }
                }
            }
        }
        (Verdict::Unknown { because, gaps }, sure) => {
            let which = sure.map_or_else(|| names(&due.open), |held| names(&[held]));
            let gaps: Vec<_> = gaps.iter().chain(&due.gaps).cloned().collect();
            answers.unknown(format!("What {which} permits may still be there or not. {id}: {because}"), &gaps);
        }
        (Verdict::NotAsked { because, remedy }, sure) => {
            let which = sure.map_or_else(|| names(&due.open), |held| names(&[held]));
            answers.not_asked(
                format!("Whether what {which} permits is still there was not asked. {id}: {because}"),
                remedy,
            );
        }
        (Verdict::Pass { .. }, Some(held)) => {
            let end = held.exception.expires.as_end();
            answers.pass(format!("{} expires {end}, and the load balancer passes {id} without it.", name(held)));
        }
        (Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::Excepted { .. }, _) => {}
    }
}

/// The exception that ends last in an unbroken row, from those in force through those that begin before it breaks off.
fn carried_on<'a>(rule: &Wrapped, held: &[&'a Held]) -> Option<&'a Held> {
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

fn remedy(held: &Held, lb: &LoadBalancer, rule: &str) -> String {
    let exception = &held.exception;
    format!(
        "Mend it in time as the finding of {rule} says, or have the exception renewed: `doorward exceptions renew {}`. The \
         owner is {}; the exception was asked for by {} and approved by {}.",
        exception.id,
        lb.owner_label(),
        exception.requester,
        exception.approver
    )
}
