//! `cargo xtask bench plugins`: 50,000 findings through a plugin that only counts, compared with the same report to a file.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::workspace;

/// Builds the program as it is released and runs the comparison, which has its own limits.
pub(super) fn run() -> Result<ExitCode> {
    let built =
        workspace::cargo()?.args(["build", "--quiet", "--locked", "--release", "--package", "doorward"]).status();
    anyhow::ensure!(built.context("cargo could not be started")?.success(), "the program does not build");
    let (root, target) = (workspace::root()?, workspace::target()?);
    let program = target.join("release/doorward").with_extension(std::env::consts::EXE_EXTENSION);
    let mut compare = Command::new("python3");
    compare.arg(root.join("xtask/plugins/bench.py")).arg(program);
    let status = compare.arg(root.join("reports/samples/acme-org/scan.saved")).status();
    Ok(if status.context("this needs python3")?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
