//! Measures a pack of 100,000 findings and half of it, beside openpyxl and pandas writing the same rows.
//!
//! `cargo bench -p doorward-sink-evidence`; `DOORWARD_BENCH_FINDINGS` changes the size. Each contender has a process of its
//! own; memory is what writing adds at its peak to what was there before. Python is taken from the environment that
//! `cargo xtask evidence` makes, or from `DOORWARD_BENCH_PYTHON`; without it nothing is compared. Ends with an error when
//! a limit is exceeded.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a benchmark reports to the terminal and may stop"
)]

#[path = "../tests/it/scene.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod scene;

#[path = "../../doorward-sink-page/benches/measure/process_cost.rs"]
mod process_cost;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use doorward_sink_evidence::{Attachment, Expect, Pack, verify, write};

use process_cost::ProcessCost;

/// Set for a process that writes: how many findings, and where.
const WRITER: &str = "DOORWARD_BENCH_WRITER";

fn main() -> ExitCode {
    if let Ok(task) = std::env::var(WRITER) {
        let (findings, place) = task.split_once(' ').expect("two words");
        writer(findings.parse().expect("a number"), Path::new(place));
        return ExitCode::SUCCESS;
    }
    let findings = std::env::var("DOORWARD_BENCH_FINDINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let mut within = true;
    let mut limit = |what: &str, is: f64, limit: f64, unit: &str| {
        let verdict = if is <= limit { "ok" } else { "TOO MUCH" };
        within &= is <= limit;
        println!("{what:<66} {is:>9.2} {unit:<3} (limit {limit} {unit}) {verdict}");
    };
    let half = ours(findings / 2, &folder.path().join("half"));
    let all = ours(findings, &folder.path().join("all"));
    println!(
        "{findings} findings: pack in {:.2} s, {:.1} MB more at its peak; half: {:.2} s, {:.1} MB",
        all.0, all.1, half.0, half.1
    );
    limit("time of twice as much", all.0 / half.0, 2.5, "x");
    limit("memory of twice as much", all.1 / half.1, 2.5, "x");
    let Some(python) = python() else {
        println!("no Python with openpyxl and pandas: nothing was compared; `cargo xtask evidence` makes one");
        return if within { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    for how in ["openpyxl", "pandas"] {
        let theirs = theirs(&python, how, &folder.path().join("all"), &folder.path().join(how));
        println!("{how}: the same rows in {:.2} s, {:.1} MB more at its peak", theirs.0, theirs.1);
        limit(&format!("our time, of {how}'s"), 100.0 * all.0 / theirs.0, 10.0, "%");
        limit(&format!("our memory, of {how}'s"), 100.0 * all.1 / theirs.1, 10.0, "%");
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a writer; seconds and MB.
fn ours(findings: usize, place: &Path) -> (f64, f64) {
    let exe = std::env::current_exe().expect("known");
    figures(Command::new(exe).env(WRITER, format!("{findings} {}", place.display())))
}

fn theirs(python: &Path, how: &str, source: &Path, target: &Path) -> (f64, f64) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rival.py");
    figures(Command::new(python).arg(script).arg(how).args([source, target]))
}

fn figures(command: &mut Command) -> (f64, f64) {
    let output = command.stderr(Stdio::inherit()).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let (seconds, memory) = text.trim().split_once(' ').expect("two figures");
    (seconds.parse().expect("a figure"), memory.parse().expect("a figure"))
}

fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/evidence/venv/bin/python");
    std::env::var_os("DOORWARD_BENCH_PYTHON").map(PathBuf::from).or_else(|| own.is_file().then_some(own))
}

/// Writes a pack and says what it cost.
fn writer(findings: usize, place: &Path) {
    let report = scene::report(findings / scene::RULES.len());
    let context = scene::context(&report, &["text".to_owned()]);
    let scan = |out: &mut dyn std::io::Write| Ok(serde_json::to_writer(out, &report)?);
    let pack = Pack { scan: Attachment::Writer(&scan), ..scene::pack(&report, &[], &context, None) };
    let (cost_before, before, begun) = (ProcessCost::now(), peak(), Instant::now());
    let written = write(place, &pack).expect("writes");
    let (seconds, after) = (begun.elapsed().as_secs_f64(), peak());
    eprintln!("pack of {findings} findings: {}", ProcessCost::now().since(cost_before));
    assert!(written.receipt.adds_up() && verify(place, &Expect::default()).is_sound());
    println!("{seconds} {}", after - before);
}

/// The most memory that this process ever held, in MB. Building the report has its peak at its end.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM is listed");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}
