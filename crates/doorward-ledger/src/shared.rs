//! A ledger whose file is kept elsewhere, for several machines: fetched, changed, and written back if it is still the same.
//!
//! Every change is made in a private copy and written back under the condition that the stored file is the one that was copied. If
//! another writer was first, its file is fetched and the change is made again. A change carries an id in a table of the file itself, so
//! that a writer whose answer was lost recognizes its own change even where others have written on top of it.
//!
//! The lease is in the file as well: it is taken by such a change, and checked by every later one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::SignedDuration;
use rusqlite::{Connection, OpenFlags};

use crate::error::LedgerFault;
use crate::{Ledger, LedgerError, schema_versions};

mod working_copy;

use working_copy::WorkingCopy;

/// How often a change is made again because another writer was first. Each time, one writer succeeds.
const TRIES: u32 = 20;

/// For copies that a kill or a power cut may damage: they are never used again.
const UNSYNCED: &str = "PRAGMA synchronous = OFF";

/// How long the lease of a shared ledger lasts. Renewing it writes the whole file, so it lasts longer than that of a local one.
pub(crate) const SHARED_LEASE: SignedDuration = SignedDuration::from_mins(3);

/// Keeps the file of a ledger that several machines use. Its calls block.
pub trait LedgerStore: Send + Sync {
    /// The place, for messages: `s3://bucket/key`.
    fn name(&self) -> String;

    /// The folder on this machine for copies. It is created if it is missing.
    fn folder(&self) -> &Path;

    /// Copies the file to `to`, unless it is still in the state that is known.
    ///
    /// # Errors
    /// The file cannot be read, or whether there is one is not known.
    fn fetch(&self, to: &Path, known: Option<&str>) -> Result<FetchedLedger, LedgerStoreError>;

    /// Replaces the file that is in this state, or creates it where there must be none.
    ///
    /// # Errors
    /// The file cannot be written, or it is not known whether it was.
    fn store(&self, from: &Path, replaces: Option<&str>) -> Result<StoredLedger, LedgerStoreError>;

    /// Waits before a change is made again: longer with each try, and not as long as other writers do.
    fn pause(&self, tries: u32);

    /// Advice on the place: one sentence, if there is any, or if a check failed.
    fn advice(&self) -> Option<String>;
}

/// The result of [`LedgerStore::fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchedLedger {
    /// The file was copied; it is in this state.
    Read(String),
    /// The file is still in the known state.
    Unchanged,
    /// There is none, as the place itself says.
    Missing,
}

/// The result of [`LedgerStore::store`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredLedger {
    /// The file is stored, in this state.
    Written(String),
    /// Another writer was first.
    Changed,
}

/// Why the place of a shared ledger cannot be used: one sentence with the place, the cause and the next step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LedgerStoreError(pub String);

/// Opens the place that a path names, if it is none on this machine.
type OpenStore = dyn Fn(&Path) -> Result<Arc<dyn LedgerStore>, LedgerStoreError> + Send + Sync;

static STORES: RwLock<Option<Arc<OpenStore>>> = RwLock::new(None);

/// Sets how paths such as `s3://bucket/key` are opened from here on. The program sets it from its settings: this crate calls no AWS.
pub fn open_stores_with(
    open: impl Fn(&Path) -> Result<Arc<dyn LedgerStore>, LedgerStoreError> + Send + Sync + 'static,
) {
    *STORES.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(open));
}

/// Whether a path names a ledger that is not a file of this machine.
pub fn is_shared(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with("s3://"))
}

/// The store of a path; none for a file of this machine.
pub(crate) fn store_of(path: &Path) -> Result<Option<Arc<dyn LedgerStore>>, LedgerError> {
    if !is_shared(path) {
        return Ok(None);
    }
    let open = STORES.read().unwrap_or_else(PoisonError::into_inner).clone();
    let unset = || LedgerStoreError(format!("{}: this command reads ledgers on disk only", path.display()));
    open.ok_or_else(unset).and_then(|open| open(path)).map(Some).map_err(LedgerError::Store)
}

/// The private copy of a shared ledger, and what is known of the stored file.
pub(crate) struct SharedCopy {
    store: Arc<dyn LedgerStore>,
    copy: WorkingCopy,
    /// The state that the copy was fetched in; none where there is no stored file yet.
    state: Option<String>,
    /// Whether the copy may differ from the stored file in another way than by being older: a change was not written back.
    stale: bool,
    /// Whether changes are collected, to be written back together.
    collecting: bool,
    /// Whether nothing is ever written back: SQLite then refuses every change.
    reads_only: bool,
}

