//! The ledger in moto's S3: scans of two machines at once, each recorded once, and read by a third.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cases::CASES;
use super::{TestBed, judge, script};
use crate::process::finish;

const ANY_KEY: (&str, &str) = ("any-key", "any-secret");
const BUCKET: &str = "acme-security-ledger";
const KEY: &str = "doorward/ledger.sqlite";

/// The case's name on the command line.
pub(super) const NAME: &str = "shared-ledger";

/// Runs the case.
pub(super) fn attempt(bed: &TestBed, python: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("no folder for the outputs")?;
    let clean = CASES.iter().find(|case| case.name == "clean").context("there is no clean case")?;
    let settings = clean.settings(&bed.seeded)?;
    bucket(bed, python, &["create", BUCKET])?;
    let machines: Vec<_> = ["one", "two", "three"].map(|name| folder.path().join(name)).into();
    for machine in &machines {
        std::fs::create_dir(machine)?;
        std::fs::write(machine.join("doorward.toml"), &settings)?;
    }
    let mut rounds = 0;
    for _ in 0..3 {
        // Both read the organization at the same time, and record at the end.
        let scans: Vec<Child> = machines.iter().take(2).map(|machine| scan(bed, machine)).collect::<Result<_>>()?;
        for scan in scans {
            let done = scan.wait_with_output()?;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            ensure!(matches!(done.status.code(), Some(0 | 3 | 4 | 5)), "scan: {:?}: {said}", done.status.code());
            rounds += 1;
        }
    }
    let history = history(bed, &machines[2])?;
    let history: Value = serde_json::from_str(&history).context("history printed no JSON")?;
    let scans = history["scans"].as_array().context("history lists no scans")?;
    ensure!(scans.len() == rounds, "{} scans are recorded of {rounds}", scans.len());
    let versions = bucket(bed, python, &["versions", BUCKET, KEY])?;
    bucket(bed, python, &["foreign", BUCKET, KEY])?;
    let refused = history_of(bed, &machines[2])?;
    ensure!(
        refused.code != Some(0) && refused.stderr.contains("is not a Doorward ledger"),
        "{}",
        refused.stderr.trim()
    );
    Ok(format!("{rounds} scans of two machines at once recorded, {} versions of the ledger", versions.trim()))
}

fn command(bed: &TestBed, folder: &Path) -> Command {
    let mut command = Command::new(&bed.binary);
    judge::environment(&mut command, folder, &bed.moto.url(), ANY_KEY);
    command.env("DOORWARD_LEDGER__PATH", format!("s3://{BUCKET}/{KEY}"));
    command
}

fn scan(bed: &TestBed, folder: &Path) -> Result<Child> {
    let mut scan = command(bed, folder);
    scan.args(["scan", "--config", "doorward.toml", "--format", "json-v1=out.json", "-q"]);
    scan.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("the scan does not start")
}

fn history_of(bed: &TestBed, folder: &Path) -> Result<crate::process::Finished> {
    finish(command(bed, folder).args(["history", "--config", "doorward.toml", "--format", "json"]))
}

fn history(bed: &TestBed, folder: &Path) -> Result<String> {
    let done = history_of(bed, folder)?;
    ensure!(done.code == Some(0), "history: exit {:?}: {}", done.code, done.stderr.trim());
    Ok(done.stdout)
}

fn bucket(bed: &TestBed, python: &Path, words: &[&str]) -> Result<String> {
    let mut command = Command::new(python);
    let done = finish(command.arg(script("shared_ledger.py")?).arg(bed.moto.url()).args(words))?;
    ensure!(done.code == Some(0), "shared_ledger.py {}: {}", words.join(" "), done.stderr.trim());
    Ok(done.stdout)
}
