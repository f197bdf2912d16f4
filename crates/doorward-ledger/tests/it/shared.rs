//! A shared ledger: what writers do to the stored file, one after the other and in each other's way.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use doorward_ledger::{FetchedLedger, Ledger, LedgerError, LedgerStore, LedgerStoreError, OpenOptions, StoredLedger};
use jiff::SignedDuration;

use crate::scene::{report, time};

/// What happens to the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Another writer writes its own file first.
    Beaten,
    /// It takes effect, another writer writes on top of it, and its answer is lost.
    LostUnderAnother,
    /// It takes effect, and whether it did is not known.
    LostWithEffect,
    /// It has no effect, and that is not known.
    LostWithoutEffect,
    /// Another writer creates the file first, and it is removed before it can be read.
    CreatedAndRemoved,
}

/// The stored file, shared by the writers of a test.
#[derive(Default)]
struct Place {
    /// Number and content of each version.
    versions: Vec<Vec<u8>>,
    fates: VecDeque<Fate>,
    reads: usize,
    writes: usize,
    pauses: usize,
}

struct Store {
    place: Arc<Mutex<Place>>,
    folder: PathBuf,
}

impl LedgerStore for Store {
    fn name(&self) -> String {
        "s3://acme/ledger".to_owned()
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn fetch(&self, to: &Path, known: Option<&str>) -> Result<FetchedLedger, LedgerStoreError> {
        let mut place = self.place.lock().expect("no panic");
        place.reads += 1;
        let state = place.versions.len().to_string();
        Ok(match place.versions.last() {
            None => FetchedLedger::Missing,
            Some(_) if known == Some(state.as_str()) => FetchedLedger::Unchanged,
            Some(content) => {
                std::fs::write(to, content).expect("writes");
                FetchedLedger::Read(state)
            }
        })
    }

    fn store(&self, from: &Path, replaces: Option<&str>) -> Result<StoredLedger, LedgerStoreError> {
        let mut place = self.place.lock().expect("no panic");
        place.writes += 1;
        let fate = place.fates.pop_front();
        if fate == Some(Fate::LostWithoutEffect) {
            return Err(LedgerStoreError("s3://acme/ledger: no answer".to_owned()));
        }
        if fate == Some(Fate::CreatedAndRemoved) {
            return Ok(StoredLedger::Changed);
        }
        if fate == Some(Fate::Beaten) {
            let others = other(place.versions.last().expect("a file"));
            place.versions.push(others);
        }
        let state = place.versions.len();
        if replaces != (state > 0).then(|| state.to_string()).as_deref() {
            return Ok(StoredLedger::Changed);
        }
        place.versions.push(std::fs::read(from).expect("reads"));
        match fate {
            Some(Fate::LostWithEffect) => Err(LedgerStoreError("s3://acme/ledger: no answer".to_owned())),
            Some(Fate::LostUnderAnother) => {
                let others = other(place.versions.last().expect("a file"));
                place.versions.push(others);
                Ok(StoredLedger::Changed)
            }
            _ => Ok(StoredLedger::Written((state + 1).to_string())),
        }
    }

    fn pause(&self, _: u32) {
        self.place.lock().expect("no panic").pauses += 1;
    }

    fn advice(&self) -> Option<String> {
        None
    }
}

/// The file after another writer took the lease, much later, and gave it back.
fn other(content: &[u8]) -> Vec<u8> {
    let bed = Bed::holding(content);
    let mut ledger = bed.open();
    let lease = ledger.acquire_lease("another", time(1_000_000), SignedDuration::from_secs(1)).expect("free");
    ledger.release_lease(lease).expect("its own");
    drop(ledger);
    bed.content()
}

struct Bed {
    place: Arc<Mutex<Place>>,
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        Self { place: Arc::default(), folder: tempfile::tempdir().expect("a folder") }
    }

    fn holding(content: &[u8]) -> Self {
        let bed = Self::new();
        bed.place.lock().expect("no panic").versions.push(content.to_vec());
        bed
    }

    fn store(&self, machine: &str) -> Arc<dyn LedgerStore> {
        Arc::new(Store { place: self.place.clone(), folder: self.folder.path().join(machine) })
    }

    fn open(&self) -> Ledger {
        Ledger::open_shared(self.store("one")).expect("opens")
    }

    fn content(&self) -> Vec<u8> {
        self.place.lock().expect("no panic").versions.last().cloned().expect("a file")
    }

    fn fates(&self, fates: &[Fate]) {
        self.place.lock().expect("no panic").fates = fates.iter().copied().collect();
    }

    fn counts(&self) -> (usize, usize) {
        let place = self.place.lock().expect("no panic");
        (place.reads, place.writes)
    }

