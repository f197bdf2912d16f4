//! Killed at any moment, the scanner loses nothing and tears nothing: the ledger is sound, `--resume` reaches the result
//! of an uninterrupted scan, and no output has half a file under its final name.
//!
//! `DOORWARD_KILLS` sets the number of random kills (40 by default, 500 with `DOORWARD_SLOW`), `DOORWARD_SEED` repeats a run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use doorward_ledger::{Ledger, LedgerError};
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};
use crate::ledger::masked;

const LEDGER: &str = "ledger.sqlite";
const OUTPUTS: [&str; 3] = ["a.json", "a.txt", "a.saved"];

fn scan(bed: &Bed, folder: &Path) -> Command {
    let mut command = bed.doorward(folder);
    command.args(["-q", "scan", "--ledger", LEDGER, "--format", "json-v1=a.json", "--format", "table=a.txt"]);
    command.args(["--save", "a.saved"]).stdout(Stdio::null());
    command
}

/// Whatever the scanner was doing when it died: its files are sound or not there.
fn check_sound(folder: &Path) {
    for name in OUTPUTS {
        let Ok(text) = std::fs::read_to_string(folder.join(name)) else { continue };
        match name {
            "a.json" => drop(serde_json::from_str::<Value>(&text).expect("whole")),
            "a.saved" => assert_eq!(text.lines().map(serde_json::from_str::<Value>).filter(Result::is_ok).count(), 2),
            _ => assert!(
                text.ends_with("explain RULE` explains why a rule matters\n") || text.contains("Skipped"),
                "{text}"
            ),
        }
    }
    match Ledger::open_read_only(&folder.join(LEDGER)) {
        Ok(ledger) => ledger.integrity().expect("sound"),
        // Killed while the file was made.
        Err(LedgerError::Missing { .. } | LedgerError::Older { .. } | LedgerError::NotALedger { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

/// The account-Regions that an interrupted scan had brought into the ledger.
fn kept(folder: &Path) -> BTreeSet<(String, String)> {
    let before = Ledger::open_read_only(&folder.join(LEDGER)).ok().and_then(|ledger| ledger.unfinished_run().unwrap());
    let cells = before.map(|before| before.cells).unwrap_or_default();
    cells.iter().filter_map(|c| Some((c.account.to_string(), c.region.as_ref()?.to_string()))).collect()
}

/// Goes on until the scan is done, and compares.
fn finish(bed: &Bed, folder: &Path, expected: &Value) {
    let kept = kept(folder);
    bed.server.clear_calls();
    let mut said: Said = run(scan(bed, folder).arg("--resume"));
    let again: BTreeSet<(String, String)> = bed
        .server
        .calls()
        .iter()
        .filter(|call| call.service.starts_with("elb"))
        .map(|call| (call.account.clone(), call.region.clone()))
        .collect();
    assert!(kept.is_disjoint(&again), "read a second time: {:?}", kept.intersection(&again));
    if said.code == Some(2) {
        // Nothing to resume: it died before its first commit, or after its last.
        assert!(said.err.contains("no interrupted scan"), "{}", said.err);
        said = run(&mut scan(bed, folder));
    }
    assert_eq!(said.code, Some(3), "{}", said.err);
    check_sound(folder);
    assert_eq!(masked(&folder.join("a.json")), *expected);
}

/// The report of a scan that nobody stops, and how many calls it makes.
fn uninterrupted(bed: &Bed) -> (Value, usize) {
    let folder = tempfile::tempdir().unwrap();
    bed.server.clear_calls();
    let said = run(&mut scan(bed, folder.path()));
    assert_eq!(said.code, Some(3), "{}", said.err);
    (masked(&folder.path().join("a.json")), bed.server.calls().len())
}

#[test]
fn killed_at_random_it_resumes_to_the_same() {
    let usual = if std::env::var_os("DOORWARD_SLOW").is_some() { 500 } else { 40 };
    let kills: usize = std::env::var("DOORWARD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let seed = doorward_fakeaws::seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let bed = Bed::start(&world("acme-org"), vec![]);
    let (expected, calls) = uninterrupted(&bed);
    let mut killed = 0;
    while killed < kills {
        let folder = tempfile::tempdir().unwrap();
        let mut resume = false;
        // Killed once or several times in a row, then left alone.
        for _ in 0..random.usize(1..4) {
            let mut command = scan(&bed, folder.path());
            command.args(resume.then_some("--resume")).stderr(Stdio::null());
            bed.server.clear_calls();
            let mut child = command.spawn().unwrap();
            // The moment is a call and a little more, because a busy machine stretches time. One in four dies behind the
            // last call, where reports are made and written.
            let (moment, more) = if random.u8(0..4) == 0 { (calls, 150_000) } else { (random.usize(0..calls), 3_000) };
            let ended = loop {
                if child.try_wait().unwrap().is_some() {
                    break true;
                }
                if bed.server.calls().len() >= moment {
                    std::thread::sleep(Duration::from_micros(random.u64(0..more)));
                    break child.try_wait().unwrap().is_some();
                }
                std::thread::sleep(Duration::from_micros(300));
            };
            killed += usize::from(!ended);
            child.kill().unwrap();
            child.wait().unwrap();
            check_sound(folder.path());
            resume = !kept(folder.path()).is_empty();
        }
        finish(&bed, folder.path(), &expected);
    }
}

#[test]
fn killed_after_every_cell_it_resumes_to_the_same() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let (expected, _) = uninterrupted(&bed);
    let folder = tempfile::tempdir().unwrap();
    let (mut seen, mut deaths) = (0, 0);
    loop {
        let mut command = scan(&bed, folder.path());
        command.args((seen > 0).then_some("--resume")).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Dies as soon as one more account-Region is in the ledger.
        let ended = loop {
            let now = kept(folder.path()).len();
            if now > seen {
                seen = now;
                break false;
            }
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        check_sound(folder.path());
        if ended {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 5, "only {deaths} commits were seen");
    assert_eq!(masked(&folder.path().join("a.json")), expected, "after {deaths} deaths");
}

/// A disk that is full, as a file size limit that the scanner runs into on any write.
#[test]
fn no_room_is_said_and_costs_no_earlier_scan() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let first = tempfile::tempdir().unwrap();
    assert_eq!(run(&mut scan(&bed, first.path())).code, Some(3));
    let runs = |folder: &Path| Ledger::open_read_only(&folder.join(LEDGER)).unwrap().runs().unwrap();
    let before = runs(first.path());
    let (mut refused, mut accepted) = (0, 0);
    // In blocks of 512 bytes, from no room at all to room enough.
    for blocks in [0, 8, 40, 100, 200, 300, 400, 450, 500, 550, 600, 700, 4000] {
        let folder = tempfile::tempdir().unwrap();
        for name in OUTPUTS.into_iter().chain([LEDGER]) {
            std::fs::copy(first.path().join(name), folder.path().join(name)).unwrap();
        }
        let unlimited = scan(&bed, folder.path());
        let mut limited = bed.doorward(folder.path());
        // The limit is an error to the write rather than a signal to the process.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        shell.arg(limited.get_program()).args(unlimited.get_args()).current_dir(folder.path()).env_clear();
        for (name, value) in limited.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        limited = shell;
        let said = run(&mut limited);
        match said.code {
            Some(3) => accepted += 1,
            Some(6 | 7) => {
                refused += 1;
                let named = OUTPUTS.into_iter().chain([LEDGER]).any(|name| said.err.contains(name));
                assert!(named, "{blocks} blocks: {}", said.err);
            }
            other => panic!("{blocks} blocks: {other:?} {}", said.err),
        }
        check_sound(folder.path());
        let after = runs(folder.path());
        assert_eq!(after[..1], before, "{blocks} blocks");
        assert!(said.code != Some(3) || after.len() == 2, "{blocks} blocks: said to be recorded, and is not");
    }
    assert!(refused > 3 && accepted > 0, "{refused} refused, {accepted} accepted");
}
