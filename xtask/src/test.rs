//! `cargo xtask test`: every check of the project, one step after the other; a failing step does not stop the others.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::page::{self, StepOutcome};
use crate::{
    asff, costs, cross_check, deny, e2e, evidence, formats, grafana, iam, plugins, samples, setup, tidy, traffic,
    workflows, workspace,
};

/// Which steps run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// Those that need the Rust toolchain only.
    Quick,
    /// All of them.
    Full,
    /// All of them, with the slow lanes of the tests.
    Slow,
}

/// A step: its name, the least extent at which it runs, and its function.
type Step = (&'static str, Extent, fn(Extent) -> Result<StepOutcome>);

const STEPS: &[Step] = &[
    ("format", Extent::Quick, |_| cargo(&["fmt", "--all", "--check"], Extent::Quick)),
    ("lints", Extent::Quick, |_| lints()),
    ("tidy", Extent::Quick, |_| task(tidy::run, &[])),
    ("iam templates", Extent::Quick, |_| task(iam::run, &["--check"])),
    ("tests", Extent::Quick, |extent| cargo(&["test", "--workspace", "--locked", "--quiet"], extent)),
    ("plugins", Extent::Quick, |_| plugins::attempt()),
    ("samples", Extent::Full, |_| task(samples::run, &["--check"])),
    ("findings model", Extent::Full, |_| task(asff::run, &[])),
    ("page in a browser", Extent::Full, |_| page::attempt(None)),
    ("formats", Extent::Full, |_| task(formats::run, &[])),
    ("evidence in a spreadsheet", Extent::Full, |_| evidence::attempt()),
    ("templates", Extent::Full, |_| task(setup::run, &[])),
    ("workflows", Extent::Full, |_| task(workflows::run, &[])),
    ("cross-check with boto3", Extent::Full, |_| task(cross_check::run, &[])),
    ("cross-check of traffic", Extent::Full, |_| task(traffic::run, &[])),
    ("sums of billing exports", Extent::Full, |_| task(costs::run, &[])),
    ("example for Grafana", Extent::Full, |_| grafana::attempt()),
    ("packages", Extent::Slow, |_| task(deny::run, &["--advisories"])),
    ("end-to-end tests", Extent::Full, |_| task(e2e::run, &[])),
];

/// Runs the steps and prints how many passed, failed and were skipped.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &["--quick", "--slow"])?;
    let extent = match arguments {
        [] => Extent::Full,
        [one] if one == "--quick" => Extent::Quick,
        [one] if one == "--slow" => Extent::Slow,
        _ => bail!("takes --quick or --slow, not both"),
    };
    let (mut passed, mut failed, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let begun = Instant::now();
    for (name, _, step) in STEPS.iter().filter(|(_, from, _)| *from <= extent) {
        println!("== {name}");
        let step_begun = Instant::now();
        let outcome = step(extent);
        let seconds = step_begun.elapsed().as_secs_f64();
        match outcome {
            Ok(StepOutcome::Passed) => {
                println!("== {name}: passed ({seconds:.1} s)\n");
                passed.push(*name);
            }
            Ok(StepOutcome::Skipped(why)) => {
                println!("== {name}: SKIPPED: {why}\n");
                skipped.push(*name);
            }
            Err(error) => {
                println!("== {name}: FAILED ({seconds:.1} s): {error:#}\n");
                failed.push(*name);
            }
        }
    }
    let which = if failed.is_empty() { "nothing failed".to_owned() } else { format!("failed: {}", failed.join(", ")) };
    let steps = passed.len() + failed.len() + skipped.len();
    println!("{steps} steps in {:.0} s; {which}", begun.elapsed().as_secs_f64());
    if skipped.is_empty() {
        println!("{} passed, {} failed", passed.len(), failed.len());
    } else {
        println!("skipped, result unknown: {}", skipped.join(", "));
        println!("{} passed, {} failed, {} skipped", passed.len(), failed.len(), skipped.len());
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo(arguments: &[&str], extent: Extent) -> Result<StepOutcome> {
    let mut command: Command = workspace::cargo_with_lints()?;
    command.args(arguments);
    // Many tests wait for processes, pauses and deadlines, so one thread for each processor would leave processors idle. More than one
    // thread above that makes tests miss their own deadlines on a busy machine.
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    command.env("RUST_TEST_THREADS", (processors + 1).to_string());
    if extent == Extent::Slow {
        // Each nightly run draws other cases.
        let seed = std::process::id() ^ SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
        println!("PROPTEST_RNG_SEED={seed}");
        command.env("DOORWARD_SLOW", "1").env("PROPTEST_RNG_SEED", seed.to_string());
    }
    let status = command.status().context("cargo could not be started")?;
    if !status.success() {
        bail!("cargo {} failed; its messages are above", arguments.first().copied().unwrap_or_default());
    }
    Ok(StepOutcome::Passed)
}

/// Builds everything with Clippy's lints and refuses warnings. Cargo repeats those of crates that it does not compile again.
fn lints() -> Result<StepOutcome> {
    let output = workspace::cargo_with_lints()?
        .args(["test", "--workspace", "--all-targets", "--locked", "--no-run", "--quiet", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    let warnings = warnings(&String::from_utf8_lossy(&output.stdout));
    for warning in &warnings {
        println!("{warning}");
    }
    if !output.status.success() || !warnings.is_empty() {
        bail!("{} warnings and errors; they are above", warnings.len());
    }
    Ok(StepOutcome::Passed)
}

/// The warnings and errors among Cargo's messages, each once: a crate is compiled for itself and for its tests.
fn warnings(messages: &str) -> BTreeSet<String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_compiler = messages.filter(|message| message["reason"] == "compiler-message");
    of_compiler
        .filter(|message| matches!(message["message"]["level"].as_str(), Some("warning" | "error")))
        .filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned))
        .collect()
}

fn task(run: fn(&[String]) -> Result<ExitCode>, arguments: &[&str]) -> Result<StepOutcome> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    if run(&arguments)? != ExitCode::SUCCESS {
        bail!("the violations are above");
    }
    Ok(StepOutcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_found_once_and_nothing_else_is() {
        let message = |level: &str, text: &str| {
            let message = serde_json::json!({"level": level, "rendered": text});
            serde_json::json!({"reason": "compiler-message", "message": message}).to_string()
        };
        let (unwrap, note) = (message("warning", "warning: used `unwrap()`"), message("note", "a note"));
        let messages = format!("{unwrap}\n{unwrap}\n{note}\n{{\"reason\":\"build-finished\"}}\nnot JSON");
        assert_eq!(warnings(&messages).into_iter().collect::<Vec<_>>(), ["warning: used `unwrap()`"]);
        assert_eq!(warnings("").len(), 0);
    }
}
