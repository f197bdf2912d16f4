//! `cargo xtask asff`: rendered findings, unusual ones included, validated by the service model in botocore.
//!
//! The renderer and the emulated Security Hub could share a misreading of AWS's documents. The model is AWS's own: required
//! fields, lengths and enumerations.

use std::process::Command;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::process::finish;
use crate::{python, workspace};

const TESTS: [&str; 2] = ["odd::nothing_is_cut_silently_and_nothing_is_too_large", "render::findings_look_like_this"];
const FILES: [&str; 2] = ["odd.json", "gallery.json"];

/// Runs the tests that write their findings to a folder, and validates these.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::with_emulators()?;
    let folder = tempfile::tempdir().context("no folder for the findings")?;
    // The whole workspace, as the tests are built: another selection would build the SDK a second time.
    let mut tests = workspace::cargo_with_lints()?;
    tests
        .args(["test", "--quiet", "--locked", "--workspace", "--test", "it", "--", "--exact"])
        .args(TESTS)
        .env("DOORWARD_ASFF_OUT", folder.path());
    let tested = finish(&mut tests)?;
    ensure!(tested.code == Some(0), "the findings could not be rendered: {}{}", tested.stdout, tested.stderr);
    let mut check = Command::new(python);
    check.arg(workspace::root()?.join("crates/doorward-sink-securityhub/tests/botocore_check.py"));
    check.args(FILES.map(|file| folder.path().join(file)));
    let checked = finish(&mut check)?;
    ensure!(checked.code == Some(0), "AWS's model refuses a finding: {}", checked.stderr.trim());
    println!("{}", checked.stdout.trim());
    Ok(ExitCode::SUCCESS)
}
