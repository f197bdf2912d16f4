//! `cargo xtask evidence`: openpyxl, pandas and LibreOffice read evidence packs, and must read the values that were written.
//!
//! One pack is of a sample scan, the other of every hostile text in every field. Each cell of the workbook is compared
//! with the CSV file beside it, the figures with the scan, and no cell of either may be a formula.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::page::StepOutcome;
use crate::process::finish;
use crate::{python, workspace};

/// The readers. Pinned, because each version guesses types differently.
const PINS: [&str; 2] = ["openpyxl==3.1.5", "pandas==2.3.3"];
const SCAN: &str = "reports/samples/acme-org/scan.json";

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    if let StepOutcome::Skipped(why) = attempt()? {
        println!("SKIPPED: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the packs and reads them; without LibreOffice, with the others alone.
pub(crate) fn attempt() -> Result<StepOutcome> {
    let office = office().or_else(installed);
    let python = python::environment("evidence", &PINS)?;
    let root = workspace::root()?;
    let writer = workspace::example("pack")?;
    let folder = tempfile::tempdir().context("no folder for the packs")?;
    for (name, scan) in [("sample", SCAN), ("hostile", "--hostile")] {
        let pack = folder.path().join(name);
        let wrote = finish(Command::new(&writer).current_dir(&root).arg(scan).arg(&pack))?;
        ensure!(wrote.code == Some(0), "the {name} pack was not written: {}", wrote.stderr.trim());
        let mut check = Command::new(&python);
        let read = finish(check.arg(root.join("xtask/evidence/check.py")).arg(&pack).args(&office))?;
        ensure!(read.code == Some(0), "the {name} pack does not read as it was written: {}", read.stderr.trim());
        println!("{name}: {}", read.stdout.trim());
    }
    Ok(match office {
        Some(_) => StepOutcome::Passed,
        None => StepOutcome::Skipped(
            "openpyxl and pandas read what was written; LibreOffice is missing, so the workbook was not opened in a \
             spreadsheet (Debian: libreoffice-calc-nogui)"
                .to_owned(),
        ),
    })
}

/// Installs a missing LibreOffice where CI is set.
fn installed() -> Option<PathBuf> {
    workspace::install("LibreOffice", "libreoffice-calc-nogui").then(office).flatten()
}

/// The path of LibreOffice.
fn office() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).flat_map(|dir| ["soffice", "libreoffice"].map(|name| dir.join(name)));
    places.find(|place| place.is_file())
}
