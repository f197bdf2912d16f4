//! Security Hub of moto: findings imported, read back by boto3, updated, resolved and archived.
//!
//! moto validates nothing and ignores filters, so this tests the protocol and the life of a finding; the rules are
//! tested with our own emulator, the shapes with AWS's model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::cases::CASES;
use super::{TestBed, judge, script};
use crate::process::finish;

const RULE: &str = "desync-mode-below-required";
const ANY_KEY: (&str, &str) = ("any-key", "any-secret");

/// The case's name on the command line.
pub(super) const NAME: &str = "security-hub";

/// Runs the case. It changes moto, so it comes last.
pub(super) fn attempt(bed: &TestBed, python: &Path) -> Result<String> {
    let folder = tempfile::tempdir().context("no folder for the outputs")?;
    let folder = folder.path();
    let clean = CASES.iter().find(|case| case.name == "clean").context("there is no clean case")?;
    std::fs::write(folder.join("doorward.toml"), clean.settings(&bed.seeded)?)?;

    let report = scan(bed, folder)?;
    let silent = ["not-applicable", "not-asked"];
    let is_sent = |finding: &&Value| !silent.contains(&text(finding, "verdict"));
    let sent: Vec<&Value> = list(&report, "findings").iter().filter(is_sent).collect();
    ensure!(publish(bed, folder)? == sent.len(), "not every finding was accepted");
    ensure!(publish(bed, folder)? == 0, "an unchanged scan sent something");
    let places: BTreeSet<String> =
        sent.iter().map(|f| format!("{}/{}", text(f, "account"), text(f, "region"))).collect();
    let first = read(bed, python, &places)?;
    let ids: BTreeSet<&str> = sent.iter().map(|f| text(f, "id")).collect();
    ensure!(first.keys().map(String::as_str).eq(ids), "boto3 reads other findings than were sent");
    for finding in &sent {
        let there = first.get(text(finding, "id")).context("read above")?;
        let expected = match text(finding, "verdict") {
            "pass" => "PASSED",
            "fail" | "excepted" => "FAILED",
            _ => "NOT_AVAILABLE",
        };
        ensure!(
            there["Compliance"]["Status"] == expected,
            "{}: {}",
            text(finding, "id"),
            there["Compliance"]["Status"]
        );
        ensure!(there["RecordState"] == "ACTIVE", "{} is not active", text(finding, "id"));
    }

    let mut application =
        sent.iter().filter(|f| f["rule"] == RULE && f["verdict"] == "fail" && f["kind"] == "application").copied();
    let (Some(fixed), Some(deleted)) = (application.next(), application.next()) else {
        bail!("the seed has fewer than two application load balancers below the required mode");
    };
    change(bed, python, "strictest", text(fixed, "load_balancer"))?;
    change(bed, python, "delete", text(deleted, "load_balancer"))?;
    scan(bed, folder)?;
    ensure!(publish(bed, folder)? > 0, "a changed scan sent nothing");
    let second = read(bed, python, &places)?;
    let (before, after) = (&first[text(fixed, "id")], &second[text(fixed, "id")]);
    ensure!(after["Compliance"]["Status"] == "PASSED" && after["RecordState"] == "ACTIVE", "the fixed one: {after}");
    ensure!(after["CreatedAt"] == before["CreatedAt"] && text(after, "UpdatedAt") > text(before, "UpdatedAt"), "dates");
    ensure!(second[text(deleted, "id")]["RecordState"] == "ARCHIVED", "the deleted one is not archived");
    // A rule may apply that did not before; nothing that was there may be gone, and nothing is there twice.
    ensure!(first.keys().all(|id| second.contains_key(id)), "a finding is not there any more");
    Ok(format!("{} findings imported, read back, one fixed, one archived", first.len()))
}

fn scan(bed: &TestBed, folder: &Path) -> Result<Value> {
    let ran = judge::scan(&bed.binary, folder, &bed.moto.url(), ANY_KEY)?;
    let report = ran.report.with_context(|| format!("no report: {}", ran.stderr.trim()))?;
    serde_json::from_str(&report).context("the report is no JSON")
}

/// How many findings were accepted.
fn publish(bed: &TestBed, folder: &Path) -> Result<usize> {
    let mut command = Command::new(&bed.binary);
    judge::environment(&mut command, folder, &bed.moto.url(), ANY_KEY);
    let done = finish(command.args(["publish", "--config", "doorward.toml", "--format", "json"]))?;
    ensure!(done.code == Some(0), "publish: exit {:?}: {} {}", done.code, done.stderr.trim(), done.stdout.trim());
    let outcome: Value = serde_json::from_str(&done.stdout).context("publish printed no JSON")?;
    let written = outcome["receipt"]["written"].as_u64().context("no receipt")?;
    Ok(usize::try_from(written)?)
}

/// Every finding there, by id; an id that is there twice is an error.
fn read(bed: &TestBed, python: &Path, places: &BTreeSet<String>) -> Result<BTreeMap<String, Value>> {
    let printed = run(bed, python, &["read"], places)?;
    let findings: Vec<Value> = serde_json::from_str(&printed).context("security_hub.py printed no JSON")?;
    let mut all = BTreeMap::new();
    for finding in findings {
        let id = text(&finding, "Id").to_owned();
        ensure!(all.insert(id.clone(), finding).is_none(), "{id} is there twice");
    }
    Ok(all)
}

fn change(bed: &TestBed, python: &Path, verb: &str, arn: &str) -> Result<()> {
    run(bed, python, &[verb, arn], &BTreeSet::new()).map(drop)
}

fn run(bed: &TestBed, python: &Path, words: &[&str], more: &BTreeSet<String>) -> Result<String> {
    let mut command = Command::new(python);
    command.arg(script("security_hub.py")?).arg(bed.moto.url()).args(words).args(more);
    let done = finish(&mut command)?;
    ensure!(done.code == Some(0), "security_hub.py {}: {}", words.join(" "), done.stderr.trim());
    Ok(done.stdout)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
