//! `cargo xtask bench scale`: what a scan of 10,000 accounts costs in one process, in a shard of sixteen and in the merge of their parts,
//! and how that grows from 1,000 accounts.
//!
//! The emulator makes accounts and load balancers as it starts, twenty load balancers for an account in 17 Regions, and counts the calls. The
//! programs are those that users run.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::contenders::{Calls, Emulator, Program, Size};
use crate::process::finish;
use crate::workspace;

/// Load balancers for an account.
const EACH: usize = 20;
/// Into how many shards the scan is divided.
const SHARDS: usize = 16;
/// The most memory of one scan of 10,000 accounts, in MB.
const SCAN: f64 = 2_500.0;
/// The most memory of a shard, in MB.
const SHARD: f64 = 250.0;
/// The most memory of a merge, as a multiple of that of the report alone.
const MERGE: f64 = 1.2;
/// What each load balancer of the larger step may cost, as a multiple of what each of the smaller one costs.
const BEND: f64 = 1.25;

/// What is measured.
#[derive(Debug, PartialEq, Eq)]
struct ScalePlan {
    accounts: Vec<usize>,
    shards: usize,
    debug: bool,
    /// A program and a bench that are built already.
    program: Option<PathBuf>,
    bench: Option<PathBuf>,
}

impl ScalePlan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan =
            Self { accounts: vec![1_000, 3_000, 10_000], shards: SHARDS, debug: false, program: None, bench: None };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let mut file = || rest.next().map(PathBuf::from).with_context(|| format!("{flag} takes a file"));
            match flag.as_str() {
                "--debug" => plan.debug = true,
                "--quick" => (plan.accounts, plan.shards) = (vec![50, 150, 300], 4),
                "--program" => plan.program = Some(file()?),
                "--bench" => plan.bench = Some(file()?),
                "--shards" => {
                    let number = rest.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
                    plan.shards = number.context("--shards takes a number above 0")?;
                }
                "--accounts" => {
                    let list = rest.next().context("--accounts takes numbers, such as 1000,3000")?;
                    let number = |text: &str| text.replace('_', "").parse().ok().filter(|n| *n > 0);
                    let numbers: Option<Vec<usize>> = list.split(',').map(number).collect();
                    plan.accounts = numbers.with_context(|| format!("{list:?} is not a list of numbers above 0"))?;
                    ensure!(plan.accounts.is_sorted_by(|a, b| a < b), "{list:?} is not from small to large");
                }
                _ => bail!(
                    "does not know {flag:?}; it takes --accounts N,N,..., --shards N, --quick, --debug, --program FILE and --bench FILE"
                ),
            }
        }
        Ok(plan)
    }
}

/// What a process used.
#[derive(Debug, Clone, Copy)]
struct Used {
    seconds: f64,
    cpu_seconds: f64,
    peak_mb: f64,
}

/// The figures of one size.
struct Step {
    accounts: usize,
    calls: u64,
    fewest: u64,
    scan: Used,
    shards: Vec<Used>,
    shard_calls: u64,
    report: Used,
    merge: Used,
}

