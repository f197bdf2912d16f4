//! `cargo xtask evidence`: openpyxl, pandas and LibreOffice read evidence packs, and have to read what was written.
//!
//! One pack is of a sample scan, the other of every hostile text in every field. Each cell of the workbook is compared
//! with the CSV file beside it, the figures with the scan, and no cell of either may be a formula.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::process::finish;
use crate::{stand, workspace};

/// What is installed. Pinned, because a reader that guesses differently is another test.
const PINS: [&str; 2] = ["openpyxl==3.1.5", "pandas==2.3.3"];
const SCAN: &str = "reports/samples/acme-org/scan.json";

/// Writes the packs and has them read.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let office = office().context(
        "LibreOffice is missing, and what a spreadsheet makes of a cell cannot be seen without one; install it \
         (Debian: libreoffice-calc-nogui)",
    )?;
    let python = stand::environment("evidence", &PINS)?;
    let root = workspace::root()?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--quiet", "--locked", "--package", "doorward-sink-evidence", "--example", "pack"]);
    ensure!(build.status().context("cargo build could not be started")?.success(), "the packs' writer does not build");
    let writer = workspace::target()?.join("debug/examples/pack").with_extension(std::env::consts::EXE_EXTENSION);
    let folder = tempfile::tempdir().context("no folder for the packs")?;
    for (name, scan) in [("sample", SCAN), ("hostile", "--hostile")] {
        let pack = folder.path().join(name);
        let wrote = finish(Command::new(&writer).current_dir(&root).arg(scan).arg(&pack))?;
        ensure!(wrote.code == Some(0), "the {name} pack was not written: {}", wrote.stderr.trim());
        let mut check = Command::new(&python);
        let read = finish(check.arg(root.join("xtask/evidence/check.py")).arg(&pack).arg(&office))?;
        ensure!(read.code == Some(0), "the {name} pack does not read as it was written: {}", read.stderr.trim());
        println!("{name}: {}", read.stdout.trim());
    }
    Ok(ExitCode::SUCCESS)
}

/// LibreOffice, by the names it goes by.
fn office() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).flat_map(|dir| ["soffice", "libreoffice"].map(|name| dir.join(name)));
    places.find(|place| place.is_file())
}