    /// The ids of the recorded runs, as another machine reads them, of a file that is sound.
    fn runs(&self) -> Vec<String> {
        let ledger = Ledger::read_shared(self.store("reader")).expect("opens");
        ledger.integrity().expect("sound");
        ledger.runs().expect("reads").into_iter().map(|run| run.id).collect()
    }
}

/// Records a scan that ended at `at`, as a scan does: lease, record, release.
fn scan(ledger: &mut Ledger, at: i64) -> Result<(), LedgerError> {
    let ttl = ledger.lease_ttl();
    let lease = ledger.acquire_lease("test", time(at), ttl)?;
    let report = report(&format!("run-{at}"), at, "1 full a:f; 2 full b:p");
    ledger.together(|ledger| {
        ledger.record(&lease, &report, &[])?;
        ledger.release_lease(lease.clone())
    })
}

#[test]
fn a_new_ledger_is_stored_with_its_first_change_and_read_by_others() {
    let bed = Bed::new();
    let missing = Ledger::read_shared(bed.store("reader")).expect_err("none yet");
    assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
    let mut ledger = bed.open();
    assert_eq!(bed.counts().1, 0, "opening stores nothing");
    scan(&mut ledger, 10).expect("records");
    assert_eq!(bed.counts().1, 2, "one write for the lease, one for everything else");
    assert_eq!(bed.runs(), ["run-10"]);
    // Another machine goes on, and the first sees that.
    scan(&mut Ledger::open_shared(bed.store("two")).expect("opens"), 20).expect("records");
    scan(&mut ledger, 30).expect("records");
    assert_eq!(bed.runs(), ["run-10", "run-20", "run-30"]);
}

#[test]
fn what_is_not_stored_is_written_again() {
    let bed = Bed::new();
    bed.fates(&[Fate::CreatedAndRemoved, Fate::CreatedAndRemoved]);
    let mut ledger = bed.open();
    let lease = ledger.acquire_lease("test", time(0), SignedDuration::from_secs(60)).expect("free");
    assert_eq!(bed.counts().1, 3, "two writes had no effect");
    let stored =
        Ledger::open_shared(bed.store("two")).expect("opens").acquire_lease("other", time(1), SignedDuration::ZERO);
    assert!(matches!(stored, Err(LedgerError::Held { .. })), "the lease is in the stored file: {stored:?}");
    ledger.release_lease(lease).expect("its own");
    scan(&mut ledger, 10).expect("records");
    assert_eq!(bed.runs(), ["run-10"]);
}

