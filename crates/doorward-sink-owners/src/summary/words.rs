//! Values in words, as a table's cells say them: what is not known says why.

use doorward_model::{Finding, LoadBalancer, Observed, Severity, Verdict, shown};

use crate::Required;
use crate::figures::{Standing, standing};
use crate::partition::Held;

/// Fails, with or without permission, and not only for information.
pub(super) fn is_due(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } if *severity > Severity::Informational)
}

pub(super) fn mode(lb: &LoadBalancer) -> String {
    match (standing(lb), &lb.mode) {
        (Standing::In(mode), _) => mode.to_string(),
        (Standing::NotApplicable, _) => "not applicable".to_owned(),
        (Standing::Unknown, Observed::Absent) => "unknown (not in AWS's answer)".to_owned(),
        (Standing::Unknown, other) => shown(other),
    }
}

pub(super) fn required(lb: &LoadBalancer, required: Option<&Required>) -> String {
    match required {
        _ if matches!(standing(lb), Standing::NotApplicable) => "not applicable".to_owned(),
        Some(Required { lowest, highest }) if lowest == highest => lowest.to_string(),
        Some(Required { lowest, highest }) => format!("{lowest} to {highest} (unread)"),
        None => "not told".to_owned(),
    }
}

pub(super) fn exceptions(findings: &[&Finding]) -> String {
    let mut held: Vec<String> = Vec::new();
    for finding in findings {
        match &finding.verdict {
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
pub(super) fn verdicts(held: &Held<'_>, rule: &str) -> String {
    let answers = held.findings.iter().filter(|finding| finding.rule == rule);
    let answers: Vec<String> = answers
        .map(|finding| match finding.verdict.severity() {
            Some(severity) => format!("fail ({severity})"),
            None => finding.verdict.kind().to_string(),
        })
        .collect();
    if answers.is_empty() { "not asked".to_owned() } else { answers.join(", ") }
}
