//! `cargo xtask cross-check`: boto3 reads the emulated organization, and the scanner must report the same.
//!
//! boto3 parses every response by AWS's own service models, so this finds a response of the emulator that only our scanner
//! accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{Server, finish};
use crate::{python, workspace};

const EXAMPLE: &str = "examples/acme-org";
const ROLE: &str = "doorward-scan";

/// Runs both against the same emulator and compares their results.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::with_emulators()?;
    let (scanner, emulator) = (workspace::build("doorward")?, workspace::build("doorward-fakeaws")?);
    let root = workspace::root()?;
    let world = root.join(EXAMPLE).join("org.toml");
    let mut check = Command::new(&python);
    let checked = finish(check.arg(root.join("crates/doorward-fakeaws/tests/boto3_traffic.py")).arg(&emulator))?;
    ensure!(checked.code == Some(0), "boto3 reads other values than were written: {}", checked.stderr.trim());
    println!("{}", checked.stdout.trim());

    recompute(&python, &root)?;

    let mut command = Command::new(emulator);
    command.arg("--world").arg(&world).args(["--port", "0", "--no-quotas"]);
    let mut server = Server::start("doorward-fakeaws", &mut command)?;
    let mut exports = BTreeMap::new();
    while exports.len() < 4 {
        let line = server.line()?;
        let export = line.strip_prefix("export ").and_then(|rest| rest.split_once('='));
        let (name, value) = export.with_context(|| format!("doorward-fakeaws printed {line:?}"))?;
        exports.insert(name.to_owned(), value.to_owned());
    }
    let export = |name: &str| {
        exports.get(name).map(String::as_str).with_context(|| format!("doorward-fakeaws exports no {name}"))
    };

    let mut walk = Command::new(&python);
    walk.arg(root.join("crates/doorward-fakeaws/tests/boto3_check.py"))
        .args([export("AWS_ENDPOINT_URL")?, export("AWS_ACCESS_KEY_ID")?, export("AWS_SECRET_ACCESS_KEY")?])
        .args([ROLE, export("AWS_REGION")?]);
    let walked = finish(&mut walk)?;
    ensure!(walked.code == Some(0), "boto3 could not read the organization: {}", walked.stderr.trim());
    let boto3: Value = serde_json::from_str(&walked.stdout).context("boto3_check.py did not print JSON")?;

    let folder = tempfile::tempdir().context("no folder for the outputs")?;
    let report = scan(&scanner, &root, folder.path(), &exports)?;
    let seen = same(&boto3, &report)?;
    println!("{EXAMPLE}: boto3 and the scanner read the same {seen} load balancers");
    Ok(ExitCode::SUCCESS)
}

/// Computes the key figures of random histories again, in Python over the files of their ledgers.
fn recompute(python: &Path, root: &Path) -> Result<()> {
    let folder = tempfile::tempdir().context("no folder for the ledgers")?;
    let writer = workspace::example("histories")?;
    let wrote = finish(Command::new(writer).arg(folder.path()).arg("200"))?;
    ensure!(wrote.code == Some(0), "the ledgers were not written: {}", wrote.stderr.trim());
    let mut check = Command::new(python);
    let same = finish(check.arg(root.join("crates/doorward-ledger/tests/kpis.py")).arg(folder.path()))?;
    ensure!(same.code == Some(0), "Python computes other key figures: {}", same.stderr.trim());
    println!("{}", same.stdout.trim());
    Ok(())
}

fn scan(scanner: &Path, root: &Path, folder: &Path, exports: &BTreeMap<String, String>) -> Result<Value> {
    let mut scan = Command::new(scanner);
    scan.current_dir(folder)
        .env_clear()
        .envs(exports)
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .args(["scan", "-q", "--format", "json-v1=out.json"]);
    let settings = root.join(EXAMPLE).join("doorward.toml");
    if settings.is_file() {
        scan.arg("--config").arg(settings);
    }
    let done = finish(&mut scan)?;
    let text = std::fs::read_to_string(folder.join("out.json"));
    let text = text.with_context(|| format!("the scanner wrote no report: {}", done.stderr.trim()))?;
    serde_json::from_str(&text).context("the scanner's report is not JSON")
}

