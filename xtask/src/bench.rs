//! `cargo xtask bench ledger`: the cost of a year of daily scans in time, memory and space. `cargo xtask bench publish`: 50,000
//! findings into Security Hub in 500 account-Regions against the quotas. `cargo xtask bench reports`: 100,000 findings to
//! evidence, owners and the page, with CPU time in the kernel and write calls, compared with Python writing the same workbook.
//! These check their own limits.
//!
//! `cargo xtask bench scan`: the cost of the scanner, compared with a bare loop over the SDK and with plain signed HTTP.
//!
//! `cargo xtask bench doctor`: how long an operator waits for the doctor of 500 accounts.
//! `cargo xtask bench scale`: 10,000 accounts in one process, in shards, and merged, with the growth from 1,000.
//! `cargo xtask bench cold-start`: the package of a Lambda function, and how long it takes to its first call.
//! `cargo xtask bench plugins`: 50,000 findings through a plugin that only counts, compared with a file.
//! `cargo xtask bench check`: a thousand files, compared with Checkov, and a plan of fifty megabytes.
//!
//! `cargo xtask bench traffic`: reading access logs, compared with only decompressing them, and with DuckDB, Polars and awk.
//!
//! In `scan`, all three make the same calls to the same emulated organization, in turns and each in a process of its own. The
//! emulator counts the calls.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace;

mod check;
mod cold_start;
mod contenders;
mod doctor;
mod goals;
mod plugins;
mod scale;
mod table;
mod traffic;

use contenders::{Emulator, Program, Sample, Size};
use goals::Goal;

/// The size of the organization, and how often it is measured.
struct Plan {
    accounts: usize,
    load_balancers: usize,
    rounds: usize,
    strict: bool,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self { accounts: 1_000, load_balancers: 20_000, rounds: 3, strict: false };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let number = |value: Option<&String>| -> Result<usize> {
                let number = value.and_then(|value| value.replace('_', "").parse().ok()).filter(|number| *number > 0);
                number.with_context(|| format!("{flag} takes a number above 0"))
            };
            match flag.as_str() {
                "--accounts" => plan.accounts = number(rest.next())?,
                "--load-balancers" => plan.load_balancers = number(rest.next())?,
                "--rounds" => plan.rounds = number(rest.next())?,
                "--quick" => plan = Self { accounts: 50, load_balancers: 1_000, rounds: 1, ..plan },
                "--strict" => plan.strict = true,
                _ => bail!(
                    "does not know {flag:?}; it takes --quick, --accounts N, --load-balancers N, --rounds N and --strict"
                ),
            }
        }
        Ok(plan)
    }

    fn size(&self, load_balancers: usize, silent: usize) -> Size {
        Size { accounts: self.accounts, load_balancers, silent }
    }
}

/// Runs the benchmark that the first argument names, with the flags that follow.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let names = || OF_CRATES.map(|(name, _)| format!("`{name}`")).join(", ");
    match arguments.split_first() {
        Some((what, rest)) if what == "scan" => scan(rest),
        Some((what, rest)) if what == "traffic" => traffic::run(rest),
        Some((what, rest)) if what == "doctor" => doctor::run(rest),
        Some((what, rest)) if what == "check" => check::run(rest),
        Some((what, rest)) if what == "scale" => scale::run(rest),
        Some((what, rest)) if what == "cold-start" => cold_start::run(rest),
        Some((what, [])) if what == "plugins" => plugins::run(),
        Some((what, [])) => match OF_CRATES.iter().find(|(name, _)| name == what) {
            Some((_, packages)) => of_crates(packages),
            None => bail!(
                "does not know {what:?}; it takes `scan`, `scale`, `cold-start`, `traffic`, `check` or `doctor` with flags, `plugins`, or {}",
                names()
            ),
        },
        _ => bail!(
            "takes what to measure: `scan`, `scale`, `cold-start`, `traffic`, `check` or `doctor` with flags, `plugins`, or {}",
            names()
        ),
    }
}

/// Benchmarks that crates contain, with limits of their own.
const OF_CRATES: [(&str, &[&str]); 3] = [
    ("ledger", &["doorward-ledger"]),
    ("publish", &["doorward-sink-securityhub"]),
    ("reports", &["doorward-sink-evidence", "doorward-sink-owners", "doorward-sink-page"]),
];

