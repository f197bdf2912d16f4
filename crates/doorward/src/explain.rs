//! `doorward explain`: rules, reason codes and exit codes, from the places that define them.

use std::fmt::Write as _;

use doorward_model::{GapReason, RuleMeta, VerdictReason};
use doorward_traffic::{ReasonCode, Treatment};

use crate::exit::{Exit, Failure};
use crate::settings::nearest;

/// The text of a topic, or the list of topics.
pub(crate) fn text(topic: Option<&str>) -> Result<String, Failure> {
    let Some(topic) = topic else { return Ok(topics()) };
    if topic == "exit-codes" {
        return Ok(exit_codes());
    }
    if let Some(meta) = doorward_rules::catalogue().iter().find(|meta| meta.id == topic) {
        return Ok(rule_text(meta));
    }
    if let Some(reason) = VerdictReason::ALL.iter().find(|reason| reason.code() == topic) {
        let rules = doorward_rules::catalogue().iter().filter(|meta| meta.reasons.contains(reason)).map(|meta| meta.id);
        let rules: Vec<&str> = rules.collect();
        let rules = if rules.is_empty() { "every rule".to_owned() } else { rules.join(", ") };
        return Ok(format!("{topic} (verdict: {}; rules: {rules})\n\n{}\n", reason.kind(), reason.meaning()));
    }
    if let Some(reason) = GapReason::ALL.into_iter().find(|reason| reason.code() == topic) {
        return Ok(format!("{topic}\n\n{}\n\nFix: {}\n", reason.meaning(), reason.remedy()));
    }
    if let Some(reason) = doorward_traffic::reason(topic) {
        return Ok(request_text(reason));
    }
    let known: Vec<&str> = known().collect();
    let near = nearest(topic, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(Failure::new(Exit::Usage, format!("{topic:?} is not a topic{near}; `doorward explain` lists the topics")))
}

/// Every topic.
fn known() -> impl Iterator<Item = &'static str> {
    let rules = doorward_rules::catalogue().iter().map(|meta| meta.id);
    let verdicts = VerdictReason::ALL.iter().map(|reason| reason.code());
    let gaps = GapReason::ALL.into_iter().map(GapReason::code);
    let requests = doorward_traffic::reasons().iter().map(|reason| reason.code.as_str());
    std::iter::once("exit-codes").chain(rules).chain(verdicts).chain(gaps).chain(requests)
}

fn topics() -> String {
    let mut text = String::from("Rules:\n");
    for meta in doorward_rules::catalogue() {
        let _ = writeln!(text, "  {:<30} {}", meta.id, meta.title);
    }
    text.push_str("\nReason codes of verdicts:\n");
    for reason in VerdictReason::ALL {
        let _ = writeln!(text, "  {:<38} {:<14} {}", reason.code(), reason.kind(), reason.meaning());
    }
    text.push_str("\nReasons why a value could not be read:\n");
    for reason in GapReason::ALL {
        let _ = writeln!(text, "  {:<30} {}", reason.code(), reason.meaning());
    }
    text.push_str("\nReason codes of requests that are not compliant, as access logs have them:\n");
    for reason in doorward_traffic::reasons() {
        let _ = writeln!(text, "  {:<34} {:<11} {}", reason.code, reason.tier.as_str(), reason.sends);
    }
    text.push_str("\nAlso: exit-codes\n");
    text
}

fn exit_codes() -> String {
    let mut text = String::new();
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(text, "{:>3}  {meaning}", exit.code());
    }
    text
}

fn request_text(reason: &ReasonCode) -> String {
    let documented =
        if reason.documented { "" } else { "; AWS's library has it, its documentation of load balancers does not" };
    let mut text = format!(
        "{} ({}{documented})\n\nSent: {}\n\nTypical clients: {}\n\nFix: {}\n\n",
        reason.code,
        reason.tier.as_str(),
        reason.sends,
        reason.clients,
        reason.fix
    );
    for (mode, treatment) in reason.treatments() {
        let does = match treatment {
            Treatment::Forwarded => "forwards it",
            Treatment::ForwardedAndClosed => "forwards it and closes the connections to client and target",
            Treatment::Blocked => "blocks it with 400",
        };
        let _ = writeln!(text, "  {:<10} {does}", mode.as_str());
    }
    text
}

fn rule_text(meta: &RuleMeta) -> String {
    let mut text =
        format!("{} (version {}, severity {})\n{}\n\n", meta.id, meta.version, meta.severity_text(), meta.title);
    for (heading, body) in
        [("Checks", meta.what), ("Why", meta.why), ("Evidence", meta.evidence), ("Fix", meta.remediation)]
    {
        let _ = writeln!(text, "{heading}: {body}\n");
    }
    text.push_str("Reason codes:\n");
    for reason in meta.reasons {
        let _ = writeln!(text, "  {:<38} {:<14} {}", reason.code(), reason.kind(), reason.meaning());
    }
    text.push_str("\nSee also:\n");
    for reference in meta.references {
        let _ = writeln!(text, "  {reference}");
    }
    text
}
