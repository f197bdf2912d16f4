//! Development tasks, one file each: `cargo xtask TASK [arguments]`.
//!
//! Nothing here is part of the product. A task prints its results; it fails with one sentence that names the next step.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks print their results")]

use std::process::ExitCode;

use anyhow::Result;

mod asff;
mod athena;
mod bench;
mod costs;
mod credentials;
mod cross_check;
mod deny;
mod e2e;
mod evidence;
mod formats;
mod grafana;
mod iam;
mod page;
mod plugins;
mod process;
mod python;
mod samples;
mod setup;
mod test;
mod tidy;
mod traffic;
mod workflows;
mod workspace;

/// A task: its name, its arguments, its description in one line, and the function.
type Task = (&'static str, &'static str, &'static str, fn(&[String]) -> Result<ExitCode>);

const TASKS: &[Task] = &[
    (
        "bench",
        "scan [FLAGS] | scale [FLAGS] | traffic [FLAGS] | doctor [FLAGS] | check [FLAGS] | ledger | plugins | publish | reports",
        "measure the scanner, the ledger, plugins, publishing, reports, the doctor, checks and reading logs, compared with other tools",
        bench::run,
    ),
    ("athena", "", "count a corpus with Java and DuckDB by the queries for Athena, and compare", athena::run),
    ("deny", "[--advisories]", "check packages, licences and sources with cargo-deny", deny::run),
    ("evidence", "", "read evidence packs with openpyxl, pandas and LibreOffice, and compare", evidence::run),
    ("grafana", "", "check the example for Grafana and Prometheus with promtool", grafana::run),
    ("iam", "[--check]", "write config/iam/ as doorward setup does", iam::run),
    ("asff", "", "check rendered findings against the service model that botocore ships", asff::run),
    ("costs", "", "sum billing exports with DuckDB too, and compare", costs::run),
    ("cross-check", "", "read the emulated organization with boto3 too, and compare", cross_check::run),
    ("credentials", "", "compare whose credentials sign with botocore, in generated environments", credentials::run),
    ("formats", "", "read OSCAL, OCSF, Parquet and JUnit with other libraries, and compare", formats::run),
    ("page", "[--shots FOLDER]", "open the HTML page in a browser and compare it with its report", page::run),
    ("plugins", "", "test the examples and skeletons of plugins, those in Rust compiled", plugins::run),
    ("samples", "[--check]", "write reports/samples/ and the samples in README.md from real runs", samples::run),
    ("setup", "", "check the output of doorward setup with cfn-lint, parliament and a Terraform parser", setup::run),
    ("e2e", "[--keep] [CASE...]", "run the scanner against moto, directly and through injected faults", e2e::run),
    (
        "test",
        "[--quick | --slow]",
        "everything: format, lints, tidy, IAM templates, tests, cross-checks, end-to-end tests",
        test::run,
    ),
    (
        "traffic",
        "[--bytes N]",
        "count generated access logs with DuckDB too, and compare with their known content",
        traffic::run,
    ),
    ("workflows", "", "check the workflows with zizmor and their schemas", workflows::run),
    (
        "tidy",
        "[--list CHECK]",
        "check floors, import cycles, names, words, folders, style, packages and their features",
        tidy::run,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        help();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        help();
        return ExitCode::SUCCESS;
    }
    let Some((_, usage, _, task)) = TASKS.iter().find(|(task, ..)| task == name) else {
        eprintln!("there is no task {name:?}");
        help();
        return ExitCode::from(2);
    };
    if rest.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        println!("usage: cargo xtask {name} {usage}");
        return ExitCode::SUCCESS;
    }
    match task(rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn help() {
    eprintln!("usage: cargo xtask TASK [arguments]\n");
    for (name, usage, what, _) in TASKS {
        eprintln!("  {:<28} {what}", format!("{name} {usage}"));
    }
}

/// Refuses arguments that a task does not know, so that a misspelled flag never runs the default.
pub(crate) fn only(given: &[String], known: &[&str]) -> Result<()> {
    match given.iter().find(|argument| !known.contains(&argument.as_str())) {
        Some(unknown) if known.is_empty() => anyhow::bail!("takes no arguments, not {unknown:?}"),
        Some(unknown) => anyhow::bail!("does not know {unknown:?}; it takes {}", known.join(", ")),
        None => Ok(()),
    }
}
