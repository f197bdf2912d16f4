//! Killed at any moment, a scan resumes to what it would have been.
//!
//! `DOORWARD_KILLS` sets the number of random kills (40 by default, 500 with `DOORWARD_SLOW`).

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use doorward_ledger::{Diff, FigureGroup, Kpi, Ledger, LedgerError, OpenFinding, RunSummary};
use doorward_model::Inventory;
use jiff::{SignedDuration, Timestamp};

use crate::checkpoint::header;
use crate::scene::{inventory, open, report};

const PATH: &str = "DOORWARD_LEDGER_TEST_PATH";
const STOP_AT: &str = "DOORWARD_LEDGER_TEST_STOP_AT";
const RUNS: i64 = 3;

fn scene(run: i64) -> String {
    let verdict =
        |n: i64| ['f', 'p', 'e', 'u', 'n'].into_iter().cycle().nth(usize::try_from(n).expect("small")).expect("cycles");
    let account = |account: i64| {
        let things: String = (0..8).map(|n| format!(" lb{n}:{}", verdict(account + n * run + run))).collect();
        match (account + run) % 7 {
            0 => format!("{} failed;", account + 1),
            1 => format!("{} partial{things};", account + 1),
            _ => format!("{} full{things};", account + 1),
        }
    };
    (0..25).map(account).collect()
}

fn at(run: i64) -> i64 {
    run * 1000
}

/// Counts calls and dies at the chosen one: before it, or right after it.
struct Steps {
    left: Option<i64>,
}

impl Steps {
    fn step(&mut self) {
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left < 0 {
                std::process::abort();
            }
        }
    }
}

/// Scans until all runs are recorded, resuming what it finds.
fn work(path: &Path, steps: &mut Steps) {
    let mut ledger = open(path);
    steps.step();
    let lease = loop {
        // A lease that expires at once: its dead owner need not be waited for, and a living one keeps its token.
        match ledger.acquire_lease("worker", Timestamp::now(), SignedDuration::from_millis(1)) {
            Ok(lease) => break lease,
            Err(LedgerError::Held { .. }) => std::thread::sleep(Duration::from_millis(1)),
            Err(other) => panic!("{other}"),
        }
    };
    steps.step();
    for run in 0..RUNS {
        let id = format!("run-{run}");
        if ledger.runs().expect("reads").iter().any(|known| known.id == id) {
            continue;
        }
        let whole = inventory(&id, at(run), &scene(run));
        let done = match ledger.unfinished_run().expect("reads") {
            Some(found) => {
                assert_eq!(found.header.run.id, id);
                assert_eq!(found.header.accounts, whole.accounts);
                found
            }
            None => {
                ledger.begin_run(&lease, &header(&whole)).expect("begins");
                steps.step();
                ledger.unfinished_run().expect("reads").expect("begun")
            }
        };
        for cell in whole.cells.iter().filter(|cell| !done.collected && !done.cells.contains(cell)) {
            ledger.commit_cell(&lease, &id, cell).expect("keeps");
            steps.step();
        }
        if !done.collected {
            ledger.finish_run(&lease, &whole).expect("finishes");
            steps.step();
        }
        ledger.record(&lease, &report(&id, at(run), &scene(run)), &[]).expect("records");
        steps.step();
    }
    ledger.release_lease(lease).expect("releases");
}

#[test]
#[ignore = "a child process of the tests below"]
fn child() {
    let left = std::env::var(STOP_AT).ok().map(|n| n.parse().expect("a number"));
    work(std::env::var_os(PATH).expect("set").as_ref(), &mut Steps { left });
}

fn command(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("known"));
    command
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Everything a ledger can tell.
#[derive(Debug, PartialEq)]
struct Told {
    history: Vec<RunSummary>,
    kpis: Vec<Kpi>,
    open: Vec<OpenFinding>,
    inventories: Vec<Option<Inventory>>,
    diffs: Vec<Diff>,
}

fn reported(ledger: &Ledger) -> Told {
    let id = |run: i64| format!("run-{run}");
    Told {
        history: ledger.history(None, None, &FigureGroup::Owner).expect("reads"),
        kpis: ledger.kpis(None, None, &FigureGroup::All).expect("reads"),
        open: ledger.open_findings().expect("reads"),
        inventories: (0..RUNS).map(|run| ledger.inventory(&id(run)).expect("reads")).collect(),
        diffs: (1..RUNS).map(|run| ledger.diff(&id(run - 1), &id(run)).expect("reads")).collect(),
    }
}

fn uninterrupted() -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    work(&path, &mut Steps { left: None });
    reported(&open(&path))
}

fn check_sound(path: &Path) {
    if path.exists() {
        open(path).integrity().expect("sound");
    }
}

fn finish(path: &Path, expected: &Told) {
    let status: ExitStatus = command(path).status().expect("runs");
    assert!(status.success());
    check_sound(path);
    assert_eq!(reported(&open(path)), *expected);
}

#[test]
fn killed_at_random_it_resumes_to_the_same() {
    let usual = if std::env::var_os("DOORWARD_SLOW").is_some() { 500 } else { 40 };
    let kills: usize = std::env::var("DOORWARD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let expected = uninterrupted();
    let folder = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    assert!(command(&folder.path().join("whole.db")).status().expect("runs").success());
    let whole = u64::try_from(started.elapsed().as_micros()).expect("short");
    let (mut killed, mut round) = (0, 0);
    while killed < kills {
        round += 1;
        let path = folder.path().join(format!("{round}.db"));
        loop {
            let mut child = command(&path).spawn().expect("starts");
            std::thread::sleep(Duration::from_micros(fastrand::u64(0..whole)));
            let ended = child.try_wait().expect("asks").is_some();
            child.kill().expect("SIGKILL, or already gone");
            child.wait().expect("ends");
            check_sound(&path);
            if ended || killed >= kills {
                break;
            }
            killed += 1;
        }
        finish(&path, &expected);
    }
}

#[test]
fn killed_at_every_commit_it_resumes_to_the_same() {
    let expected = uninterrupted();
    let folder = tempfile::tempdir().expect("a folder");
    // Every child opens the file, takes the lease, gets as far as its first commit and dies right after it.
    let path = folder.path().join("every.db");
    let mut deaths = 0;
    while !command(&path).env(STOP_AT, "2").status().expect("runs").success() {
        check_sound(&path);
        deaths += 1;
        assert!(deaths < 200, "no progress");
    }
    assert!(deaths > 70, "only {deaths} commits");
    finish(&path, &expected);
}
