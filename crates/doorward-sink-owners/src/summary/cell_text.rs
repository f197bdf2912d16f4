//! The text of table cells.

use doorward_model::{Finding, Severity, Verdict};

use crate::partition::OwnedLoadBalancer;

/// Fails, with or without permission, and not only for information.
pub(super) fn is_due(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } if *severity > Severity::Informational)
}

pub(super) fn exceptions(findings: &[&Finding]) -> String {
    let mut held: Vec<String> = Vec::new();
    for finding in findings {
        match &*finding.verdict {
            Verdict::Excepted { exception, expires, .. } => held.push(format!("{exception} until {expires}")),
            Verdict::Fail { .. } if finding.rule == "exception-expired" => held.push("expired".to_owned()),
            Verdict::Fail { .. } if finding.rule == "exception-expiring" => held.push("ends soon".to_owned()),
            _ => {}
        }
    }
    held.dedup();
    if held.is_empty() { "none".to_owned() } else { held.join("; ") }
}

/// The answers of one rule to one load balancer: one, in every report that a scan makes.
pub(super) fn verdicts(held: &OwnedLoadBalancer<'_>, rule: &str) -> String {
    let answers = held.findings.iter().filter(|finding| finding.rule == rule);
    let answers: Vec<String> = answers
        .map(|finding| match finding.verdict.severity() {
            Some(severity) => format!("fail ({severity})"),
            None => finding.verdict.kind().to_string(),
        })
        .collect();
    if answers.is_empty() { "not asked".to_owned() } else { answers.join(", ") }
}
