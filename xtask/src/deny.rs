//! `cargo xtask deny`: packages from elsewhere, checked by cargo-deny: licences, refused packages, sources, and with
//! `--advisories` known vulnerabilities.
//!
//! Advisories change without a change here, and reading them needs a network, so they are a flag.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::workspace;

const VERSION: &str = "0.20.2";

/// Installs cargo-deny once under `target/`, and runs it.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &["--advisories"])?;
    let program = installed()?;
    let mut check = Command::new(program);
    check.current_dir(workspace::root()?).args(["--locked", "check", "--show-stats"]);
    check.args(["licenses", "bans", "sources"]);
    if !arguments.is_empty() {
        check.arg("advisories");
    }
    let status = check.status().context("cargo-deny could not be started")?;
    if !status.success() {
        bail!("cargo-deny objects; its messages are above");
    }
    Ok(ExitCode::SUCCESS)
}

fn installed() -> Result<PathBuf> {
    let folder = workspace::target()?.join("deny");
    let program = folder.join("bin").join("cargo-deny").with_extension(std::env::consts::EXE_EXTENSION);
    if program.exists() {
        return Ok(program);
    }
    eprintln!("installing cargo-deny {VERSION} under {} (once; it compiles for minutes)", folder.display());
    let mut install = workspace::cargo()?;
    install.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--root"]).arg(&folder);
    let status =
        install.arg("--target-dir").arg(folder.join("build")).status().context("cargo could not be started")?;
    if !status.success() {
        bail!("cargo-deny could not be installed; the messages are above");
    }
    // The build products are larger than everything else there.
    std::fs::remove_dir_all(folder.join("build")).context("the build of cargo-deny could not be cleared away")?;
    Ok(program)
}