/// Measures every size, prints the figures, and compares them with the goals.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let plan = ScalePlan::read(arguments)?;
    let bench = plan.bench.clone().map_or_else(|| Program::build(!plan.debug), |bench| Ok(Program::at(bench)))?;
    let doorward = match &plan.program {
        Some(program) => std::path::absolute(program)?,
        None if plan.debug => workspace::build("doorward")?,
        None => release()?,
    };
    let mut steps: Vec<Step> = Vec::new();
    for accounts in &plan.accounts {
        let size = Size { accounts: *accounts, load_balancers: accounts * EACH, silent: 0 };
        println!("{accounts} accounts x 17 Regions, {} load balancers", size.load_balancers);
        let emulator = bench.serve(size)?;
        let step = measure(&bench, &doorward, &emulator, plan.shards)?;
        step.print(steps.last());
        steps.push(step);
    }
    // Smaller organizations are no proof: their shards and scans are mostly the program itself.
    let whole = steps.last().is_some_and(|step| step.accounts >= 10_000);
    let met = goals(&steps);
    if !whole {
        println!("the goals are of 10,000 accounts in {SHARDS} shards of a release build");
    }
    Ok(if met || plan.debug || !whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program as users do.
pub(super) fn release() -> Result<PathBuf> {
    let mut build = workspace::cargo()?;
    build.args(["build", "--release", "--locked", "--package", "doorward", "--bins"]);
    ensure!(build.status().context("cargo build could not be started")?.success(), "the program does not build");
    Ok(workspace::target()?.join("release").join("doorward"))
}

fn measure(bench: &Program, doorward: &Path, emulator: &Emulator, of: usize) -> Result<Step> {
    let folder = tempfile::tempdir().context("no folder for the scans")?;
    let run = |arguments: &[&str]| used(doorward, folder.path(), &emulator.url, arguments);
    let outputs = ["--format", "json-v1=scan.json"];
    emulator.calls(bench)?;
    let scan = run(&[&["scan", "--no-ledger", "--save", "scan.saved"], &outputs[..]].concat())?;
    let calls = emulator.calls(bench)?.total();
    let report = run(&[&["report", "--from", "scan.saved"], &outputs[..]].concat())?;
    run(&["scan", "--no-ledger", "--discover-only", "--save", "plan.json"])?;
    let mut shards = Vec::new();
    for number in 1..=of {
        let (shard, part) = (format!("{number}/{of}"), format!("part-{number}.json"));
        let of_plan = ["--shard", &shard, "--discovered", "plan.json", "--save", &part];
        shards.push(run(&[&["scan", "--no-ledger"], &of_plan[..]].concat())?);
    }
    let shard_calls = emulator.calls(bench)?.total();
    let parts = format!("part-{{1..{of}}}.json");
    let merge = run(&[&["merge", "--no-ledger", "--discovered", "plan.json", &parts], &outputs[..]].concat())?;
    ensure!(emulator.calls(bench)? == Calls::default(), "a merge called AWS");
    let size = emulator.size;
    Ok(Step {
        accounts: size.accounts,
        calls,
        fewest: emulator.minimum.total(),
        scan,
        shards,
        shard_calls,
        report,
        merge,
    })
}

/// Runs the program, and what it used, as the operating system counted it. Findings and gaps are results.
fn used(program: &Path, folder: &Path, url: &str, arguments: &[&str]) -> Result<Used> {
    let count = "import json, resource, subprocess, sys, time; b = time.time(); c = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; \
                 u = resource.getrusage(resource.RUSAGE_CHILDREN); \
                 print(json.dumps({'code': c, 'seconds': time.time() - b, 'cpu': u.ru_utime + u.ru_stime, 'kib': u.ru_maxrss}))";
    let mut command = Command::new("python3");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    command.env("AWS_ENDPOINT_URL", url).env("AWS_REGION", "eu-west-1").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "AKIABENCH00000000001").env("AWS_SECRET_ACCESS_KEY", "bench");
    // The emulator answers at once; the pace of AWS is measured by `bench doctor`.
    command.env("DOORWARD_CALLS__SHARE_OF_LIMITS", "1000000");
    command.current_dir(folder).args(["-c", count]).arg(program).arg("--quiet").args(arguments);
    let done = finish(&mut command)?;
    let printed: Value = serde_json::from_str(&done.stdout).with_context(|| format!("python3: {}", done.stderr))?;
    let number = |key: &str| printed[key].as_f64().with_context(|| format!("no {key}"));
    ensure!(
        matches!(printed["code"].as_i64(), Some(0 | 3)),
        "doorward {} ended with {}: {}",
        arguments.join(" "),
        printed["code"],
        done.stderr.trim()
    );
    Ok(Used { seconds: number("seconds")?, cpu_seconds: number("cpu")?, peak_mb: number("kib")? * 1024.0 / 1e6 })
}