/// What the copy is after it was compared with the stored file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reloaded {
    /// It stayed as it was.
    Kept,
    /// It is a copy of the stored file.
    Stored,
    /// There is no stored file: it is a new ledger without content.
    New,
}

impl std::fmt::Debug for SharedCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedCopy({}, {:?})", self.store.name(), self.state)
    }
}

impl Ledger {
    /// Opens a shared ledger for writing. Where there is none, a new one is made here, and stored with the first change.
    ///
    /// # Errors
    /// The ledger cannot be read, is of a newer Doorward, or is no ledger.
    pub fn open_shared(store: Arc<dyn LedgerStore>) -> Result<Self, LedgerError> {
        let copy = WorkingCopy::new(store.folder())?;
        let state = copy.fetch(&*store)?;
        let name = PathBuf::from(store.name());
        if state.is_none() {
            copy.make_new(&name)?;
        }
        let mut ledger = Self::connect_copy(&copy, &name)?;
        let found = ledger.recognize(false)?;
        if found < schema_versions::VERSION {
            schema_versions::migrate(&ledger.db).map_err(|e| LedgerFault::from(e).explain(&name, "opening it"))?;
        }
        ledger.shared = Some(SharedCopy { store, copy, state, stale: false, collecting: false, reads_only: false });
        Ok(ledger)
    }

    /// Opens a shared ledger for reading only. Nothing is ever written back.
    ///
    /// # Errors
    /// As [`Ledger::open_shared`], and [`LedgerError::Missing`] where the place says that there is none, [`LedgerError::Older`] where a
    /// writer must bring it forward.
    pub fn read_shared(store: Arc<dyn LedgerStore>) -> Result<Self, LedgerError> {
        let copy = WorkingCopy::new(store.folder())?;
        let state = copy.fetch(&*store)?;
        let path = PathBuf::from(store.name());
        if state.is_none() {
            return Err(LedgerError::Missing { path });
        }
        let mut ledger = Self::connect_copy(&copy, &path)?;
        let found = ledger.recognize(false)?;
        if found < schema_versions::VERSION {
            return Err(LedgerError::Older { path, found, known: schema_versions::VERSION });
        }
        let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(&path, "opening it");
        ledger.db.execute_batch("PRAGMA query_only = ON").map_err(explain)?;
        ledger.shared = Some(SharedCopy { store, copy, state, stale: false, collecting: false, reads_only: true });
        Ok(ledger)
    }

