//! One writer at a time, in one process and in four.

use std::process::{Command, Stdio};
use std::time::Duration;

use doorward_ledger::{FigureGroup, LEASE_TTL, Ledger, LedgerError};
use jiff::{SignedDuration, Timestamp};

use crate::checkpoint::header;
use crate::scene::{Desk, inventory, open, report, time};

#[test]
fn a_held_lease_says_who_and_until_when() {
    let desk = Desk::new();
    let mut other = open(&desk.path);
    let reported = other.acquire_lease("second", time(29), LEASE_TTL).expect_err("held");
    let LedgerError::Held { owner, until, path } = &reported else { panic!("{reported}") };
    assert_eq!((owner.as_str(), *until, path), ("test", time(30), &desk.path));
    assert!(reported.to_string().contains("test is writing"), "{reported}");
}

#[test]
fn a_dead_owner_is_replaced_and_a_stale_one_is_fenced() {
    let mut desk = Desk::new();
    let first = inventory("run-0", 0, "1 full a:f; 2 full b:f");
    desk.ledger.begin_run(&desk.lease, &header(&first)).expect("begins");
    let mut other = open(&desk.path);
    let mut taken = other.acquire_lease("second", time(30), LEASE_TTL).expect("expired after 30 s");
    assert!(taken.token() > desk.lease.token());
    let (path, stale) = (desk.path.clone(), desk.lease.clone());
    let fenced = |reported: Result<(), LedgerError>| match reported {
        Err(LedgerError::Fenced { path: named, owner, holder }) => {
            assert_eq!((named, owner.as_str(), holder.as_str()), (path.clone(), "test", "second"));
        }
        other => panic!("{other:?}"),
    };
    fenced(desk.ledger.commit_cell(&stale, "run-0", &first.cells[0]).map(drop));
    fenced(desk.ledger.finish_run(&stale, &first));
    fenced(desk.ledger.abandon_run(&stale, "run-0"));
    fenced(desk.ledger.begin_run(&stale, &header(&inventory("x", 1, "1 full"))));
    fenced(desk.ledger.record(&stale, &report("run-0", 0, "1 full a:f"), &[]).map(drop));
    fenced(desk.ledger.prune(&stale, 13, time(0)).map(drop));
    fenced(desk.ledger.renew_lease(&mut stale.clone(), time(31), LEASE_TTL));
    desk.ledger.release_lease(stale).expect("no error, and no effect");
    other.renew_lease(&mut taken, time(50), LEASE_TTL).expect("still its own");
    assert_eq!(taken.expires(), time(80));
    let report = report("run-1", 40, "1 full a:p");
    other.record(&taken, &report, &[]).expect("the new owner writes");
    other.release_lease(taken).expect("releases");
    let third = desk.ledger.acquire_lease("third", time(51), LEASE_TTL).expect("free at once");
    assert_eq!(third.token(), 3);
    assert_eq!(desk.ledger.runs().expect("reads").len(), 1, "the stale writer changed nothing");
}

#[test]
fn a_dead_owner_is_replaced_at_once_and_a_living_one_waited_for() {
    let desk = Desk::new();
    let (path, token) = (desk.path.clone(), desk.lease.token());
    let mut other = open(&path);
    other.acquire_lease("second", time(1), LEASE_TTL).expect_err("its owner lives");
    // What the system does when a process ends, however it ends: its files are closed.
    drop(desk.ledger);
    let taken = other.acquire_lease("second", time(1), LEASE_TTL).expect("its owner is dead");
    assert_eq!(taken.token(), token + 1);
    open(&path).acquire_lease("third", time(2), LEASE_TTL).expect_err("the second lives");
}

#[test]
fn a_lease_taken_over_from_a_paused_owner_outlives_its_death() {
    let desk = Desk::new();
    let mut other = open(&desk.path);
    other.acquire_lease("second", time(30), LEASE_TTL).expect("expired");
    // The paused first owner still had the lock, so the second has none; that lock's end says nothing about it.
    let path = desk.path.clone();
    drop(desk.ledger);
    open(&path).acquire_lease("third", time(31), LEASE_TTL).expect_err("the second lives");
}

#[test]
fn an_expired_lease_that_was_not_taken_is_still_good() {
    let mut desk = Desk::new();
    let mut lease = desk.lease.clone();
    desk.ledger.renew_lease(&mut lease, time(500), LEASE_TTL).expect("nobody else came");
    assert_eq!(lease.expires(), time(530));
}

#[test]
fn readers_are_never_blocked() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f");
    let writer = rusqlite::Connection::open(&desk.path).expect("opens");
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM runs; DELETE FROM findings").expect("writes");
    let reader = Ledger::open_read_only(&desk.path).expect("opens while somebody writes");
    assert_eq!(reader.history(None, None, &FigureGroup::All).expect("reads").len(), 1);
    assert_eq!(reader.open_findings().expect("reads").len(), 1);
    reader.integrity().expect("sound");
}

const PATH: &str = "DOORWARD_LEDGER_TEST_PATH";
const NAME: &str = "DOORWARD_LEDGER_TEST_NAME";
const ROUNDS: usize = 6;

#[test]
fn four_processes_share_one_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let exe = std::env::current_exe().expect("known");
    let start = |name: &str| {
        Command::new(&exe)
            .args(["--exact", "leases::contender", "--ignored", "--nocapture"])
            .env(PATH, &path)
            .env(NAME, name)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts")
    };
    let children: Vec<_> = ["one", "two", "three", "four"].map(start).into();
    for child in children {
        let done = child.wait_with_output().expect("ends");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let ledger = open(&path);
    ledger.integrity().expect("sound");
    let mut runs: Vec<String> = ledger.runs().expect("reads").into_iter().map(|run| run.id).collect();
    for id in &runs {
        let found = ledger.inventory(id).expect("reads").expect("kept");
        assert!(found.cells.iter().all(|cell| cell.load_balancers.iter().all(|lb| lb.name == *id)), "mixed: {id}");
        assert_eq!(found.cells.len(), 12);
    }
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), 4 * ROUNDS);
}

#[test]
#[ignore = "a child process of four_processes_share_one_ledger"]
fn contender() {
    let path = std::env::var_os(PATH).expect("set");
    let name = std::env::var(NAME).expect("set");
    let mut ledger = open(path.as_ref());
    for round in 0..ROUNDS {
        let mut lease = loop {
            match ledger.acquire_lease(&name, Timestamp::now(), LEASE_TTL) {
                Ok(lease) => break lease,
                Err(LedgerError::Held { .. }) => std::thread::sleep(Duration::from_millis(3)),
                Err(other) => panic!("{other}"),
            }
        };
        let id = format!("{name}-{round}");
        let scene: String = (1..=12).map(|n| format!("{n} full {id}:f;")).collect();
        let mut whole = inventory(&id, 0, &scene);
        whole.run.finished = Timestamp::now();
        ledger.begin_run(&lease, &header(&whole)).expect("begins");
        for cell in &whole.cells {
            ledger.commit_cell(&lease, &id, cell).expect("keeps");
        }
        ledger.renew_lease(&mut lease, Timestamp::now(), LEASE_TTL).expect("its own");
        ledger.finish_run(&lease, &whole).expect("finishes");
        let mut report = report(&id, 0, &scene);
        report.run.finished = whole.run.finished + SignedDuration::from_nanos(1);
        ledger.record(&lease, &report, &[]).expect("records");
        ledger.release_lease(lease).expect("releases");
    }
}
