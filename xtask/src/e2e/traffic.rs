//! Logs, metrics and query results of moto, read by the sources of `doorward-traffic`, also through faults.
//!
//! moto seeds what boto3 puts there; the expected counts are those that the crate reads from the same files on
//! disk, which `cargo xtask athena` and the crate's own tests compare with other engines.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{TestBed, script};
use crate::process::finish;
use crate::workspace;

/// The case's name on the command line.
pub(super) const NAME: &str = "traffic";
/// Bytes of lines, bytes of lines in an object, seed, kinds of quoting.
const CORPUS: [&str; 4] = ["12000000", "100000", "7", "all"];

/// Runs the case.
pub(super) fn attempt(bed: &TestBed, python: &Path) -> Result<String> {
    let example = workspace::example;
    let folder = tempfile::tempdir().context("no folder for the corpus")?;
    let corpus = folder.path().join("corpus");
    let wrote = finish(Command::new(example("logs")?).arg("write").arg(&corpus).args(CORPUS))?;
    ensure!(wrote.code == Some(0), "the corpus was not written: {}", wrote.stderr.trim());
    let mut command = Command::new(python);
    command.arg(script("traffic.py")?).arg(bed.moto.url()).arg(bed.faults.url()).arg(&corpus);
    let done = finish(command.arg(example("sources")?).arg(example("athena")?))?;
    ensure!(done.code == Some(0), "traffic.py: {}", done.stderr.trim());
    Ok(done.stdout.trim().to_owned())
}
