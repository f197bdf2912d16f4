//! Checkpoints: what was settled is there again, and nothing else.

use doorward_ledger::{FigureGroup, LedgerError, RunHeader, UnfinishedRun};
use doorward_model::{AccountId, Gap, GapReason, Inventory, Observed, Organization, RegionInventory};
use jiff::Timestamp;

use crate::scene::{Desk, inventory, report, time};

const SCENE: &str = "1 full a:f b:p c:u d:e e:f; 2 failed; 3 partial x:f; 4 skipped; 5 full";

pub(crate) fn header(inventory: &Inventory) -> RunHeader {
    RunHeader {
        run: inventory.run.clone(),
        organization: inventory.organization.clone(),
        accounts: inventory.accounts.clone(),
        accounts_listing: inventory.accounts_listing.clone(),
        plan: "plan".to_owned(),
        settings: "settings".to_owned(),
    }
}

fn collect(desk: &mut Desk, inventory: &Inventory) {
    desk.ledger.begin_run(&desk.lease, &header(inventory)).expect("begins");
    for cell in &inventory.cells {
        assert!(desk.ledger.commit_cell(&desk.lease, &inventory.run.id, cell).expect("keeps"));
    }
    desk.ledger.finish_run(&desk.lease, inventory).expect("finishes");
}

#[test]
fn an_interrupted_scan_is_there_again() {
    let mut desk = Desk::new();
    let whole = inventory("run-0", 0, SCENE);
    assert_eq!(desk.ledger.unfinished_run().expect("reads"), None);
    desk.ledger.begin_run(&desk.lease, &header(&whole)).expect("begins");
    for cell in whole.cells.iter().rev().take(3) {
        desk.ledger.commit_cell(&desk.lease, "run-0", cell).expect("keeps");
        desk.ledger.commit_cell(&desk.lease, "run-0", cell).expect("keeps it once");
    }
    let first = &whole.cells[0];
    let cut =
        RegionInventory::failed(first.account.clone(), first.region.clone(), Gap::new(GapReason::Interrupted, "x"));
    assert!(!desk.ledger.commit_cell(&desk.lease, "run-0", &cut).expect("not kept"));
    let expected = UnfinishedRun { header: header(&whole), collected: false, cells: whole.cells[2..].to_vec() };
    assert_eq!(desk.ledger.unfinished_run().expect("reads"), Some(expected));
    assert_eq!(desk.ledger.inventory("run-0").expect("reads"), None, "unfinished is not an inventory");

    desk.ledger.finish_run(&desk.lease, &whole).expect("finishes");
    let collected = desk.ledger.unfinished_run().expect("reads").expect("not recorded yet");
    assert!(collected.collected);
    assert_eq!(collected.cells, whole.cells);
    desk.ledger.record(&desk.lease, &report("run-0", 0, SCENE), &[]).expect("records");
    assert_eq!(desk.ledger.unfinished_run().expect("reads"), None);
    assert_eq!(desk.ledger.inventory("run-0").expect("reads"), Some(whole));
}

#[test]
fn the_newest_scan_of_each_organization_is_known() {
    let mut desk = Desk::new();
    let organization = |id: &str| {
        let management_account = AccountId::new("000000000001").expect("an account");
        Observed::Known(Organization { id: id.to_owned(), management_account })
    };
    for (at, whose) in [(0, Some("o-one")), (10, Some("o-two")), (20, Some("o-one")), (30, None)] {
        let run = format!("run-{at}");
        let whole = Inventory {
            organization: whose.map_or(Observed::Absent, organization),
            ..inventory(&run, at, "1 full a:f")
        };
        collect(&mut desk, &whole);
        desk.ledger.record(&desk.lease, &report(&run, at, "1 full a:f"), &[]).expect("records");
    }
    // One that is not recorded yet is no scan to compare with.
    desk.ledger.begin_run(&desk.lease, &header(&inventory("run-40", 40, SCENE))).expect("begins");
    let newest = desk.ledger.newest_headers().expect("reads");
    let runs: Vec<&str> = newest.iter().map(|header| header.run.id.as_str()).collect();
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert!(["run-10", "run-20", "run-30"].iter().all(|run| runs.contains(run)), "{runs:?}");
}

