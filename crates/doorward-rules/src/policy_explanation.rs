//! What decides about one load balancer: the required mode, the risk profile, and the deadlines of its findings.

use std::fmt::Write as _;

use doorward_model::{AppliedPolicy, Deadline, LoadBalancer, Observed, Policy, Severity};
use serde::Serialize;

use crate::{Requirement, applied_policy};

/// The decision of the policy for one load balancer.
#[derive(Debug, Serialize)]
pub struct PolicyExplanation<'a> {
    load_balancer: &'a LoadBalancer,
    policy: AppliedPolicy,
    /// Values that could not be read and that decide, as sentences.
    unread: Vec<String>,
    deadlines: Vec<DeadlineOf>,
}

/// The deadline of failures of a severity.
#[derive(Debug, Serialize)]
struct DeadlineOf {
    severity: Severity,
    #[serde(flatten)]
    deadline: Deadline,
}

impl<'a> PolicyExplanation<'a> {
    /// The decision of the policy for a load balancer.
    pub fn of(lb: &'a LoadBalancer, policy: &Policy) -> Self {
        let applied = applied_policy(lb, policy);
        let unread = Requirement::of(lb, policy).gaps().iter().map(ToString::to_string).collect();
        let deadlines = Severity::OPEN.into_iter().filter_map(|severity| {
            // No rule has this name, so that the deadlines of severities alone answer.
            Some(DeadlineOf { severity, deadline: policy.deadline(&applied.profile, "", severity)? })
        });
        Self { load_balancer: lb, unread, deadlines: deadlines.collect(), policy: applied }
    }

    /// The explanation for people: a line for each value, the name and ARN first.
    pub fn text(&self) -> String {
        let (lb, policy) = (self.load_balancer, &self.policy);
        let shown = |value: &Observed<String>| match value {
            Observed::Known(value) => value.clone(),
            Observed::Absent => "none".to_owned(),
            Observed::Unread(gap) => format!("unknown ({gap})"),
        };
        let mut text = format!("{} ({})\n", lb.name, lb.arn);
        let _ = writeln!(text, "  mode            {}", lb.mode_text());
        let _ = writeln!(text, "  required        {}", policy.decided_by);
        let by_default = match policy.by_default {
            Some(true) => "yes: no rule and no risk profile of the policy matches it",
            Some(false) => "no",
            None => "unknown: it depends on a value that could not be read",
        };
        let _ = writeln!(text, "  by default only {by_default}");
        let _ = writeln!(text, "  risk profile    {}", shown(&policy.profile));
        let _ = writeln!(text, "  application     {}", shown(&lb.application));
        let _ = writeln!(text, "  environment     {}", shown(&lb.environment));
        for unread in &self.unread {
            let _ = writeln!(text, "  not read        {unread}");
        }
        if self.deadlines.is_empty() {
            text.push_str("  deadlines       none\n");
        }
        for DeadlineOf { severity, deadline } in &self.deadlines {
            let _ = writeln!(text, "  deadline        {} days for {severity} ({})", deadline.days, deadline.by);
        }
        text
    }
}
