//! The exception register as the binary sees it: files read before a scan, texts kept beside a saved one.

use std::io::Write as _;
use std::path::PathBuf;

use doorward_model::{LoadBalancer, Policy, Rule, ScanReport};
use doorward_rules::exceptions::{Register, Terms};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::plain::harmless;

/// The exception register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionSettings {
    /// The files of the register; relative to the settings file that names them.
    pub(crate) files: Vec<PathBuf>,
    /// The longest term of an exception, in days.
    pub(crate) maximum_days: u32,
    /// How many days before its end an exception is due.
    pub(crate) warn_days: u32,
    /// How many load balancers an exception may cover without saying `many = true`.
    pub(crate) maximum_matches: usize,
}

impl ExceptionSettings {
    pub(crate) fn terms(&self) -> Terms {
        Terms { maximum_days: self.maximum_days, warn_days: self.warn_days, maximum_matches: self.maximum_matches }
    }

    /// Reads the files. A register that cannot be read stops everything before it starts: exceptions neither fail open
    /// nor fail into alarm for everything.
    pub(crate) fn read(&self) -> Result<Texts, Failure> {
        let read = |path: &PathBuf| {
            let text = crate::input::text(path);
            let label = path.display().to_string();
            text.map(|text| File { path: label.clone(), text })
                .map_err(|e| Failure::new(Exit::Usage, format!("{label}: the exception register cannot be read: {e}")))
        };
        Ok(Texts { files: self.files.iter().map(read).collect::<Result<_, _>>()?, settings: self.clone() })
    }
}

/// One file of the register, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct File {
    /// Where it was read.
    pub(crate) path: String,
    /// What it said.
    pub(crate) text: String,
}

/// The register as text, kept beside a saved scan so that it is judged again by the same exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Texts {
    pub(crate) settings: ExceptionSettings,
    pub(crate) files: Vec<File>,
}

impl Texts {
    /// The register. Everything that is wrong with it is named, each with file and line.
    pub(crate) fn register(&self) -> Result<Register, Failure> {
        let files: Vec<(String, String)> = self.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
        Register::parse(&files, &self.settings.terms()).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Usage, lines.join("\n"))
        })
    }
}

/// The rules that are asked of these load balancers, with their exceptions as they stood at a time. `changed` says that a change
/// of modes is known of others, which were not read.
pub(crate) fn rules(
    register: &Register,
    load_balancers: &[LoadBalancer],
    changed: bool,
    at: Timestamp,
) -> Vec<Box<dyn Rule>> {
    register.wrap(&doorward_rules::asked(load_balancers, changed), at)
}

/// Refuses settings by which a scan could ask nothing, before it begins.
pub(crate) fn nothing_to_ask(register: &Register, policy: &Policy) -> Result<(), Failure> {
    let rules = register.wrap(doorward_rules::all(), Timestamp::UNIX_EPOCH);
    let rules: Vec<_> = rules.iter().map(|rule| &**rule).collect();
    any_asked(&rules, policy)
}

/// Refuses to judge by nothing: no finding at all is not a clean result.
pub(crate) fn any_asked(rules: &[&dyn Rule], policy: &Policy) -> Result<(), Failure> {
    let off = |rule: &&dyn Rule| policy.disabled.iter().any(|id| id == rule.meta().id);
    if !rules.iter().all(off) {
        return Ok(());
    }
    let ids: Vec<&str> = rules.iter().map(|rule| rule.meta().id).collect();
    Err(Failure::new(
        Exit::Usage,
        format!(
            "policy.disabled switches off every rule that this scan would ask ({}), so nothing would be checked, which is not a \
             clean result; take at least one of them out of policy.disabled",
            ids.join(", ")
        ),
    ))
}

/// Says on stderr what is worth a look in the register, unless `quiet`, and what cannot stay as it is. The exit code that follows
/// from the latter, if any does: the report is still written, because the figures in it say how wide the exception is.
pub(crate) fn notices(register: &Register, report: &ScanReport, quiet: bool) -> Option<Exit> {
    let counts = report.coverage.counts;
    let whole = counts.complete == counts.in_scope() && report.coverage.accounts_listing.is_full();
    let caveat = if whole { "" } else { " (not everything in scope was read)" };
    let mut exit = None;
    for notice in register.usage(&report.load_balancers, &report.findings, report.run.started) {
        let is_error = notice.kind.is_error();
        if is_error {
            exit = Some(Exit::Usage);
        }
        if is_error || !quiet {
            let before = if is_error { "doorward" } else { "warning" };
            let _ = writeln!(std::io::stderr(), "{before}: {}{caveat}", harmless(&notice.to_string()));
        }
    }
    exit
}
