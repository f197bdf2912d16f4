//! `doorward explain`: rules, reason codes, figures, settings and exit codes, from the places that define them. And the examples at the end of
//! the help of each command.
//!
//! Topics are answered as plain text of several lines, which ends with a line break.

use std::fmt::Write as _;

use doorward_model::{GapReason, RuleMeta, VerdictReason};
use doorward_traffic::{OtherRequest, ReasonCode, ReasonExample, Treatment};

mod exit_codes;
pub mod help_examples;
pub mod manual_page;
mod topics;

pub use exit_codes::EXIT_CODES;

use topics::SettingText;

/// How alike a topic must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.8;
/// How many topics are suggested.
const SUGGESTED: usize = 5;
const ABOUT_EXIT_CODES: &str = "exit-codes";

/// A topic that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{asked:?} is not a topic{near}; `doorward explain` lists the topics")]
pub struct UnknownTopic {
    asked: String,
    /// The names of similar topics as a parenthesis, or nothing.
    near: String,
}

/// All topics that can be explained.
pub struct Explanations {
    settings: Vec<SettingText>,
}

impl Explanations {
    /// The topics of a program with these default settings (TOML with a comment above each key).
    pub fn new(default_settings: &str) -> Self {
        Self { settings: topics::settings(default_settings) }
    }

    /// The text of a topic, in large or small letters, or the list of topics.
    ///
    /// # Errors
    ///
    /// The topic does not exist; the message names similar ones.
    pub fn text(&self, topic: Option<&str>) -> Result<String, UnknownTopic> {
        let Some(asked) = topic else { return Ok(self.list()) };
        let names = self.names();
        let exact = names.iter().find(|name| *name == asked);
        let topic = exact.or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(asked.trim())));
        topic.and_then(|topic| self.of(topic)).ok_or_else(|| {
            let near = suggestions(asked, &names);
            let near = if near.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(", ")) };
            UnknownTopic { asked: asked.to_owned(), near }
        })
    }

    /// The text of an existing topic.
    fn of(&self, topic: &str) -> Option<String> {
        if topic == ABOUT_EXIT_CODES {
            return Some(exit_codes_text());
        }
        if let Some(meta) = doorward_rules::catalogue().iter().find(|meta| meta.id == topic) {
            return Some(rule_text(meta));
        }
        if let Some(reason) = VerdictReason::ALL.iter().find(|reason| reason.code() == topic) {
            return Some(verdict_text(*reason));
        }
        if let Some(reason) = GapReason::ALL.into_iter().find(|reason| reason.code() == topic) {
            return Some(format!("{topic}\n\n{}\n\nFix: {}\n", reason.meaning(), reason.remedy()));
        }
        if let Some(reason) = doorward_traffic::reason(topic) {
            return Some(request_text(reason));
        }
        topics::text(topic, &self.settings)
    }

    /// Every topic.
    fn names(&self) -> Vec<String> {
        let rules = doorward_rules::catalogue().iter().map(|meta| meta.id);
        let verdicts = VerdictReason::ALL.iter().map(|reason| reason.code());
        let gaps = GapReason::ALL.into_iter().map(GapReason::code);
        let requests = doorward_traffic::reasons().iter().map(|reason| reason.code.as_str());
        let defined = rules.chain(verdicts).chain(gaps).chain(requests).chain([ABOUT_EXIT_CODES]);
        defined.map(str::to_owned).chain(topics::names(&self.settings)).collect()
    }

    fn list(&self) -> String {
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
        text.push_str(&topics::listed(&self.settings));
        text.push_str("\nAlso: exit-codes, severity, modes\n");
        text
    }
}

/// Topics that contain what was asked for, or are spelt much like it; the nearest first.
fn suggestions<'a>(asked: &str, names: &'a [String]) -> Vec<&'a str> {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let asked = plain(asked);
    if asked.is_empty() {
        return Vec::new();
    }
    let score = |name: &str| {
        let name = plain(name);
        if name.contains(&asked) { 1.0 } else { strsim::jaro_winkler(&asked, &name) }
    };
    let mut near: Vec<(f64, &str)> = names.iter().map(|name| (score(name), name.as_str())).collect();
    near.retain(|(score, _)| *score > ALIKE);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter().take(SUGGESTED).map(|(_, name)| name).collect()
}

fn verdict_text(reason: VerdictReason) -> String {
    let rules = doorward_rules::catalogue().iter().filter(|meta| meta.reasons.contains(&reason)).map(|meta| meta.id);
    let rules: Vec<&str> = rules.collect();
    let rules = if rules.is_empty() { "every rule".to_owned() } else { rules.join(", ") };
    let (code, kind, meaning) = (reason.code(), reason.kind(), reason.meaning());
    format!("{code} (verdict: {kind}; rules: {rules})\n\n{meaning}\n")
}

fn request_text(reason: &ReasonCode) -> String {
    let documented = if reason.documented {
        ""
    } else {
        "; it is in AWS's library, but not in AWS's documentation of load \
             balancers"
    };
    let mut text = format!(
        "{} ({}{documented})\n\nSent: {}\n\nTypical clients: {}\n\nFix: {}\n\n",
        reason.code,
        reason.tier.as_str(),
        reason.sends,
        reason.clients,
        reason.fix
    );
    if let Some(differs) = &reason.differs {
        let _ = writeln!(text, "Documentation and library: {differs}\n");
    }
    if !reason.examples.is_empty() {
        text.push_str("Examples, as AWS's library classifies them:\n");
        for ReasonExample { what, request } in &reason.examples {
            let _ = writeln!(text, "  {what}: {}", request.escape_debug());
        }
        text.push('\n');
    }
    if !reason.others.is_empty() {
        text.push_str("Classified otherwise:\n");
        for OtherRequest { what, request, gives } in &reason.others {
            let _ = writeln!(text, "  {what}, {gives}: {}", request.escape_debug());
        }
        text.push('\n');
    }
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

fn exit_codes_text() -> String {
    EXIT_CODES.iter().fold(String::new(), |mut text, (code, meaning)| {
        let _ = writeln!(text, "{code:>3}  {meaning}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str =
        "# What may fail.\n[report]\n# How much must be read, in percent.\nminimum_coverage = 100.0\n";

    fn all() -> Explanations {
        Explanations::new(SETTINGS)
    }

    #[test]
    fn topics_are_found_in_any_case_and_near_ones_are_named() {
        let all = all();
        for name in all.names() {
            assert!(all.text(Some(&name)).is_ok(), "{name}");
            let upper = name.to_uppercase();
            assert!(all.text(Some(&upper)).is_ok(), "{upper}");
        }
        for (asked, near) in [
            ("GetHead", "GetHeadZeroContentLength"),
            ("gethead", "GetHeadZeroContentLength"),
            ("BothTeClPresnt", "BothTeClPresent"),
            ("both-te-cl-present", "BothTeClPresent"),
            ("acces-denied", "access-denied"),
            ("exit codes", "exit-codes"),
        ] {
            let refused = all.text(Some(asked)).expect_err(asked).to_string();
            assert!(refused.contains(near), "{refused}");
        }
        let refused = all.text(Some("zzz")).expect_err("no topic").to_string();
        assert!(!refused.contains("did you mean"), "{refused}");
    }

    #[test]
    fn documentation_and_library_are_both_named() {
        let text = all().text(Some("noncompliantheader")).expect("a topic");
        for part in [
            "AWS's documentation names",
            "AWS's library accepts UTF-8",
            "X Trace: 1\\r\\n",
            "UTF-8 in a value, Compliant",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
