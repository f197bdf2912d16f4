//! Topics of `doorward explain` besides rules and reason codes: figures, metrics, settings, severities and modes.

use std::fmt::Write as _;

use doorward_model::{FIGURES, GlossaryFigure, Mode, Severity};
use doorward_sink_text::history::METRICS;

/// Every mode, the weakest first.
const MODES: [Mode; 3] = [Mode::Monitor, Mode::Defensive, Mode::Strictest];

/// A setting: its key, its default as written, and the comment above it.
pub(crate) struct SettingText {
    key: String,
    default: String,
    comment: String,
}

/// The names of all topics of this module.
pub(super) fn names(settings: &[SettingText]) -> impl Iterator<Item = String> {
    let figures = FIGURES.iter().map(|figure| figure.id);
    let severities = Severity::ALL.into_iter().map(Severity::as_str);
    let modes = MODES.into_iter().map(Mode::as_str);
    let metrics = METRICS.iter().map(|(name, _)| format!("doorward_{name}"));
    let fixed = figures.chain(severities).chain(modes).chain(["severity", "modes"]).map(str::to_owned);
    fixed.chain(settings.iter().map(|setting| setting.key.clone())).chain(metrics)
}

/// The text of a topic.
pub(super) fn text(topic: &str, settings: &[SettingText]) -> Option<String> {
    if let Some(GlossaryFigure { id, name, definition, shown }) = doorward_model::figure(topic) {
        return Some(format!("{name} ({id})\n\n{definition}\n\nShown in: {shown}\n"));
    }
    if let Some(setting) = settings.iter().find(|setting| setting.key == topic) {
        let SettingText { key, default, comment } = setting;
        let variable = key.to_uppercase().replace('.', "__");
        return Some(format!("{key}\n\n{comment}\n\nDefault: {default}\nVariable: DOORWARD_{variable}\n"));
    }
    if let Some((name, help)) = METRICS.iter().find(|(name, _)| topic.strip_prefix("doorward_") == Some(*name)) {
        return Some(format!(
            "doorward_{name} (gauge)\n\n{help}\n\nPrinted by: doorward history --format openmetrics\n"
        ));
    }
    if topic == "severity" {
        return Some(Severity::ALL.iter().fold(String::new(), |mut text, severity| {
            let _ = writeln!(text, "{:<14} {}", severity.as_str(), of_severity(*severity));
            text
        }));
    }
    if topic == "modes" {
        return Some(MODES.iter().fold(String::new(), |mut text, mode| {
            let _ = writeln!(text, "{:<10} {}", mode.as_str(), of_mode(*mode));
            text
        }));
    }
    if let Some(severity) = Severity::ALL.into_iter().find(|severity| severity.as_str() == topic) {
        return Some(format!("{topic} (severity)\n\n{}\n", of_severity(severity)));
    }
    let mode = MODES.into_iter().find(|mode| mode.as_str() == topic)?;
    Some(format!("{topic} (desync mitigation mode)\n\n{}\n", of_mode(mode)))
}

/// The lists of topics, for `doorward explain`.
pub(super) fn listed(settings: &[SettingText]) -> String {
    let mut text = String::from("\nFigures that outputs show:\n");
    for GlossaryFigure { id, name, .. } in FIGURES {
        let _ = writeln!(text, "  {id:<30} {name}");
    }
    text.push_str("\nMetrics of `doorward history --format openmetrics`:\n");
    for (name, help) in METRICS {
        let _ = writeln!(text, "  {:<50} {help}", format!("doorward_{name}"));
    }
    text.push_str("\nSettings:\n");
    for SettingText { key, default, .. } in settings {
        let _ = writeln!(text, "  {key:<38} {default}");
    }
    text
}

const fn of_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Fix now.",
        Severity::High => "Fix soon.",
        Severity::Medium => "Fix.",
        Severity::Low => "Fix when convenient.",
        Severity::Informational => "An improvement is possible; nothing is wrong. It is not an open finding.",
    }
}

const fn of_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Monitor => {
            "The weakest mode: requests are classified, and all of them are forwarded, even those that AWS classifies as Severe."
        }
        Mode::Defensive => {
            "AWS's default: requests that are classified as Severe are blocked; Ambiguous ones are forwarded, and the connections are closed."
        }
        Mode::Strictest => "The strongest mode: only requests that are Compliant are forwarded.",
    }
}

/// Every setting of the default settings, with the comment above it.
pub(super) fn settings(default: &str) -> Vec<SettingText> {
    let (mut all, mut section, mut comment) = (Vec::new(), String::new(), String::new());
    let (mut is_open, mut in_list) = (false, false);
    for line in default.lines() {
        let line = line.trim_end();
        let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let optional = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")).filter(|(key, _)| is_key(key));
        in_list = line.starts_with("# [") || (in_list && line.starts_with("# "));
        if let Some((key, value)) = optional.filter(|_| !in_list) {
            is_open = false;
            all.push(SettingText {
                key: format!("{section}.{key}"),
                default: format!("not set; for example {value}"),
                comment: comment.clone(),
            });
        } else if let Some(text) = line.strip_prefix("# ") {
            // A comment after a value begins a new one.
            if !is_open {
                comment.clear();
            }
            is_open = true;
            let gap = if comment.is_empty() { "" } else { " " };
            let _ = write!(comment, "{gap}{text}");
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            comment.clear();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with([' ', '#'])) {
            is_open = false;
            let key = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            all.push(SettingText { key, default: value.to_owned(), comment: comment.clone() });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_text_and_settings_are_explained() {
        let settings = settings(include_str!("../../../config/default.toml"));
        for name in names(&settings) {
            assert!(text(&name, &settings).is_some(), "{name}");
        }
        let coverage = text("report.minimum_coverage", &settings).expect("a setting");
        assert!(
            coverage.contains("Default: 100.0") && coverage.contains("DOORWARD_REPORT__MINIMUM_COVERAGE"),
            "{coverage}"
        );
        assert!(settings.len() > 40, "{}", settings.len());
        assert!(
            text("open-findings", &settings).expect("a figure").contains("Informational"),
            "the totals are explained"
        );
    }
}
