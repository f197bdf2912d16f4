//! Modes and treatments of header fields of moto, changed and rolled back by the real binary, and read by boto3 before, between and after.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cases::CASES;
use super::{TestBed, judge, script};
use crate::process::finish;

const ANY_KEY: (&str, &str) = ("any-key", "any-secret");
/// The case's name on the command line.
pub(super) const NAME: &str = "change";
/// Nearly a third of all calls to load balancers are throttled.
const FAULTS: &str = r#"[{"service": "elbv2", "probability": 0.3,
    "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}]"#;

/// Attributes by load balancer, as boto3 reads them.
type Attributes = BTreeMap<String, BTreeMap<String, String>>;

/// Runs the case. It leaves moto as it was.
pub(super) fn attempt(bed: &TestBed, python: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("no folder for the outputs")?;
    let folder = folder.path();
    let clean = CASES.iter().find(|case| case.name == "clean").context("there is no clean case")?;
    let settings = clean.settings(&bed.seeded)?.replace("tries = ", "tries = 25 #");
    std::fs::write(folder.join("doorward.toml"), settings)?;
    let weak = bed.seeded.load_balancers.iter();
    let weak = weak.filter(|(_, lb)| lb.mode.as_deref() == Some("monitor") && lb.http).map(|(arn, _)| arn);
    let (current, classic): (Vec<&String>, Vec<&String>) = weak.partition(|arn| arn.contains("/app/"));
    let chosen: Vec<&String> = current.into_iter().take(8).chain(classic.into_iter().take(4)).collect();
    ensure!(chosen.iter().any(|arn| !arn.contains("/app/")), "no classic load balancer is among the chosen ones");
    let first = read(bed, python, &chosen)?;

    let mut arguments: Vec<String> =
        chosen.iter().flat_map(|arn| ["--load-balancer".to_owned(), (*arn).clone()]).collect();
    let defensive = change(bed, folder, &["--to", "defensive"], &arguments, true)?;
    ensure!(read(bed, python, &chosen)? == with(&first, "defensive"), "not all are in defensive, or more was changed");
    arguments.extend(chosen.iter().flat_map(|arn| ["--insist".to_owned(), format!("{arn}=end-to-end test")]));
    let strictest = change(bed, folder, &["--to", "strictest"], &arguments, false)?;
    ensure!(read(bed, python, &chosen)? == with(&first, "strictest"), "not all are in strictest, or more was changed");
    for (id, after) in [(strictest, with(&first, "defensive")), (defensive, first)] {
        let words = ["rollback", &id, "--yes", "--reason", "end-to-end test"];
        doorward(bed, folder, &bed.moto.url(), &words, &[])?;
        ensure!(read(bed, python, &chosen)? == after, "{id} is not rolled back to the byte");
    }
    let headers = headers(bed, python, folder)?;
    Ok(format!(
        "{} load balancers to defensive, to strictest, and back, {headers} to the removal of invalid header fields and back, as boto3 reads \
         them",
        chosen.len()
    ))
}

/// Sets the one attribute that removes invalid header fields, and restores it. How many load balancers that were.
fn headers(bed: &TestBed, python: &Path, folder: &Path) -> Result<usize> {
    let keeping = bed.seeded.load_balancers.iter().filter(|(_, lb)| {
        let judged = lb.kind == "application" && lb.mode.is_some();
        judged && !lb.drops
    });
    let chosen: Vec<&String> = keeping.map(|(arn, _)| arn).take(6).collect();
    ensure!(!chosen.is_empty(), "no application load balancer forwards invalid header fields");
    let first = read(bed, python, &chosen)?;
    let arguments: Vec<String> = chosen.iter().flat_map(|arn| ["--load-balancer".to_owned(), (*arn).clone()]).collect();
    let id = change(bed, folder, &["--drop-invalid"], &arguments, true)?;
    let mut removed = first.clone();
    for values in removed.values_mut() {
        values.insert("routing.http.drop_invalid_header_fields.enabled".to_owned(), "true".to_owned());
    }
    ensure!(read(bed, python, &chosen)? == removed, "not all remove invalid header fields, or more was changed");
    doorward(bed, folder, &bed.moto.url(), &["rollback", &id, "--yes", "--reason", "end-to-end test"], &[])?;
    ensure!(read(bed, python, &chosen)? == first, "{id} is not rolled back to the byte");
    Ok(chosen.len())
}

/// Scans, plans and applies, through faults where asked for. The change's id.
fn change(bed: &TestBed, folder: &Path, goal: &[&str], arguments: &[String], faults: bool) -> Result<String> {
    let ran = judge::scan(&bed.binary, folder, &bed.moto.url(), ANY_KEY)?;
    ensure!(ran.report.is_some(), "no report: {}", ran.stderr.trim());
    doorward(bed, folder, &bed.moto.url(), &[&["plan"], goal].concat(), arguments)?;
    let plan = std::fs::read_to_string(folder.join("change-plan.json")).context("no plan was written")?;
    let plan: Value = serde_json::from_str(&plan).context("the plan is no JSON")?;
    let (id, digest) = (plan["id"].as_str().context("no id")?, plan["digest"].as_str().context("no digest")?);
    let endpoint = if faults {
        bed.faults.set(FAULTS)?;
        bed.faults.url()
    } else {
        bed.moto.url()
    };
    let applied = doorward(bed, folder, &endpoint, &["apply", "change-plan.json", "--yes", "--hash", digest], &[]);
    if faults {
        let fired = bed.faults.clear()?;
        ensure!(fired > 0, "no fault fired, so nothing was tried");
    }
    applied.map(|()| id.to_owned())
}

fn doorward(bed: &TestBed, folder: &Path, endpoint: &str, words: &[&str], more: &[String]) -> Result<()> {
    let mut command = Command::new(&bed.binary);
    judge::environment(&mut command, folder, endpoint, ANY_KEY);
    let done = finish(command.args(words).args(more).args(["--config", "doorward.toml"]))?;
    ensure!(done.code == Some(0), "{words:?}: exit {:?}: {} {}", done.code, done.stderr.trim(), done.stdout.trim());
    Ok(())
}

/// The same attributes with another mode.
fn with(attributes: &Attributes, mode: &str) -> Attributes {
    let mut changed = attributes.clone();
    for values in changed.values_mut() {
        for (key, value) in values.iter_mut() {
            if key.contains("desync") {
                mode.clone_into(value);
            }
        }
    }
    changed
}

/// All attributes, read by boto3.
fn read(bed: &TestBed, python: &Path, arns: &[&String]) -> Result<Attributes> {
    let mut command = Command::new(python);
    command.arg(script("change.py")?).arg(bed.moto.url()).args(arns);
    let done = finish(&mut command)?;
    ensure!(done.code == Some(0), "change.py: {}", done.stderr.trim());
    serde_json::from_str(&done.stdout).context("change.py printed no JSON")
}
