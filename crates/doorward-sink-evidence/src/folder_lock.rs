//! The lock of a folder of packs: one process at a time adds a pack, so that each pack follows the one before it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::EvidenceError;

/// The locked file. It is empty and stays: the operating system ends a lock with its process.
pub(crate) const LOCK: &str = ".doorward-lock";

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
    _file: Option<File>,
}

impl LockedFolder {
    /// Waits until no other process writes into the folder, and removes what stopped runs left there. `notice` reports that it waits,
    /// and that the file system has no locks: then only the order of the packs protects the chain.
    ///
    /// # Errors
    /// The lock cannot be opened, or what a stopped run left cannot be removed.
    pub(crate) fn of(folder: &Path, notice: fn(&str)) -> Result<Self, EvidenceError> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&path).map_err(EvidenceError::io(&path))?;
        let locked = match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                notice(&format!("evidence: another process writes into {}; waiting for it", folder.display()));
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
        };
        if let Err(error) = locked {
            notice(&format!(
                "evidence: {} cannot be locked ({error}); do not let two scans write into it at the same time",
                folder.display()
            ));
            return Ok(Self { _file: None });
        }
        for entry in fs::read_dir(folder).map_err(EvidenceError::io(folder))? {
            let entry = entry.map_err(EvidenceError::io(folder))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && is_unfinished(&entry.file_name().to_string_lossy()) {
                fs::remove_dir_all(entry.path()).map_err(EvidenceError::io(&entry.path()))?;
            }
        }
        Ok(Self { _file: Some(file) })
    }
}
