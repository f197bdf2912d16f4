//! `cargo xtask bench doctor`: how long the doctor takes for an organization of 500 accounts.
//!
//! The emulator enforces AWS's quotas and delays responses as a distant Region does, and the doctor keeps its default rate
//! limits, so the time is that of an operator.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Server, finish};
use crate::workspace;

/// Seconds that the doctor may take.
const LIMIT: f64 = 60.0;

/// The Regions that every account has without opting in.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// What is measured.
struct Plan {
    accounts: usize,
    /// Milliseconds by which every answer is late.
    latency: usize,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self { accounts: 500, latency: 50 };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let mut number = || -> Result<usize> {
                let number = rest.next().and_then(|value| value.replace('_', "").parse().ok());
                number.with_context(|| format!("{flag} takes a number"))
            };
            match flag.as_str() {
                "--accounts" => plan.accounts = number()?.max(1),
                "--latency" => plan.latency = number()?,
                _ => bail!("does not know {flag:?}; it takes --accounts N and --latency MILLISECONDS"),
            }
        }
        Ok(plan)
    }

    /// An organization as most are: an account has its load balancers in three Regions, most of them in one.
    fn world(&self) -> String {
        let regions = REGIONS.map(|region| format!("\"{region}\"")).join(", ");
        let mut text = format!(
            "[organization]\nid = \"o-bench00001\"\nmanagement = \"100000000001\"\nhome_region = \"eu-west-1\"\nregions = [{regions}]\n\n\
             [[caller]]\naccess_key = \"AKIABENCH00000000001\"\nsecret = \"bench\"\naccount = \"100000000001\"\n\
             arn = \"arn:aws:iam::100000000001:user/bench\"\nallow = [\"*\"]\n"
        );
        for role in ["doorward-scan", "doorward-traffic", "doorward-publish"] {
            let _ = write!(
                text,
                "[[role]]\nname = \"{role}\"\naccounts = [\"*\"]\ntrusts = [\"100000000001\"]\nallow = [\"*\"]\n"
            );
        }
        for number in 0..self.accounts {
            let id = 100_000_000_001_u64 + number as u64;
            let _ = write!(text, "[[account]]\nid = \"{id}\"\nname = \"account-{number}\"\n");
            for (step, count) in [(0, 15), (5, 4), (11, 1)] {
                let region = REGIONS[(number + step) % REGIONS.len()];
                let _ = write!(
                    text,
                    "[[load_balancer]]\naccount = \"{id}\"\nregion = \"{region}\"\nname = \"lb{step}\"\ncount = {count}\n\
                     attributes = {{ \"access_logs.s3.enabled\" = \"true\", \"access_logs.s3.bucket\" = \"logs\" }}\n"
                );
            }
        }
        text.push_str(
            "[[bucket]]\nname = \"logs\"\naccount = \"100000000001\"\nregion = \"eu-west-1\"\nreaders = [\"*\"]\n",
        );
        if self.latency > 0 {
            let _ = write!(text, "[[fault]]\nkind = \"latency\"\nmillis = {}\n", self.latency);
        }
        text
    }
}

/// Builds for release, measures twice, and compares with the goal.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let plan = Plan::read(arguments)?;
    let (doctor, emulator) = build()?;
    let folder = tempfile::tempdir().context("no folder for the organization")?;
    let world = folder.path().join("org.toml");
    std::fs::write(&world, plan.world()).context("the organization cannot be written")?;
    println!(
        "{} accounts x {} Regions, 20 load balancers in each account, answers {} ms late, quotas on, default settings",
        plan.accounts,
        REGIONS.len(),
        plan.latency
    );
    let mut within = true;
    for (what, flags) in [("the scan alone", &["--for", "scan"][..]), ("scan, traffic and publishing", &[])] {
        // Each begins with full buckets.
        let mut server =
            Server::start("the emulator", Command::new(&emulator).arg("--world").arg(&world).args(["--port", "0"]))?;
        let (seconds, report) = measure(&doctor, folder.path(), &mut server, flags)?;
        let counts = &report["coverage"]["counts"];
        ensure!(
            report["exit"]["code"] == 0 && counts["complete"] == counts["all"],
            "the doctor found fault: {report:#}"
        );
        within &= seconds < LIMIT;
        let verdict = if seconds < LIMIT { "ok" } else { "TOO SLOW" };
        println!(
            "{what:<30} {seconds:>6.1} s (limit {LIMIT} s) {verdict}; {} requests, {} account-Regions",
            report["requests"], counts["all"]
        );
    }
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build() -> Result<(PathBuf, PathBuf)> {
    let mut build = workspace::cargo()?;
    build.args(["build", "--release", "--locked", "--package", "doorward", "--package", "doorward-fakeaws", "--bins"]);
    ensure!(build.status().context("cargo build could not be started")?.success(), "the programs do not build");
    let folder = workspace::target()?.join("release");
    Ok((folder.join("doorward"), folder.join("doorward-fakeaws")))
}

/// The seconds that the doctor took, and its report.
fn measure(doctor: &Path, folder: &Path, server: &mut Server, flags: &[&str]) -> Result<(f64, Value)> {
    let mut command = Command::new(doctor);
    command.env_clear().env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true").current_dir(folder);
    for _ in 0..4 {
        let line = server.line()?;
        let export = line.strip_prefix("export ").and_then(|rest| rest.split_once('='));
        let (name, value) = export.with_context(|| format!("the emulator printed {line:?}"))?;
        command.env(name, value);
    }
    command.args(["-q", "doctor", "--no-ledger", "--format", "json"]).args(flags);
    let begun = Instant::now();
    let done = finish(&mut command)?;
    let seconds = begun.elapsed().as_secs_f64();
    let report =
        serde_json::from_str(&done.stdout).with_context(|| format!("the doctor said: {}", done.stderr.trim()))?;
    Ok((seconds, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let read = |words: &str| Plan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let plan = read("--accounts 1_000 --latency 0").expect("reads");
        assert_eq!((plan.accounts, plan.latency), (1000, 0));
        assert!(read("--accounts").is_err() && read("--fast").is_err());
        assert_eq!(read("--accounts 3").expect("reads").world().matches("[[account]]").count(), 3);
    }
}
