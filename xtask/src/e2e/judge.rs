//! Compares a report with the seeded organization.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::cases::{Asked, Case, Expect};
use super::expected::{LoadBalancer, SeededOrganization, rules};
use crate::process::finish;

/// The results of a run of the scanner.
pub(super) struct ScanRun {
    /// The exit code.
    pub(super) code: Option<i32>,
    /// Standard error.
    pub(super) stderr: String,
    /// The table on standard output.
    table: String,
    /// The JSON report, where one was written.
    pub(super) report: Option<String>,
    /// The saved scan, where one was written.
    saved: Option<String>,
    /// The secret it was given.
    secret: String,
}

/// Runs the scanner in a folder that holds `doorward.toml`, with no variable of this environment but the path.
pub(super) fn scan(binary: &Path, folder: &Path, endpoint: &str, (key, secret): (&str, &str)) -> Result<ScanRun> {
    let mut command = Command::new(binary);
    environment(&mut command, folder, endpoint, (key, secret));
    command.args(["scan", "--config", "doorward.toml", "--format", "json-v1=out.json", "--format", "table"]).args([
        "--save",
        "scan.saved",
        "-q",
    ]);
    let done = finish(&mut command)?;
    Ok(ScanRun {
        code: done.code,
        stderr: done.stderr,
        table: done.stdout,
        report: std::fs::read_to_string(folder.join("out.json")).ok().filter(|text| !text.is_empty()),
        saved: std::fs::read_to_string(folder.join("scan.saved")).ok().filter(|text| !text.is_empty()),
        secret: secret.to_owned(),
    })
}

/// Clears the environment except for the path, and points the command to an emulator.
pub(super) fn environment(command: &mut Command, folder: &Path, endpoint: &str, (key, secret): (&str, &str)) {
    command
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", folder)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
}

/// Compares a run with what is expected of it, and summarizes the report.
pub(super) fn judge(case: &Case, seeded: &SeededOrganization, ran: &ScanRun) -> Result<String> {
    ensure!(ran.code == Some(case.exit), "exit code {:?} instead of {}", ran.code, case.exit);
    for text in [&ran.stderr, &ran.table].into_iter().chain(&ran.report).chain(&ran.saved) {
        ensure!(!text.contains(&ran.secret), "the secret access key is in an output");
    }
    let Some(report) = &ran.report else {
        ensure!(case.exit == 6, "no JSON report was written");
        ensure!(ran.saved.is_none(), "a scan that could not begin saved one");
        ensure!(!ran.stderr.trim().is_empty(), "no reason was printed");
        return Ok(format!("exit 6: {}", ran.stderr.trim().chars().take(60).collect::<String>()));
    };
    ensure!(case.exit != 6, "a report was written by a scan that could not begin");
    ensure!(ran.saved.is_some(), "the scan was not saved");
    ensure!(!ran.table.trim().is_empty(), "no table was printed");
    let report: Value = serde_json::from_str(report).context("the JSON report is not JSON")?;
    ensure!(report["format"] == "json-v1", "the report does not call itself json-v1");
    ensure!(report["exit_code"] == case.exit, "the report says exit code {}", report["exit_code"]);
    let lines = coverage(case, seeded, &report)?;
    let (known, unknown) = verdicts(case, seeded, &report)?;
    Ok(format!("exit {}, {lines} account-Regions, {known} verdicts correct, {unknown} unknown", case.exit))
}

/// Every account-Region once, each with an allowed outcome, and counts that add up.
fn coverage(case: &Case, seeded: &SeededOrganization, report: &Value) -> Result<usize> {
    let coverage = &report["coverage"];
    ensure!(coverage["accounts_listing"] == "full", "the list of accounts is {}", coverage["accounts_listing"]);
    let mut lines = BTreeMap::new();
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for line in array(&coverage["lines"])? {
        let (account, region, status) = (text(&line["account"])?, text(&line["region"])?, text(&line["status"])?);
        ensure!(lines.insert((account, region), line).is_none(), "{account} {region} is accounted for twice");
        *counted.entry(status).or_default() += 1;
        let explained = array(&line["gaps"]).is_ok_and(|gaps| !gaps.is_empty());
        ensure!(explained != (status == "complete"), "{account} {region} is {status}, gaps: {}", line["gaps"]);
    }
    for (account, region) in seeded.account_regions() {
        let line = lines.get(&(account.id.as_str(), region));
        let line = line.with_context(|| format!("{} {region} is not accounted for", account.name))?;
        let left_out = !account.active || account.name == "unset" && !case.with_unset;
        let allowed = if left_out { &["skipped"] } else { (case.coverage)(&account.name, region) };
        let status = text(&line["status"])?;
        ensure!(allowed.contains(&status), "{} {region} is {status}, not {}", account.name, allowed.join(" or "));
        let found = seeded.load_balancers.values().filter(|lb| {
            lb.account == account.id && lb.region == region && expectation(case, "access-logs-disabled", lb).is_some()
        });
        // Where a list was not read in full, none that was found is not zero.
        let number = match found.count() {
            0 if line["fully_listed"] == false => Value::Null,
            number => Value::from(number),
        };
        ensure!(line["load_balancers"] == number, "{} {region} counts {}", account.name, line["load_balancers"]);
    }
    ensure!(lines.len() == seeded.account_regions().len(), "{} account-Regions are reported", lines.len());
    let counts = &coverage["counts"];
    for status in ["complete", "partial", "skipped", "failed"] {
        let count = counted.get(status).copied().unwrap_or(0);
        ensure!(counts[status] == count, "{status} is counted as {} and there are {count}", counts[status]);
    }
    ensure!(counts["all"] == lines.len(), "all is counted as {} and there are {}", counts["all"], lines.len());
    Ok(lines.len())
}

