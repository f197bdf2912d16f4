//! Versions of the file: forward only, and never by surprise.

use doorward_ledger::{FigureGroup, FindingStatus, LEASE_TTL, Ledger, LedgerError, OpenOptions};
use rusqlite::Connection;

use crate::scene::{Desk, id, inventory, open, report, time};

/// A ledger as version 1 left it, after `run-0` and `run-10`.
const V1: &str = include_str!("../fixtures/v1.sql");
const SCENES: [&str; 2] = ["1 full a:f b:e c:p; 2 full d:f", "1 full a:p b:e c:f; 2 failed"];

fn version(db: &Connection) -> i64 {
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads")
}

#[test]
fn version_1_is_brought_forward_with_all_it_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let old = Connection::open(&path).expect("opens");
    old.execute_batch(V1).expect("loads");
    assert_eq!(version(&old), 1);
    drop(old);
    let reader = Ledger::open_read_only(&path).expect_err("a reader changes nothing");
    assert!(matches!(reader, LedgerError::Older { found: 1, .. }), "{reader}");

    let mut ledger = open(&path);
    ledger.integrity().expect("sound");
    let history = ledger.history(None, None, &FigureGroup::All).expect("reads");
    assert_eq!(
        history.iter().map(|s| (s.open_total, s.excepted, s.unseen)).collect::<Vec<_>>(),
        [(2, 1, 0), (1, 1, 1)]
    );
    let scene = SCENES[1];
    let mut kept = inventory("run-10", 10, scene);
    kept.cells.iter_mut().for_each(|cell| cell.read_at = None);
    // What that version did not read is not absent.
    let gap =
        doorward_model::Gap::new(doorward_model::GapReason::NotAsked, "elasticloadbalancing:DescribeTargetGroups");
    let gap = gap.with_message("the scan did not read target groups");
    for raw in kept.cells.iter_mut().flat_map(|cell| &mut cell.load_balancers) {
        raw.target_groups = doorward_model::Observed::unread(gap.clone());
        raw.reached_through = doorward_model::Observed::unread(gap.clone());
        let not_asked = |operation| doorward_model::Gap::new(doorward_model::GapReason::NotAsked, operation);
        raw.vpc_origins = doorward_model::Observed::unread(not_asked("cloudfront:ListVpcOrigins"));
        raw.api_integrations = doorward_model::Observed::unread(not_asked("apigateway:GET"));
    }
    assert_eq!(ledger.inventory("run-10").expect("reads"), Some(kept));
    let lease = ledger.acquire_lease("new", time(1000), LEASE_TTL).expect("free");
    let report = report("run-20", 20, "1 full a:f b:p c:f; 2 full d:f");
    let (_, history) = ledger.record(&lease, &report, &[]).expect("records");
    let report = report.with_history(history);
    assert_eq!(report.findings[0].history.as_ref().map(|h| (h.first_seen, h.reopened)), Some((time(0), 1)));
    let states: Vec<FindingStatus> = ledger.transitions(&id(1, "b")).expect("reads").iter().map(|t| t.to).collect();
    assert_eq!(states, [FindingStatus::Excepted, FindingStatus::Passing]);
    let fresh = Desk::new();
    assert_eq!(
        version(&Connection::open(&path).expect("opens")),
        version(&Connection::open(&fresh.path).expect("opens"))
    );
}

#[test]
fn a_brought_forward_file_is_like_a_new_one() {
    let tables = |db: &Connection| -> Vec<(String, String)> {
        let mut query = db.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name").expect("reads");
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
        rows.collect::<Result<_, _>>().expect("reads")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    Connection::open(&path).and_then(|db| db.execute_batch(V1)).expect("loads");
    drop(open(&path));
    let fresh = Desk::new();
    assert_eq!(
        tables(&Connection::open(&path).expect("opens")),
        tables(&Connection::open(&fresh.path).expect("opens"))
    );
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let desk = Desk::new();
    Connection::open(&desk.path).and_then(|db| db.execute_batch("PRAGMA user_version = 99")).expect("sets");
    for reported in [Ledger::open(&desk.path, OpenOptions::default()), Ledger::open_read_only(&desk.path)] {
        let reported = reported.expect_err("newer");
        assert!(matches!(reported, LedgerError::Newer { found: 99, .. }), "{reported}");
        assert!(reported.to_string().contains("use the newer version"), "{reported}");
    }
    assert_eq!(version(&Connection::open(&desk.path).expect("opens")), 99);
}

#[test]
fn a_foreign_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("theirs.db");
    Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE theirs (x)")).expect("makes");
    let before = std::fs::read(&path).expect("reads");
    let reported = Ledger::open(&path, OpenOptions::default()).expect_err("not ours");
    assert!(matches!(reported, LedgerError::NotALedger { .. }), "{reported}");
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

/// Writes the file that the fixture of the newest version is dumped from, where `DOORWARD_FIXTURE` says.
#[test]
#[ignore = "makes a fixture"]
fn make_fixture() {
    let path = std::env::var_os("DOORWARD_FIXTURE").expect("set");
    let mut ledger = open(path.as_ref());
    let lease = ledger.acquire_lease("fixture", time(0), LEASE_TTL).expect("free");
    for (at, scene) in (0..).step_by(10).zip(SCENES) {
        let whole = inventory(&format!("run-{at}"), at, scene);
        ledger.begin_run(&lease, &crate::checkpoint::header(&whole)).expect("begins");
        ledger.finish_run(&lease, &whole).expect("finishes");
        ledger.record(&lease, &report(&format!("run-{at}"), at, scene), &[]).expect("records");
    }
}
