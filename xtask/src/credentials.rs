//! `cargo xtask credentials`: generated environments, in each of which the scanner and botocore must sign with the same key.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::finish;
use crate::{python, workspace};

/// Fewer cases than this mean that the generator lost some.
const AT_LEAST: u64 = 600;

/// Runs the comparison, which takes a few minutes: botocore waits for each case.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::with_emulators()?;
    let scanner = workspace::build("doorward")?;
    let script = workspace::root()?.join("crates/doorward-aws/tests/credential_matrix.py");
    let compared = finish(Command::new(python).arg(script).arg(scanner))?;
    let result: Value = serde_json::from_str(&compared.stdout)
        .with_context(|| format!("credential_matrix.py printed no JSON: {}", compared.stderr.trim()))?;
    let differences = result["differences"].as_array().context("the result lists no differences")?;
    ensure!(compared.code == Some(0) && differences.is_empty(), "botocore differs: {differences:#?}");
    let cases = result["cases"].as_u64().unwrap_or_default();
    ensure!(cases >= AT_LEAST, "only {cases} cases were compared");
    println!(
        "{cases} environments: botocore and the scanner agree, {} of them by decisions 281 and 372",
        result["by_decision"]
    );
    Ok(ExitCode::SUCCESS)
}
