//! Opening, checking and writing the ledger file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::LedgerFault;
use crate::shared::{SharedCopy, store_of};
use crate::{Lease, LedgerError, disk, schema_versions};

/// How long SQLite waits for another process's transaction before giving up. A write transaction lasts milliseconds,
/// the recording of a large scan a few seconds.
const BUSY: Duration = Duration::from_secs(30);

/// How long to pause, and how often, while others are making the same new file.
const OPENING: (Duration, u32) = (Duration::from_millis(20), 250);

/// The longest time between two observations of a failure that counts as observed, unless a setting says another: scans once a
/// week are usual, and one may be a day late.
pub const LONGEST_INTERVAL: Duration = Duration::from_hours(8 * 24);

/// How a ledger is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions {
    /// Open it even on a network file system. Then no write-ahead log is used, and only one machine may write.
    pub force_network: bool,
}

/// The history in one SQLite file. One `Ledger` per thread; any number of processes may read while one writes.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    /// Where the file is kept, if it is not on this machine.
    pub(crate) shared: Option<SharedCopy>,
    /// Whether it lies on a network file system.
    pub(crate) network: bool,
    /// Held as long as the lease is.
    pub(crate) lock: Option<File>,
    longest_interval: Duration,
}

impl Ledger {
    /// Opens the ledger for writing; makes the file and its folder if they are missing, readable by their owner only,
    /// and brings an older schema forward. Refuses network file systems unless forced, files of a newer Doorward, files without
    /// content, and files that are no ledger. Every error names the path.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, LedgerError> {
        if let Some(store) = store_of(path)? {
            return Self::open_shared(store);
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_folder(folder).map_err(|source| LedgerError::Folder { path: folder.to_owned(), source })?;
        let network = disk::network_mount(folder);
        if let Some(mount) = network.as_ref().filter(|_| !options.force_network) {
            let (kind, mount) = (mount.kind.clone(), mount.point.clone());
            return Err(LedgerError::NetworkFileSystem { path: path.to_owned(), kind, mount });
        }
        refuse_empty(path)?;
        if !path.exists() {
            make(path)?;
        }
        // SQLite does not wait when several processes turn a new file into one with a write-ahead log: the others do.
        let mut tries = 0..OPENING.1;
        loop {
            match Self::set_up(path, network.is_some()) {
                Err(LedgerError::Busy { .. }) if tries.next().is_some() => std::thread::sleep(OPENING.0),
                done => return done,
            }
        }
    }

