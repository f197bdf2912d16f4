//! The lock of a folder of packs: one process at a time adds a pack, so that each pack follows the one before it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::error::EvidenceError;

/// The file that is locked where the file system does not lock folders, as NFS. It is empty and stays: the operating system ends a lock with
/// its process.
const LOCK: &str = ".doorward-lock";

/// Begins and ends the name of a folder in which a pack is written.
pub(crate) const UNFINISHED: (&str, &str) = (".doorward-", ".part");

/// Whether a name is that of a pack that is not complete.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

/// Whether a path is the lock as it is made here: a regular file without content.
pub(crate) fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == LOCK)
        && fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// A folder that this process may add a pack to.
pub(crate) struct LockedFolder {
    /// None where the file system has no locks.
    _locked: Option<File>,
}

impl LockedFolder {
    /// Waits until no other process writes into the folder, and removes what stopped runs left there. `notice` reports that it waits,
    /// and that the file system has no locks: then only the order of the packs protects the chain.
    ///
    /// # Errors
    /// What a stopped run left cannot be removed.
    pub(crate) fn of(folder: &Path, notice: fn(&str)) -> Result<Self, EvidenceError> {
        let wait = || notice(&format!("evidence: another process writes into {}; waiting for it", folder.display()));
        let locked = File::open(folder).and_then(|folder| lock(folder, wait));
        let locked = match locked.or_else(|_| lock(open(&folder.join(LOCK))?, wait)) {
            Ok(locked) => locked,
            Err(error) => {
                notice(&format!(
                    "evidence: {} cannot be locked ({error}); do not let two scans write into it at the same time",
                    folder.display()
                ));
                return Ok(Self { _locked: None });
            }
        };
        for entry in fs::read_dir(folder).map_err(EvidenceError::io(folder))? {
            let entry = entry.map_err(EvidenceError::io(folder))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && is_unfinished(&entry.file_name().to_string_lossy()) {
                fs::remove_dir_all(entry.path()).map_err(EvidenceError::io(&entry.path()))?;
            }
        }
        Ok(Self { _locked: Some(locked) })
    }
}

/// Locks a file or a folder; calls `wait` where another process holds the lock.
fn lock(file: File, wait: impl Fn()) -> io::Result<File> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            wait();
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Opens the file that is locked, and makes it where it is missing.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