impl Step {
    fn load_balancers(&self) -> f64 {
        (self.accounts * EACH) as f64
    }

    /// The largest peak of any shard.
    fn shard_peak(&self) -> f64 {
        self.shards.iter().map(|shard| shard.peak_mb).fold(0.0, f64::max)
    }

    /// Prints the figures; of memory per load balancer those beyond the smaller organization, because a program without any load
    /// balancer takes some too.
    fn print(&self, smaller: Option<&Self>) {
        let line = |what: &str, used: &Used| {
            println!("  {what:<22} {:>8.1} s  {:>8.1} CPU-s  {:>7.0} MB", used.seconds, used.cpu_seconds, used.peak_mb);
        };
        line("one scan", &self.scan);
        line("report of its file", &self.report);
        if let Some(shard) = self.shards.iter().max_by(|a, b| a.peak_mb.total_cmp(&b.peak_mb)) {
            line(&format!("largest shard of {}", self.shards.len()), shard);
        }
        line("merge", &self.merge);
        println!(
            "  calls: the fewest {}, one scan {} ({:.4} x), plan and shards {} ({:.2} x); {:.0} us CPU a call",
            self.fewest,
            self.calls,
            self.calls as f64 / self.fewest as f64,
            self.shard_calls,
            self.shard_calls as f64 / self.fewest as f64,
            self.scan.cpu_seconds * 1e6 / self.calls as f64,
        );
        let whole = self.scan.peak_mb * 1e3 / self.load_balancers();
        match smaller {
            Some(smaller) => {
                let slope = |of: fn(&Self) -> f64| {
                    (of(self) - of(smaller)) * 1e3 / (self.load_balancers() - smaller.load_balancers())
                };
                println!(
                    "  memory of a load balancer: {whole:.1} KB; of each more than above: scan {:.1} KB, report {:.1} KB, merge {:.1} KB",
                    slope(|step| step.scan.peak_mb),
                    slope(|step| step.report.peak_mb),
                    slope(|step| step.merge.peak_mb),
                );
            }
            None => println!("  memory of a load balancer, the program included: {whole:.1} KB"),
        }
    }
}

/// Prints the goals of the largest size; true if all are met.
fn goals(steps: &[Step]) -> bool {
    let Some(last) = steps.last() else { return true };
    let mut met = true;
    let mut goal = |what: &str, figure: f64, limit: f64| {
        met &= figure <= limit;
        println!("{:<7} {what:<58} {figure:.2} (at most {limit})", if figure <= limit { "MET" } else { "MISSED" });
    };
    goal("MB of one scan", last.scan.peak_mb, SCAN);
    goal("MB of a shard of 16", last.shard_peak(), SHARD);
    goal("merge, as a multiple of the report of a saved scan", last.merge.peak_mb / last.report.peak_mb, MERGE);
    goal("calls of one scan, as a multiple of the fewest", last.calls as f64 / last.fewest as f64, 1.02);
    for pair in steps.windows(3) {
        let [one, two, three] = pair else { continue };
        let slope = |from: &Step, to: &Step| {
            (to.scan.peak_mb - from.scan.peak_mb) / (to.load_balancers() - from.load_balancers())
        };
        goal("growth of memory per load balancer (1 is linear)", slope(two, three) / slope(one, two), BEND);
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let read = |words: &str| ScalePlan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let plan = read("--accounts 20,1_000 --debug --shards 2 --program a").expect("reads");
        let program = Some("a".into());
        assert_eq!(plan, ScalePlan { accounts: vec![20, 1_000], shards: 2, debug: true, program, bench: None });
        assert_eq!(read("--quick").expect("reads").accounts.len(), 3);
        for bad in ["--accounts", "--accounts 0", "--accounts 1,x", "--accounts 2,1", "--shards 0", "--bench", "--fast"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
