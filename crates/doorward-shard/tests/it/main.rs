//! Random scans, divided and merged: the same scan again, and with damaged parts nothing that was not observed.
//!
//! `DOORWARD_SLOW` makes 1,000 scans of 200, `DOORWARD_SEED` repeats a run.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say where")]

mod damage;
mod random_scan;

use std::path::PathBuf;

use doorward_fakeaws::seed;
use doorward_model::{CoverageLine, CoverageStatus, GapReason, Inventory};
use doorward_shard::{MergeError, MergeLimits, Merged, PartFile, Shard, merge};
use fastrand::Rng;
use jiff::SignedDuration;

use damage::Damage;
use random_scan::{Criteria, RandomScan};

const LIMIT: SignedDuration = SignedDuration::from_hours(4);

/// Merges as soon as the last part is written.
fn merged(scan: &RandomScan, parts: &[PathBuf]) -> Result<Merged<Criteria>, MergeError> {
    let now = scan.inventory.run.finished;
    let files: Vec<PartFile> = parts.iter().map(|path| PartFile::local(path)).collect();
    merge::<Criteria>(&files, None, MergeLimits { now, within: LIMIT })
}

fn scans() -> usize {
    if std::env::var_os("DOORWARD_SLOW").is_some() { 1_000 } else { 200 }
}

/// Every account-Region of the scan is in the result once; each is as it was observed, or not available with the reason.
fn check_honest(scan: &RandomScan, result: &Inventory, intact: &[Shard], of: u32) {
    result.check().expect("adds up");
    assert_eq!(result.cells.len(), scan.inventory.cells.len());
    let shares = scan.shares(of);
    for (cell, observed) in result.cells.iter().zip(&scan.inventory.cells) {
        assert_eq!((&cell.account, &cell.region), (&observed.account, &observed.region));
        let is_intact = intact.iter().any(|shard| shares.owns(*shard, &cell.account, cell.region.as_ref()));
        if is_intact {
            assert_eq!(cell, observed);
        } else {
            let line = CoverageLine::of(cell);
            assert_eq!(line.status, CoverageStatus::Failed);
            assert!(!line.fully_listed && cell.load_balancers.is_empty() && cell.gone.is_empty());
            assert!(line.gaps.iter().all(|gap| gap.reason == GapReason::PartUnusable && gap.message.is_some()));
        }
    }
}

#[test]
fn merged_shards_are_the_one_scan() {
    let mut random = Rng::with_seed(seed());
    for _ in 0..scans() {
        let scan = RandomScan::new(&mut random);
        let of = random.u32(1..=64);
        let folder = tempfile::tempdir().unwrap();
        let mut parts = scan.write(folder.path(), of, |_, head| head);
        random.shuffle(&mut parts);
        let Merged { inventory, unused, missing, criteria, .. } = merged(&scan, &parts).expect("merges");
        assert!(unused.is_empty() && missing.is_empty(), "{unused:?} {missing:?}");
        assert_eq!(criteria, scan.criteria);
        assert_eq!(serde_json::to_string(&inventory).unwrap(), serde_json::to_string(&scan.inventory).unwrap());
    }
}

#[test]
fn damaged_parts_prove_nothing() {
    let mut random = Rng::with_seed(seed());
    let mut reported = 0;
    for _ in 0..scans() {
        let scan = RandomScan::new(&mut random);
        let of = random.u32(1..=64);
        let folder = tempfile::tempdir().unwrap();
        let mut parts = scan.write(folder.path(), of, |_, head| head);
        let mut intact: Vec<Shard> = Shard::all(of).collect();
        let damages = random.usize(1..=3);
        let mut done = Vec::new();
        for _ in 0..damages {
            let damage = Damage::random(&mut random);
            let (damage, shard) = damage.apply(&scan, of, folder.path(), &mut parts, &intact, &mut random);
            intact.retain(|one| Some(*one) != shard);
            done.push(damage);
        }
        random.shuffle(&mut parts);
        match merged(&scan, &parts) {
            Ok(Merged { inventory, missing, .. }) => {
                let lost: Vec<Shard> = Shard::all(of).filter(|one| !intact.contains(one)).collect();
                assert_eq!(missing, lost, "{done:?}");
                assert_eq!(inventory.run.interrupted, !lost.is_empty(), "{done:?}");
                check_honest(&scan, &inventory, &intact, of);
                reported += 1;
            }
            Err(MergeError::NoPart(_)) => assert!(intact.is_empty(), "{done:?} of {of}"),
        }
    }
    assert!(reported > scans() / 2, "{reported}");
}