#[test]
fn reading_changes_nothing_and_copies_a_known_file_once() {
    let bed = Bed::new();
    scan(&mut bed.open(), 10).expect("records");
    let writes = bed.counts().1;
    let mut ledger = Ledger::read_shared(bed.store("reader")).expect("opens");
    let refused = ledger.acquire_lease("test", time(99), SignedDuration::from_secs(1)).expect_err("reads only");
    assert!(matches!(refused, LedgerError::ReadOnly { .. }), "{refused}");
    assert_eq!((bed.runs().len(), bed.counts().1), (1, writes));
    // The cache is damaged: it is not used.
    std::fs::write(bed.folder.path().join("reader/ledger.sqlite"), "no ledger").expect("writes");
    assert_eq!(bed.runs(), ["run-10"]);
    #[cfg(unix)]
    for entry in std::fs::read_dir(bed.folder.path().join("reader")).expect("a folder").flatten() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = entry.metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn each_fate_of_a_write_leaves_one_record() {
    for fate in
        [Fate::Beaten, Fate::LostUnderAnother, Fate::LostWithEffect, Fate::LostWithoutEffect, Fate::CreatedAndRemoved]
    {
        // Of the write that takes the lease, and of the one that records.
        for before in [0, 1] {
            let bed = Bed::new();
            scan(&mut bed.open(), 10).expect("records");
            let fates: Vec<Fate> = std::iter::repeat_n(None, before).chain([Some(fate)]).flatten().collect();
            let mut ledger = bed.open();
            if before == 0 {
                bed.fates(&fates);
                match scan(&mut ledger, 20) {
                    Ok(()) => assert_eq!(bed.runs(), ["run-10", "run-20"], "{fate:?}"),
                    Err(error) => {
                        // The lease was taken, and another writer took it over.
                        let lost = matches!(error, LedgerError::Fenced { .. }) && fate == Fate::LostUnderAnother;
                        assert!(lost || error.to_string().contains("no answer"), "{fate:?}: {error}");
                        assert_eq!(bed.runs(), ["run-10"], "{fate:?}");
                    }
                }
            } else {
                let ttl = ledger.lease_ttl();
                let lease = ledger.acquire_lease("test", time(20), ttl).expect("free");
                bed.fates(&fates);
                let seen = report("run-20", 20, "1 full a:f; 2 full b:p");
                let recorded = ledger.record(&lease, &seen, &[]);
                match fate {
                    // Another took the lease over, which an expired lease allows: nothing is recorded over it.
                    Fate::Beaten => assert!(recorded.is_err(), "{recorded:?}"),
                    Fate::LostUnderAnother | Fate::CreatedAndRemoved => assert!(recorded.is_ok(), "{recorded:?}"),
                    Fate::LostWithEffect | Fate::LostWithoutEffect => {
                        recorded.expect_err("not known");
                        // The same change again: it is recorded once, whether it was before or not.
                        let (again, _) = ledger.record(&lease, &seen, &[]).expect("records");
                        assert_eq!(again.already, fate == Fate::LostWithEffect);
                    }
                }
                let expected = if fate == Fate::Beaten { vec!["run-10"] } else { vec!["run-10", "run-20"] };
                assert_eq!(bed.runs(), expected, "{fate:?}");
            }
        }
    }
}

#[test]
fn a_change_that_was_not_written_back_is_not_written_with_the_next_one() {
    let bed = Bed::new();
    let mut ledger = bed.open();
    scan(&mut ledger, 10).expect("records");
    let ttl = ledger.lease_ttl();
    let lease = ledger.acquire_lease("test", time(20), ttl).expect("free");
    bed.fates(&[Fate::LostWithoutEffect]);
    ledger.record(&lease, &report("run-20", 20, "1 full a:p"), &[]).expect_err("no answer");
    ledger.release_lease(lease).expect("writes");
    assert_eq!(bed.runs(), ["run-10"]);
}

#[test]
fn a_file_that_is_removed_or_is_no_ledger_is_not_replaced() {
    let bed = Bed::new();
    let mut ledger = bed.open();
    scan(&mut ledger, 10).expect("records");
    let content = bed.content();
    bed.place.lock().expect("no panic").versions.clear();
    let error = scan(&mut ledger, 20).expect_err("removed");
    assert!(matches!(error, LedgerError::Removed { .. }), "{error}");
    assert!(bed.place.lock().expect("no panic").versions.is_empty(), "no new history in its place");

    for (foreign, part) in [
        (
            b"not a database, and longer than its header would have to be, by far: it goes on and on and on and on"
                .to_vec(),
            "is not a Doorward ledger",
        ),
        (Vec::new(), "s3://acme/ledger"),
        (newer(&content), "schema version 999"),
    ] {
        let bed = Bed::holding(&foreign);
        for opened in [Ledger::open_shared(bed.store("one")), Ledger::read_shared(bed.store("two"))] {
            let error = opened.expect_err("no ledger").to_string();
            assert!(error.starts_with("s3://acme/ledger: ") && error.contains(part), "{error}");
        }
        assert_eq!((bed.content(), bed.counts().1), (foreign, 0), "it is left as it is");
    }
}

/// A ledger of a later version.
fn newer(content: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    std::fs::write(&path, content).expect("writes");
    let mut bytes = std::fs::read(&path).expect("reads");
    // The user version, at byte 60 of SQLite's header.
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    bytes
}

#[test]
fn a_local_ledger_can_be_put_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut local = Ledger::open(&path, OpenOptions::default()).expect("opens");
    scan(&mut local, 10).expect("records");
    drop(local);
    let bed = Bed::holding(&std::fs::read(&path).expect("reads"));
    assert_eq!(bed.runs(), ["run-10"]);
    scan(&mut bed.open(), 20).expect("records");
    assert_eq!(bed.runs(), ["run-10", "run-20"]);
}

#[test]
fn renewing_does_not_write_the_file_before_it_must() {
    let bed = Bed::new();
    let mut ledger = bed.open();
    let ttl = ledger.lease_ttl();
    let mut lease = ledger.acquire_lease("test", time(0), ttl).expect("free");
    let expires = lease.expires();
    ledger.renew_lease(&mut lease, time(10), ttl).expect("holds it");
    assert_eq!((bed.counts().1, lease.expires()), (1, expires));
    ledger.renew_lease(&mut lease, time(100), ttl).expect("holds it");
    assert_eq!((bed.counts().1, lease.expires() > expires), (2, true));
    let held = Ledger::open_shared(bed.store("two")).expect("opens").acquire_lease("second", time(101), ttl);
    assert!(matches!(held, Err(LedgerError::Held { .. })), "{held:?}");
}