/// Compares accounts and load balancers; returns how many of these there are.
fn same(boto3: &Value, report: &Value) -> Result<usize> {
    let ids = |list: &Value, id: fn(&Value) -> Option<&str>| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(id).map(str::to_owned).collect()
    };
    let walked = ids(&boto3["accounts"], Value::as_str);
    let scanned = ids(&report["accounts"], |account| account["id"].as_str());
    ensure!(!walked.is_empty() && walked == scanned, "boto3 saw the accounts {walked:?}, the scanner {scanned:?}");

    let mut scanned = BTreeMap::new();
    for lb in report["load_balancers"].as_array().context("the report lists no load balancers")? {
        scanned.insert(lb["arn"].as_str().context("a load balancer has no ARN")?, lb);
    }
    let walked = boto3["load_balancers"].as_array().context("boto3 lists no load balancers")?;
    for lb in walked {
        let arn = match lb["arn"].as_str() {
            Some(arn) => arn.to_owned(),
            None => classic_arn(lb).context("a load balancer has neither ARN nor name")?,
        };
        let other = scanned.remove(arn.as_str()).with_context(|| format!("boto3 saw {arn}, the scanner did not"))?;
        ensure!(other["kind"] == lb["type"], "{arn} is {} for boto3 and {} for the scanner", lb["type"], other["kind"]);
        if matches!(lb["type"].as_str(), Some("application" | "classic")) {
            ensure!(
                other["mode"]["known"] == lb["mode"],
                "{arn}: boto3 saw the mode {}, the scanner {}",
                lb["mode"],
                other["mode"]
            );
            ensure!(
                other["tags"]["known"] == lb["tags"],
                "{arn}: boto3 saw the tags {}, the scanner {}",
                lb["tags"],
                other["tags"]
            );
        }
    }
    ensure!(scanned.is_empty(), "the scanner reports load balancers that boto3 does not: {:?}", scanned.keys());
    ensure!(!walked.is_empty(), "there is no load balancer to compare");
    Ok(walked.len())
}

fn classic_arn(lb: &Value) -> Option<String> {
    let (account, region, name) = (lb["account"].as_str()?, lb["region"].as_str()?, lb["name"].as_str()?);
    Some(format!("arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pair() -> (Value, Value) {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:100000000001:loadbalancer/old";
        let boto3 = json!({"accounts": ["1"], "load_balancers": [
            {"account": "100000000001", "region": "eu-west-1", "name": "old", "type": "classic", "mode": "monitor", "tags": {"a": "b"}}
        ]});
        let report = json!({"accounts": [{"id": "1"}], "load_balancers": [
            {"arn": arn, "kind": "classic", "mode": {"known": "monitor"}, "tags": {"known": {"a": "b"}}}
        ]});
        (boto3, report)
    }

    #[test]
    fn equal_results_pass() {
        let (boto3, report) = pair();
        assert_eq!(same(&boto3, &report).expect("same"), 1);
    }

    #[test]
    fn every_difference_is_found() {
        for (place, value) in [
            ("/load_balancers/0/mode", json!({"known": "defensive"})),
            ("/load_balancers/0/mode", json!("absent")),
            ("/load_balancers/0/tags", json!({"known": {}})),
            ("/load_balancers/0/kind", json!("application")),
            ("/load_balancers/0/arn", json!("arn:other")),
            ("/load_balancers", json!([])),
            ("/accounts", json!([])),
        ] {
            let (boto3, mut report) = pair();
            *report.pointer_mut(place).expect("place") = value;
            assert!(same(&boto3, &report).is_err(), "{place}");
        }
    }
}
