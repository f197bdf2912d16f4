//! `cargo xtask costs`: billing exports are summed with DuckDB too, and every sum must be the same to the last digit.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};

use crate::process::finish;
use crate::{traffic, workspace};

/// Runs the comparison over the samples and over generated exports.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let (python, program) = (traffic::python()?, workspace::example("sums")?);
    let root = workspace::root()?;
    let samples = root.join("crates/doorward-cost/tests/exports");
    let mut check = Command::new(python);
    check.arg(root.join("xtask/costs/check.py")).arg(program);
    let done = finish(check.args(["focus.csv", "cur2.csv"].map(|name| samples.join(name))))?;
    ensure!(done.code == Some(0), "DuckDB and Doorward have other sums: {}", done.stderr.trim());
    println!("{}", done.stdout.trim());
    Ok(ExitCode::SUCCESS)
}