    /// Opens the copy as a database of its own. A copy that a kill leaves behind is never used again, so its journal may stay in memory.
    fn connect_copy(copy: &WorkingCopy, name: &Path) -> Result<Self, LedgerError> {
        let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(name, "opening it");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut ledger = Self::connect(copy.file(), flags)?;
        ledger.path = name.to_owned();
        // Identified before its journal mode is set: setting it would write to what may be no ledger.
        ledger.recognize(false)?;
        ledger.db.execute_batch(UNSYNCED).map_err(explain)?;
        // A file that was a local ledger has a write-ahead log, which one file cannot hold.
        for mode in ["DELETE", "MEMORY"] {
            ledger.db.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).map_err(explain)?;
        }
        ledger.db.execute_batch("PRAGMA cache_size = -32768").map_err(explain)?;
        Ok(ledger)
    }

    /// Whether the file is kept elsewhere, for several machines.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// How long the lease of this ledger should last. Renew it three times as often.
    pub fn lease_ttl(&self) -> SignedDuration {
        if self.shared.is_some() { SHARED_LEASE } else { crate::LEASE_TTL }
    }

    /// Makes several changes, which a shared ledger writes back together: all or none of them is stored. They are made again if
    /// another writer was first, so that `act` may run more than once. In a local ledger, each change stands by itself.
    ///
    /// # Errors
    /// Those of `act`, and those of writing back.
    pub fn together<T>(&mut self, mut act: impl FnMut(&mut Self) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.change(|ledger| {
            let before = ledger.shared.as_mut().map(|shared| std::mem::replace(&mut shared.collecting, true));
            let done = act(ledger);
            if let (Some(shared), Some(before)) = (ledger.shared.as_mut(), before) {
                shared.collecting = before;
            }
            done
        })
    }

    /// Makes a change. That of a shared ledger is written back, and made again where another writer was first.
    pub(crate) fn change<T>(
        &mut self,
        mut make: impl FnMut(&mut Self) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        match &self.shared {
            None => return make(self),
            Some(shared) if shared.collecting || shared.reads_only => return make(self),
            Some(shared) if shared.stale => drop(self.reload()?),
            Some(_) => {}
        }
        for tries in 1..=TRIES {
            let before = self.changes();
            let made = make(self);
            let differs = before != self.changes();
            let made = match made {
                Err(error) => {
                    self.mark_stale(differs);
                    return Err(error);
                }
                Ok(made) if !differs => return Ok(made),
                Ok(made) => made,
            };
            match self.write_back() {
                Ok(true) => return Ok(made),
                Ok(false) => {}
                Err(error) => {
                    self.mark_stale(true);
                    return Err(error);
                }
            }
            if let Some(shared) = &self.shared {
                shared.store.pause(tries);
            }
        }
        Err(LedgerError::Contended { path: self.path().to_owned(), tries: TRIES })
    }

    /// Writes the copy back. False where another writer was first: the copy is then what that one wrote. A change that was written
    /// although its answer was lost is recognized there.
    fn write_back(&mut self) -> Result<bool, LedgerError> {
        let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(&self.path, "writing it back");
        let id = schema_versions::stamp(&self.db).map_err(explain)?;
        let Some(shared) = &mut self.shared else { return Ok(true) };
        match shared.store.store(shared.copy.file(), shared.state.as_deref()).map_err(LedgerError::Store)? {
            StoredLedger::Written(state) => {
                shared.state = Some(state);
                Ok(true)
            }
            StoredLedger::Changed => {
                // The copy has the change and its id already: only another copy says whether they were written.
                shared.stale = true;
                match self.reload()? {
                    Reloaded::Stored => schema_versions::was_written(&self.db, &id)
                        .map_err(|e| LedgerFault::from(e).explain(&self.path, "writing it back")),
                    Reloaded::New | Reloaded::Kept => Ok(false),
                }
            }
        }
    }

    fn mark_stale(&mut self, differs: bool) {
        if let Some(shared) = self.shared.as_mut().filter(|_| differs) {
            shared.stale = true;
        }
    }

    fn changes(&self) -> i64 {
        // A count that cannot be read is that of a change: the copy is then written back, or fetched again.
        self.db.query_row("SELECT total_changes()", [], |row| row.get(0)).unwrap_or(-1)
    }

    /// Makes the copy what is stored now, if that is not the copy's state.
    pub(crate) fn refresh(&mut self) -> Result<(), LedgerError> {
        match &self.shared {
            Some(shared) if !shared.collecting && !shared.reads_only => self.reload().map(drop),
            _ => Ok(()),
        }
    }

    fn reload(&mut self) -> Result<Reloaded, LedgerError> {
        let Some(shared) = &mut self.shared else { return Ok(Reloaded::Kept) };
        let path = self.path.clone();
        // A copy with a change that was not written back is fetched whole.
        let known = shared.state.clone().filter(|_| !shared.stale);
        let fresh = WorkingCopy::new(shared.store.folder())?;
        let state = match fresh.fetch_unless(&*shared.store, known.as_deref())? {
            working_copy::Fresh::AsKnown => return Ok(Reloaded::Kept),
            working_copy::Fresh::Copied(state) => Some(state),
            // It was there before: a new history in its place would hide that it was removed.
            working_copy::Fresh::Missing if shared.state.is_some() => return Err(LedgerError::Removed { path }),
            working_copy::Fresh::Missing if !shared.stale => return Ok(Reloaded::Kept),
            working_copy::Fresh::Missing => {
                fresh.make_new(&path)?;
                None
            }
        };
        let opened = Self::connect_copy(&fresh, &path)?;
        opened.recognize(false)?;
        if schema_versions::identity(&opened.db).map_err(|e| LedgerFault::from(e).explain(&path, "opening it"))?.0
            < schema_versions::VERSION
        {
            schema_versions::migrate(&opened.db).map_err(|e| LedgerFault::from(e).explain(&path, "opening it"))?;
        }
        self.db = opened.db;
        shared.copy = fresh;
        let reloaded = if state.is_some() { Reloaded::Stored } else { Reloaded::New };
        (shared.state, shared.stale) = (state, false);
        Ok(reloaded)
    }
}

/// Makes a ledger without content in an empty file. One that only the next upload reads need not be on the disk.
pub(crate) fn fill(file: &Path, name: &Path, on_disk: bool) -> Result<(), LedgerError> {
    let explain = |e: rusqlite::Error| LedgerFault::from(e).explain(name, "making it");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags).map_err(explain)?;
    if !on_disk {
        db.execute_batch(UNSYNCED).map_err(explain)?;
    }
    // Only an empty file can still choose to give pages back one by one.
    db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(explain)?;
    schema_versions::migrate(&db).map_err(explain)?;
    db.close().map_err(|(_, e)| explain(e))
}