#[test]
fn a_part_cut_at_any_byte_is_not_used() {
    let mut random = Rng::with_seed(seed());
    let scan = RandomScan::small(&mut random);
    let folder = tempfile::tempdir().unwrap();
    let parts = scan.write(folder.path(), 2, |_, head| head);
    let whole = std::fs::read(&parts[0]).unwrap();
    let intact: Vec<Shard> = Shard::all(2).skip(1).collect();
    for length in (0..whole.len()).step_by(97).chain(whole.len() - 130..whole.len()) {
        std::fs::write(&parts[0], &whole[..length]).unwrap();
        let Merged { inventory, missing, .. } = merged(&scan, &parts).expect("the other part gives the plan");
        assert_eq!(missing.len(), 1, "{length}");
        check_honest(&scan, &inventory, &intact, 2);
    }
}

#[test]
fn parts_of_another_scan_are_named() {
    let mut random = Rng::with_seed(seed());
    let scan = RandomScan::small(&mut random);
    let folder = tempfile::tempdir().unwrap();
    type Damage = fn(&mut random_scan::Head);
    let cases: [(&str, Damage); 7] = [
        ("the version of Doorward", |head| head.run.tool_version = "0.0.1".to_owned()),
        ("the organization", |head| head.organization = random_scan::organization("o-other00001")),
        ("the account of the credentials", |head| head.run.account = "999999999999".parse().unwrap()),
        ("the settings of what is read", |head| head.reads = "other".to_owned()),
        ("the policy", |head| head.criteria.policy = "strictest".to_owned()),
        ("a setting", |head| head.criteria.settings = "other".to_owned()),
        ("the plan", |head| head.plan = "3 account-Regions, other".to_owned()),
    ];
    for (what, change) in cases {
        let parts = scan.write(folder.path(), 4, |shard, mut head| {
            if shard.number() == 2 {
                change(&mut head);
            }
            head
        });
        let merged = merged(&scan, &parts).expect("merges");
        let [unused] = merged.unused.as_slice() else { panic!("{what}: {:?}", merged.unused) };
        assert!(unused.to_string().contains(&format!("another scan: {what}")), "{unused}");
        assert_eq!(merged.missing.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2/4"]);
        let intact: Vec<Shard> = Shard::all(4).filter(|shard| shard.number() != 2).collect();
        check_honest(&scan, &merged.inventory, &intact, 4);
    }
}

#[test]
fn old_parts_are_not_used() {
    let mut random = Rng::with_seed(seed());
    let scan = RandomScan::small(&mut random);
    let folder = tempfile::tempdir().unwrap();
    for (hours, what) in [(-5, "which is in the future"), (5, "more than 4h ago")] {
        let parts = scan.write(folder.path(), 3, |shard, mut head| {
            if shard.number() == 1 {
                head.run.started -= SignedDuration::from_hours(hours);
            }
            head
        });
        let merged = merged(&scan, &parts).expect("merges");
        assert!(merged.unused.iter().any(|unused| unused.to_string().contains(what)), "{:?}", merged.unused);
        assert_eq!(merged.missing.len(), 1);
        assert_eq!(merged.inventory.run.started, scan.inventory.run.started);
    }
}