    fn set_up(path: &Path, network: bool) -> Result<Self, LedgerError> {
        let doing = "opening it";
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let ledger = Self { network, ..Self::connect(path, flags)? };
        let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(path, doing);
        let empty = schema_versions::is_empty(&ledger.db).map_err(explain)?;
        let found = ledger.recognize(empty)?;
        let journal = if network { "DELETE" } else { "WAL" };
        if empty {
            // Only an empty file can still choose to give pages back one by one.
            ledger.db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(explain)?;
        }
        ledger.db.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).map_err(explain)?;
        ledger
            .db
            .execute_batch(
                "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -32768",
            )
            .map_err(explain)?;
        if found < schema_versions::VERSION {
            schema_versions::migrate(&ledger.db).map_err(explain)?;
        }
        Ok(ledger)
    }

    /// Opens the ledger for reading only; a writer never blocks it. [`LedgerError::Missing`] when there is none,
    /// [`LedgerError::Older`] when its schema must first be brought forward by a writer.
    pub fn open_read_only(path: &Path) -> Result<Self, LedgerError> {
        if let Some(store) = store_of(path)? {
            return Self::read_shared(store);
        }
        if !path.exists() {
            return Err(LedgerError::Missing { path: path.to_owned() });
        }
        refuse_empty(path)?;
        let ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let found = ledger.recognize(false)?;
        if found < schema_versions::VERSION {
            return Err(LedgerError::Older { path: path.to_owned(), found, known: schema_versions::VERSION });
        }
        Ok(ledger)
    }

    pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Self, LedgerError> {
        let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(path, "opening it");
        let db = Connection::open_with_flags(path, flags).map_err(explain)?;
        db.busy_timeout(BUSY).map_err(explain)?;
        db.set_prepared_statement_cache_capacity(64);
        let path = path.to_owned();
        Ok(Self { db, path, shared: None, network: false, lock: None, longest_interval: LONGEST_INTERVAL })
    }

    /// The schema version, if the file is a ledger that this version may touch.
    pub(crate) fn recognize(&self, empty: bool) -> Result<i64, LedgerError> {
        let (found, application) =
            schema_versions::identity(&self.db).map_err(|e| LedgerFault::from(e).explain(&self.path, "opening it"))?;
        if !empty && application != schema_versions::APPLICATION {
            return Err(LedgerError::NotALedger { path: self.path.clone() });
        }
        if found > schema_versions::VERSION {
            return Err(LedgerError::Newer { path: self.path.clone(), found, known: schema_versions::VERSION });
        }
        Ok(found)
    }

    /// Sets the longest time between two observations of a failure that counts as observed. Longer ones prove nothing, so that a
    /// deadline does not pass by them. What is recorded already stays as it is.
    pub fn set_longest_interval(&mut self, longest: Duration) {
        self.longest_interval = longest;
    }

    /// The same in nanoseconds.
    pub(crate) fn longest_interval(&self) -> i64 {
        i64::try_from(self.longest_interval.as_nanos()).unwrap_or(i64::MAX)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file and checks it: SQLite's own structure, and that nothing refers to what is not there.
    /// [`LedgerError::Damaged`] names the first problem.
    pub fn integrity(&self) -> Result<(), LedgerError> {
        const ORPHANS: [(&str, &str); 8] = [
            ("a raw cell without its body", "SELECT 1 FROM cells WHERE body NOT IN (SELECT id FROM bodies)"),
            ("a raw cell without its scan", "SELECT 1 FROM cells WHERE scan NOT IN (SELECT seq FROM scans)"),
            ("an input without its body", "SELECT 1 FROM inputs WHERE body NOT IN (SELECT id FROM bodies)"),
            ("an input without its scan", "SELECT 1 FROM inputs WHERE scan NOT IN (SELECT seq FROM scans)"),
            (
                "a finding without its load balancer",
                "SELECT 1 FROM findings WHERE load_balancer NOT IN (SELECT id FROM load_balancers)",
            ),
            ("a transition without its run", "SELECT 1 FROM transitions WHERE run NOT IN (SELECT seq FROM runs)"),
            (
                "a journal entry without its plan",
                "SELECT 1 FROM change_events WHERE change NOT IN (SELECT id FROM changes)",
            ),
            ("a run without its coverage", "SELECT 1 FROM runs WHERE coverage NOT IN (SELECT id FROM coverages)"),
        ];
        self.read("checking it", |db| {
            let damaged = |problem: String| LedgerError::Damaged { path: self.path.clone(), problem };
            let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if said != "ok" {
                return Err(damaged(said).into());
            }
            for (problem, query) in ORPHANS {
                if db.prepare(query)?.exists([])? {
                    return Err(damaged(problem.to_owned()).into());
                }
            }
            Ok(())
        })
    }

    /// Reads at one point in time, whatever writers do meanwhile.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerError> {
        let run = || {
            let view = Transaction::new_unchecked(&self.db, TransactionBehavior::Deferred)?;
            work(&view)
        };
        run().map_err(|fault: LedgerFault| fault.explain(&self.path, doing))
    }

    /// Writes everything or nothing. `work` runs again where another writer of a shared ledger was first.
    pub(crate) fn write<T>(
        &mut self,
        doing: &'static str,
        mut work: impl FnMut(&Connection) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerError> {
        self.change(|ledger| {
            let mut run = || {
                let change = Transaction::new_unchecked(&ledger.db, TransactionBehavior::Immediate)?;
                let done = work(&change)?;
                change.commit()?;
                Ok(done)
            };
            run().map_err(|fault: LedgerFault| fault.explain(&ledger.path, doing))
        })
    }

    /// Writes everything or nothing, and only while the lease is its owner's.
    pub(crate) fn write_leased<T>(
        &mut self,
        lease: &Lease,
        doing: &'static str,
        mut work: impl FnMut(&Connection) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerError> {
        self.change(|ledger| {
            let mut run = || {
                let change = Transaction::new_unchecked(&ledger.db, TransactionBehavior::Immediate)?;
                ledger.check_lease(&change, lease)?;
                let done = work(&change)?;
                change.commit()?;
                Ok(done)
            };
            run().map_err(|fault: LedgerFault| fault.explain(&ledger.path, doing))
        })
    }

    /// Like [`Self::write_leased`], and on the disk when it returns: for what must survive a power cut.
    pub(crate) fn write_durably<T>(
        &mut self,
        lease: &Lease,
        doing: &'static str,
        work: impl FnMut(&Connection) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerError> {
        if self.shared.is_some() {
            // What counts is the stored file, not the copy.
            return self.write_leased(lease, doing, work);
        }
        self.set("synchronous = FULL", doing)?;
        let done = self.write_leased(lease, doing, work);
        self.set("synchronous = NORMAL", doing)?;
        done
    }

    fn set(&self, pragma: &str, doing: &'static str) -> Result<(), LedgerError> {
        self.db
            .execute_batch(&format!("PRAGMA {pragma}"))
            .map_err(|error| LedgerFault::from(error).explain(&self.path, doing))
    }
}

pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Refuses a file of 0 bytes. No ledger is ever one, because a new ledger is put in its place whole: its content was lost, and a new
/// history under its name would hide that.
pub(crate) fn refuse_empty(path: &Path) -> Result<(), LedgerError> {
    let length = |path: &Path| std::fs::metadata(path).map(|file| file.len()).ok();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if length(path) == Some(0) && length(Path::new(&log)).is_none_or(|length| length == 0) {
        return Err(LedgerError::Empty { path: path.to_owned() });
    }
    Ok(())
}

/// Makes a ledger beside its place and puts it there in one step: no other process sees half of one, and a kill leaves none.
/// Readable by its owner only: SQLite gives its side files the same permissions.
fn make(path: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::OpenOptionsExt;
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let refused = |e: std::io::Error| LedgerError::Open { path: path.to_owned(), reason: e.to_string() };
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!("-new-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    let draft = PathBuf::from(draft);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(refused)?;
    let done = crate::shared::fill(&draft, path, true).and_then(|()| place(&draft, path).map_err(refused));
    // Where it was renamed, there is nothing left to remove.
    let _ = std::fs::remove_file(&draft);
    done
}

/// Gives a file its name, unless another process created a file with that name in the meantime.
fn place(draft: &Path, path: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no links.
        Err(_) if !path.exists() => std::fs::rename(draft, path),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LEASE_TTL;

    #[test]
    fn a_full_file_is_an_error_and_keeps_what_it_had() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut ledger = Ledger::open(&path, OpenOptions::default()).expect("opens");
        let lease = ledger.acquire_lease("test", jiff::Timestamp::UNIX_EPOCH, LEASE_TTL).expect("free");
        let pages: i64 = ledger.db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counts");
        let limit = format!("PRAGMA max_page_count = {}", pages + 2);
        ledger.db.query_row(&limit, [], |_| Ok(())).expect("limits");
        let fill = |ledger: &mut Ledger| {
            ledger.write_leased(&lease, "filling it", |db| {
                db.execute("INSERT INTO bodies (text) VALUES (hex(zeroblob(100000)))", [])?;
                Ok(())
            })
        };
        let refusal = fill(&mut ledger).expect_err("no room");
        assert!(matches!(refusal, LedgerError::Full { doing: "filling it", .. }), "{refusal}");
        assert!(refusal.to_string().starts_with(&*path.to_string_lossy()), "{refusal}");
        ledger.integrity().expect("sound");
        ledger.db.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).expect("limits");
        fill(&mut ledger).expect("there is room again");
    }

    #[test]
    fn a_file_without_content_is_no_new_ledger() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        std::fs::write(&path, "").expect("writes");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let refusal = [
            Ledger::open(&path, OpenOptions::default()).map(drop),
            Ledger::open_read_only(&path).map(drop),
            Ledger::preflight(&path, OpenOptions::default(), now).map(drop),
        ];
        for refusal in refusal {
            let refusal = refusal.expect_err("refused");
            assert!(matches!(refusal, LedgerError::Empty { .. }), "{refusal}");
            assert!(refusal.to_string().contains("restore it from a backup"), "{refusal}");
        }
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 0, "left as it was");
    }

    #[test]
    fn a_new_ledger_is_its_owners_alone_and_leaves_nothing_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut ledger = Ledger::open(&path, OpenOptions::default()).expect("opens");
        let lease = ledger.acquire_lease("test", jiff::Timestamp::UNIX_EPOCH, LEASE_TTL).expect("free");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder.path()).expect("reads") {
            let entry = entry.expect("reads");
            let mode = entry.metadata().expect("reads").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
            names.push(entry.file_name().into_string().expect("text"));
        }
        names.sort();
        assert_eq!(names, ["ledger.db", "ledger.db-lock", "ledger.db-shm", "ledger.db-wal"]);
        ledger.release_lease(lease).expect("given back");
    }

    #[test]
    fn many_may_open_a_new_file_at_once() {
        for _ in 0..40 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("ledger.db");
            std::thread::scope(|scope| {
                let open = || scope.spawn(|| Ledger::open(&path, OpenOptions::default()).map(drop));
                let all: Vec<_> = (0..8).map(|_| open()).collect();
                for one in all {
                    one.join().expect("no panic").expect("opens");
                }
            });
            Ledger::open_read_only(&path).expect("opens").integrity().expect("sound");
        }
    }
}