fn of_crates(packages: &[&str]) -> Result<ExitCode> {
    let mut within = true;
    for package in packages {
        println!("== {package}");
        // The benchmark alone: the crate's unit tests would only be listed.
        within &=
            workspace::cargo()?.args(["bench", "--locked", "--package", package, "--bench", "*"]).status()?.success();
    }
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds and measures, prints the tables, and compares the figures with the goals.
fn scan(arguments: &[String]) -> Result<ExitCode> {
    let plan = Plan::read(arguments)?;
    let program = Program::build(true)?;
    let full = program.serve(plan.size(plan.load_balancers, 0))?;
    let smaller =
        [program.serve(plan.size(plan.load_balancers / 4, 0))?, program.serve(plan.size(plan.load_balancers / 2, 0))?];
    let silent = program.serve(plan.size(plan.load_balancers, 10))?;

    println!("{} accounts x 17 Regions x {} load balancers ({})", plan.accounts, plan.load_balancers, full.kinds());
    println!("Quotas are off, 64 requests are in flight, rounds in turns: {}; medians.", plan.rounds);
    println!("Application load balancers log by attribute, so CloudWatch Logs is not called for deliveries.\n");

    let mut rounds = Rounds::default();
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        rounds.scan.push(full.measure(&program, "scan")?);
        rounds.sdk.push(full.measure(&program, "sdk")?);
        rounds.raw.push(full.measure(&program, "raw")?);
        for (emulator, samples) in smaller.iter().zip(&mut rounds.smaller) {
            samples.push(emulator.measure(&program, "scan")?);
        }
    }
    let with_silent = silent.measure(&program, "scan")?;

    let goals = rounds.report(&plan, &full, &smaller)?;
    table::silent(&with_silent, silent.minimum.total());
    println!();
    for goal in &goals {
        println!("{goal}");
    }
    let of = |verdict: Option<bool>| goals.iter().filter(|goal| goal.met == verdict).count();
    let (met, missed, open) = (of(Some(true)), of(Some(false)), of(None));
    println!("\n{met} goals met, {missed} missed, {open} not measurable at this size");
    Ok(if missed > 0 && plan.strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The measurements of all rounds.
#[derive(Default)]
struct Rounds {
    scan: Vec<Sample>,
    sdk: Vec<Sample>,
    raw: Vec<Sample>,
    /// The scanner with a quarter and with half of the load balancers.
    smaller: [Vec<Sample>; 2],
}

impl Rounds {
    /// Prints the tables and returns the goals with their figures.
    fn report(&self, plan: &Plan, full: &Emulator, smaller: &[Emulator; 2]) -> Result<Vec<Goal>> {
        let scan = Sample::median(&self.scan).context("nothing was measured")?;
        let sdk = Sample::median(&self.sdk).context("nothing was measured")?;
        let raw = Sample::median(&self.raw).context("nothing was measured")?;
        full.minimum.exactly(&sdk, |_| true).context("the SDK loop is no yardstick")?;
        full.minimum.exactly(&raw, contenders::in_raw).context("the raw client is no floor")?;
        table::contenders(&[&scan, &sdk, &raw]);
        table::calls(&scan, &full.minimum);

        // Other work on the machine only ever adds CPU time, so the least of the rounds is nearest to the scanner's own.
        let least = |rounds: &[Sample]| rounds.iter().map(Sample::cpu_seconds).fold(f64::INFINITY, f64::min);
        let [quarter, half] = &self.smaller;
        let cpu = [least(quarter), least(half), least(&self.scan)];
        let quarter = Sample::median(quarter).context("nothing was measured")?;
        let half = Sample::median(half).context("nothing was measured")?;
        let sizes = [smaller[0].size.load_balancers, smaller[1].size.load_balancers, plan.load_balancers];
        let growth = [&quarter, &half, &scan];
        table::growth(sizes, growth);
        Ok(vec![
            goals::memory(&scan),
            goals::calls(&scan, full.minimum.total()),
            goals::cpu(&self.scan, &self.sdk),
            goals::linear("CPU time linear in load balancers", sizes, cpu, 1.0),
            goals::linear("peak memory linear in load balancers", sizes, growth.map(|sample| sample.peak_mb), 10.0),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Plan> {
        Plan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read() {
        let plan = read("--quick --load-balancers 2_000 --strict").expect("reads");
        assert_eq!((plan.accounts, plan.load_balancers, plan.rounds, plan.strict), (50, 2_000, 1, true));
        for bad in ["--rounds", "--rounds 0", "--accounts many", "--fast"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        for bad in [vec![], vec!["everything"], vec!["ledger", "--quick"]] {
            let words: Vec<String> = bad.iter().map(|word| (*word).to_owned()).collect();
            assert!(run(&words).is_err(), "{bad:?}");
        }
    }
}
