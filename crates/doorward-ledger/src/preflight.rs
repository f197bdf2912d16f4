//! What opening a ledger for writing would find, without creating or changing anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::OpenFlags;
use rustix::fs::Access;

use crate::ledger::{OpenOptions, refuse_empty};
use crate::shared::store_of;
use crate::timestamp::{nanos, timestamp};
use crate::{Ledger, LedgerError, LedgerStore, disk, lease, schema_versions};

/// The result of [`Ledger::preflight`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The file.
    pub path: PathBuf,
    /// Its state.
    pub state: PreflightState,
    /// Bytes that this user may still write to its file system; of a shared ledger, to that of its copies.
    pub free: u64,
    /// Advice on the place of a shared ledger: one sentence.
    pub advice: Option<String>,
}

/// The state of a ledger before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreflightState {
    /// It does not exist; the first scan creates it.
    New,
    /// It has an older schema; the next scan migrates it.
    Older,
    /// It exists.
    Ready {
        /// Who holds its lease, and until when, UTC.
        held: Option<(String, Timestamp)>,
        /// Whether a scan was interrupted and can be resumed.
        unfinished: bool,
    },
}

impl Ledger {
    /// Checks what [`Ledger::open`] would open. Errors are those that it would return: a network file system, a folder that
    /// cannot be made, a file that is no ledger, is of a newer Doorward or may not be written.
    pub fn preflight(path: &Path, options: OpenOptions, now: Timestamp) -> Result<Preflight, LedgerError> {
        if let Some(store) = store_of(path)? {
            return Self::preflight_shared(path, store, now);
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Missing folders are made below the nearest one that is there.
        let there = folder.ancestors().find(|folder| folder.exists() || folder.as_os_str().is_empty());
        let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let refused = |errno: rustix::io::Errno| LedgerError::Folder { path: folder.to_owned(), source: errno.into() };
        rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK).map_err(refused)?;
        if !there.is_dir() {
            return Err(refused(rustix::io::Errno::NOTDIR));
        }
        if let Some(mount) = disk::network_mount(there).filter(|_| !options.force_network) {
            return Err(LedgerError::NetworkFileSystem { path: path.to_owned(), kind: mount.kind, mount: mount.point });
        }
        let free = disk::free(there).map_err(refused)?;
        let state = if path.exists() { Self::look(path, now)? } else { PreflightState::New };
        Ok(Preflight { path: path.to_owned(), state, free, advice: None })
    }

    /// Reads a shared ledger, and changes nothing. Whether it may be written is not known before the first change.
    fn preflight_shared(path: &Path, store: Arc<dyn LedgerStore>, now: Timestamp) -> Result<Preflight, LedgerError> {
        let folder = store.folder().to_owned();
        let advice = store.advice();
        let state = match Self::read_shared(store) {
            Ok(ledger) => ledger.standing(now)?,
            Err(LedgerError::Missing { .. }) => PreflightState::New,
            Err(LedgerError::Older { .. }) => PreflightState::Older,
            Err(error) => return Err(error),
        };
        let free = disk::free(&folder).map_err(|e| LedgerError::Folder { path: folder, source: e.into() })?;
        Ok(Preflight { path: path.to_owned(), state, free, advice })
    }

    fn look(path: &Path, now: Timestamp) -> Result<PreflightState, LedgerError> {
        let writable = rustix::fs::access(path, Access::WRITE_OK);
        writable.map_err(|e| LedgerError::Open { path: path.to_owned(), reason: e.to_string() })?;
        refuse_empty(path)?;
        let ledger = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let empty = ledger.read("looking at it", |db| Ok(schema_versions::is_empty(db)?))?;
        let found = ledger.recognize(empty)?;
        if empty {
            return Ok(PreflightState::New);
        }
        if found < schema_versions::VERSION {
            return Ok(PreflightState::Older);
        }
        ledger.standing(now)
    }

    fn standing(&self, now: Timestamp) -> Result<PreflightState, LedgerError> {
        let held = self.read("looking at it", |db| Ok(lease::holder(db)?))?;
        let held = held.filter(|(_, expires)| *expires > nanos(now)).map(|(owner, until)| (owner, timestamp(until)));
        Ok(PreflightState::Ready { held, unfinished: self.unfinished_run()?.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LEASE_TTL;

    #[test]
    fn nothing_is_created_and_the_state_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/doorward/ledger.sqlite");
        let now: Timestamp = "2026-11-02T09:00:00Z".parse().expect("a time");
        let look = || Ledger::preflight(&path, OpenOptions::default(), now);
        let found = look().expect("a place");
        assert_eq!(found.state, PreflightState::New);
        assert!(found.free > 0 && !folder.path().join("state").exists());

        let mut ledger = Ledger::open(&path, OpenOptions::default()).expect("opens");
        let free = PreflightState::Ready { held: None, unfinished: false };
        assert_eq!(look().expect("a ledger").state, free);
        let lease = ledger.acquire_lease("process 7", now, LEASE_TTL).expect("free");
        let held = Some(("process 7".to_owned(), lease.expires()));
        assert_eq!(look().expect("a ledger").state, PreflightState::Ready { held, unfinished: false });
        ledger.release_lease(lease).expect("given back");
        assert_eq!(look().expect("a ledger").state, free);
    }

    #[test]
    fn what_opening_would_refuse_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::UNIX_EPOCH;
        let text = folder.path().join("notes.txt");
        std::fs::write(
            &text,
            "not a database, and longer than its header would have to be, by far: it goes on and on\n",
        )
        .expect("writes");
        for path in [text.clone(), text.join("ledger.sqlite")] {
            let found = Ledger::preflight(&path, OpenOptions::default(), now).expect_err("no place");
            let opened = Ledger::open(&path, OpenOptions::default()).expect_err("no ledger");
            assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&opened), "{found} | {opened}");
        }
    }
}
