//! `cargo xtask grafana`: the example for Grafana and Prometheus loads, and asks for metrics only that Doorward writes.
//!
//! promtool checks the alert rules. The names in the dashboard and in the rules are compared with those of a sample of the metrics.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::page::StepOutcome;
use crate::process::finish;
use crate::workspace;

const FOLDER: &str = "examples/grafana";
const METRICS: &str = "reports/samples/acme-org/history.metrics";

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    if let StepOutcome::Skipped(why) = attempt()? {
        println!("SKIPPED: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks names and, where promtool is installed, the rules.
pub(crate) fn attempt() -> Result<StepOutcome> {
    let root = workspace::root()?;
    let read = |name: &str| {
        let path = root.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let (dashboard, alerts) = (read(&format!("{FOLDER}/dashboard.json"))?, read(&format!("{FOLDER}/alerts.yaml"))?);
    let _: Value = serde_json::from_str(&dashboard).context("dashboard.json is not JSON")?;
    let written = names(&read(METRICS)?);
    let asked: BTreeSet<String> = names(&dashboard).union(&names(&alerts)).cloned().collect();
    let unknown: Vec<&String> = asked.difference(&written).collect();
    ensure!(
        !asked.is_empty() && unknown.is_empty(),
        "the example asks for metrics that Doorward does not write: {unknown:?}"
    );
    println!("{} metrics of the example are among the {} that Doorward writes", asked.len(), written.len());
    let Some(promtool) = promtool().or_else(|| workspace::install("promtool", "prometheus").then(promtool).flatten())
    else {
        let why = "promtool is missing, so the alert rules were not loaded (Debian: prometheus)";
        return Ok(StepOutcome::Skipped(why.to_owned()));
    };
    let rules = root.join(FOLDER).join("alerts.yaml");
    let checked = finish(Command::new(&promtool).args(["check", "rules"]).arg(rules))?;
    ensure!(checked.code == Some(0), "promtool refuses the rules: {} {}", checked.stdout.trim(), checked.stderr.trim());
    println!("{}", checked.stdout.trim());
    Ok(StepOutcome::Passed)
}

/// The names of Doorward's metrics in a text. `doorward` alone, a job or a title, is none.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !word(c)).filter(|name| name.starts_with("doorward_")).map(str::to_owned).collect()
}

fn promtool() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("promtool")).find(|place| place.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_between_other_words() {
        let found = names("sum(doorward_a{mode=\"x\"}) + doorward_b_total / doorwardx, doorward");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["doorward_a", "doorward_b_total"]);
    }
}
