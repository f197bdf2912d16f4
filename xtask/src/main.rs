//! Development tasks, one file each: `cargo xtask TASK [arguments]`.
//!
//! Nothing here is part of the product. A task talks to people, so it prints; it fails with one sentence that says what
//! to do.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who started them")]

use std::process::ExitCode;

use anyhow::Result;

mod asff;
mod athena;
mod bench;
mod deny;
mod evidence;
mod iam;
mod opinion;
mod page;
mod process;
mod samples;
mod setup;
mod stand;
mod test;
mod tidy;
mod traffic;
mod workflows;
mod workspace;

/// A task: its name, what it takes, what it does in one line, and the function.
type Task = (&'static str, &'static str, &'static str, fn(&[String]) -> Result<ExitCode>);

const TASKS: &[Task] = &[
    (
        "bench",
        "scan [--quick] [FLAGS] | ledger | traffic [--quick] [FLAGS] | doctor [FLAGS]",
        "measure the scanner beside a bare SDK loop and plain HTTP; the ledger; reading logs beside other engines",
        bench::run,
    ),
    ("athena", "", "let Java and DuckDB count a corpus as Athena is told to, and compare", athena::run),
    ("deny", "[--advisories]", "let cargo-deny check packages, licences and sources", deny::run),
    ("evidence", "", "let openpyxl, pandas and LibreOffice read evidence packs, and compare", evidence::run),
    ("iam", "[--check]", "write config/iam/ as doorward setup does", iam::run),
    ("asff", "", "check rendered findings against the service model that botocore ships", asff::run),
    ("opinion", "", "let boto3 look at the emulated organization too, and compare", opinion::run),
    ("page", "[--shots FOLDER]", "open the HTML page in a real browser and compare it with its report", page::run),
    ("samples", "[--check]", "write reports/samples/ and the samples in README.md from real runs", samples::run),
    ("setup", "", "check what doorward setup prints with cfn-lint, parliament and a parser of Terraform", setup::run),
    ("stand", "[--keep] [CASE...]", "run the scanner against moto, and through faults in front of it", stand::run),
    ("test", "[--quick | --slow]", "everything: format, lints, tidy, iam, tests, second opinion, stand", test::run),
    (
        "traffic",
        "[--bytes N]",
        "let DuckDB count generated access logs too, and compare with their truth",
        traffic::run,
    ),
    ("workflows", "", "check the workflows with zizmor and their schemas", workflows::run),
    ("tidy", "[--list CHECK]", "check floors, import cycles, names, words, folders, style, packages and their features", tidy::run),
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

/// Refuses arguments a task does not know; a typing error must not run something else than what was meant.
pub(crate) fn only(given: &[String], known: &[&str]) -> Result<()> {
    match given.iter().find(|argument| !known.contains(&argument.as_str())) {
        Some(unknown) if known.is_empty() => anyhow::bail!("takes no arguments, not {unknown:?}"),
        Some(unknown) => anyhow::bail!("does not know {unknown:?}; it takes {}", known.join(", ")),
        None => Ok(()),
    }
}