/// The verdicts that are accepted for a load balancer; none where it must not appear.
fn expectation(case: &Case, rule: &str, lb: &LoadBalancer) -> Option<Expect> {
    if lb.account_name == "unset" && !case.with_unset {
        return None;
    }
    match (case.expect)(Asked { rule, lb }) {
        Expect::Unlisted => None,
        expect => Some(expect),
    }
}

/// Every load balancer once with every rule once, each verdict correct, or unknown for the right reason. Returns how many
/// are known and how many are not.
fn verdicts(case: &Case, seeded: &SeededOrganization, report: &Value) -> Result<(usize, usize)> {
    let mut findings = BTreeMap::new();
    for finding in array(&report["findings"])? {
        let (arn, rule) = (text(&finding["load_balancer"])?, text(&finding["rule"])?);
        ensure!(findings.insert((arn, rule), finding).is_none(), "{arn} has two verdicts on {rule}");
    }
    let mut listed = BTreeMap::new();
    for lb in array(&report["load_balancers"])? {
        let arn = text(&lb["arn"])?;
        ensure!(listed.insert(arn, lb).is_none(), "{arn} is listed twice");
    }
    let (mut known, mut unknown) = (0, 0);
    let mut mixed: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for (arn, lb) in &seeded.load_balancers {
        let seen = listed.remove(arn.as_str());
        for rule in rules() {
            let finding = findings.remove(&(arn.as_str(), rule));
            let Some(expect) = expectation(case, rule, lb) else {
                ensure!(seen.is_none() && finding.is_none(), "{arn} must not be reported");
                continue;
            };
            let seen = seen.with_context(|| format!("{arn} is not listed"))?;
            let finding = finding.with_context(|| format!("{arn} has no verdict on {rule}"))?;
            // A rule that the truth has no line for has a verdict like every other; which one, its cases say.
            let Some(truth) = lb.verdict(rule, case.required) else { continue };
            let is_known =
                agrees(finding, truth, expect).with_context(|| format!("{rule} of {arn}: {}", finding["because"]))?;
            if is_known {
                known += 1
            } else {
                unknown += 1
            }
            let both = mixed.entry(rule).or_default();
            *both = (both.0 || is_known && finding["verdict"] != "not-applicable", both.1 || !is_known);
            if rule == "owner-missing" && is_known && finding["verdict"] != "not-applicable" {
                let tags = serde_json::to_value(&lb.tags)?;
                ensure!(
                    seen["tags"]["known"] == tags,
                    "{arn} has the tags {} and is reported with {}",
                    tags,
                    seen["tags"]
                );
            }
        }
    }
    ensure!(listed.is_empty(), "unexpected load balancers: {:?}", listed.keys());
    ensure!(findings.is_empty(), "unexpected verdicts: {:?}", findings.keys());
    if case.mixed {
        let both = mixed.get("desync-mode-below-required").copied().unwrap_or_default();
        ensure!(both == (true, true), "the fault affected all load balancers or none");
    }
    Ok((known, unknown))
}

/// Whether a verdict is one that may be given; then, whether it is known.
fn agrees(finding: &Value, seeded: &str, expect: Expect) -> Result<bool> {
    let verdict = text(&finding["verdict"])?;
    // A value that AWS does not return is unknown even when everything was read.
    let reasons = match expect {
        Expect::Seeded if seeded == "unknown" => &["malformed"],
        Expect::Seeded | Expect::Unlisted => &[][..],
        Expect::Unknown(reasons) | Expect::SeededOrUnknown(reasons) => reasons,
    };
    if verdict == "unknown" {
        let gaps = array(&finding["gaps"])?;
        ensure!(!gaps.is_empty(), "unknown without a reason");
        for gap in gaps {
            let reason = text(&gap["reason"])?;
            ensure!(reasons.contains(&reason), "unknown because of {reason}, and not {}", reasons.join(" or "));
        }
        return Ok(false);
    }
    if matches!(expect, Expect::Unknown(_)) {
        bail!("{verdict}, although the value could not be read");
    }
    ensure!(verdict == seeded, "{verdict}, and the seeded verdict is {seeded}");
    Ok(true)
}

fn array(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("the report has no list where one belongs")
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("the report has no text where some belongs")
}

#[cfg(test)]
mod tests;