#[test]
fn states_that_do_not_allow_a_call_are_refused() {
    let mut desk = Desk::new();
    let whole = inventory("run-0", 0, SCENE);
    let cell = &whole.cells[0];
    let lease = desk.lease.clone();
    let unknown = |r: Result<(), LedgerError>| matches!(r, Err(LedgerError::UnknownRun { .. }));
    let refused = |r: Result<(), LedgerError>| matches!(r, Err(LedgerError::RunState { .. }));
    assert!(unknown(desk.ledger.commit_cell(&lease, "run-0", cell).map(drop)));
    assert!(unknown(desk.ledger.finish_run(&lease, &whole)));
    assert!(unknown(desk.ledger.abandon_run(&lease, "run-0")));
    desk.ledger.begin_run(&lease, &header(&whole)).expect("begins");
    assert!(refused(desk.ledger.begin_run(&lease, &header(&whole))));
    let mut interrupted = whole.clone();
    interrupted.run.interrupted = true;
    assert!(matches!(desk.ledger.finish_run(&lease, &interrupted), Err(LedgerError::Interrupted { .. })));
    desk.ledger.abandon_run(&lease, "run-0").expect("gives up");
    assert!(refused(desk.ledger.commit_cell(&lease, "run-0", cell).map(drop)));
    assert_eq!(desk.ledger.unfinished_run().expect("reads"), None);
}

#[test]
fn an_unchanged_scan_costs_little() {
    let mut desk = Desk::new();
    let things: String = (0..2000).map(|n| format!(" lb{n:04}:{}", if n % 3 == 0 { "f" } else { "p" })).collect();
    let scene = format!("1 full{things}; 2 failed");
    let size = |desk: &Desk| -> u64 {
        let db = rusqlite::Connection::open(&desk.path).expect("opens");
        let pages: u64 = db.query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0)).expect("counts").unsigned_abs();
        let free: u64 =
            db.query_row("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0)).expect("counts").unsigned_abs();
        (pages - free) * 4096
    };
    let mut sizes = vec![size(&desk)];
    for n in 0..4 {
        let at = n * 86_400;
        collect(&mut desk, &inventory(&format!("run-{at}"), at, &scene));
        desk.scan(at, &scene);
        sizes.push(size(&desk));
    }
    let first = sizes[1] - sizes[0];
    for (n, pair) in sizes.windows(2).enumerate().skip(1) {
        let grown = pair[1] - pair[0];
        assert!(grown * 100 < first * 5, "scan {n} grew the file by {grown} bytes, the first by {first}");
    }
}

#[test]
fn pruning_drops_raw_scans_and_no_memory() {
    let mut desk = Desk::new();
    let day = |text: &str| text.parse::<Timestamp>().expect("valid").as_second() - time(0).as_second();
    let (old, edge, new) = (day("2024-03-01T00:00:00Z"), day("2024-03-31T12:00:00Z"), day("2025-04-30T12:00:00Z"));
    for (at, scene) in [(old, "1 full a:f b:f"), (edge, "1 full a:p b:f"), (new, "1 full a:p b:f")] {
        collect(&mut desk, &inventory(&format!("run-{at}"), at, scene));
        desk.scan(at, scene);
    }
    let reported = |desk: &Desk| {
        (
            desk.ledger.history(None, None, &FigureGroup::All).expect("reads"),
            desk.ledger.kpis(None, None, &FigureGroup::All).expect("reads"),
        )
    };
    let before = reported(&desk);
    // 13 months before 30 April 2025 is 30 March 2024: the calendar decides, not a number of days.
    let now: Timestamp = "2025-04-30T12:00:00Z".parse().expect("valid");
    let dry = desk.ledger.prune_dry_run(13, now).expect("surveys");
    assert_eq!(
        (dry.before.to_string().as_str(), dry.scans, dry.scans_kept, dry.cells),
        ("2024-03-30T12:00:00Z", 1, 2, 1)
    );
    assert!(dry.dry_run && dry.texts == 1 && dry.bytes > 100, "{dry:?}");
    assert!(desk.ledger.inventory(&format!("run-{old}")).expect("reads").is_some(), "a dry run drops nothing");
    let done = desk.ledger.prune(&desk.lease, 13, now).expect("prunes");
    assert_eq!((done.scans, done.texts, done.bytes), (dry.scans, dry.texts, dry.bytes));
    assert!(desk.ledger.inventory(&format!("run-{old}")).expect("reads").is_none());
    assert_eq!(
        desk.ledger.inventory(&format!("run-{edge}")).expect("reads"),
        Some(inventory(&format!("run-{edge}"), edge, "1 full a:p b:f"))
    );
    assert_eq!(reported(&desk), before);
    desk.ledger.integrity().expect("sound");
    let all = desk.ledger.prune(&desk.lease, 0, now + jiff::SignedDuration::from_secs(1)).expect("prunes");
    assert_eq!((all.scans, all.scans_kept), (2, 0));
    let again = inventory("again", new + 10, "1 full a:p b:f");
    collect(&mut desk, &again);
    assert_eq!(desk.ledger.inventory("again").expect("reads"), Some(again));
    desk.ledger.integrity().expect("sound");
    assert!(matches!(desk.ledger.prune_dry_run(u32::MAX, now), Err(LedgerError::Months { .. })));
}
