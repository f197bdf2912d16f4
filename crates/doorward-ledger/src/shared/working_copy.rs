//! Copies of a shared ledger on this machine: the cache, which follows the state of the stored file, and a private copy for each use.
//!
//! The cache is one file and a note with its state and hash. Each is replaced in one step, and a pair that does not fit together is no
//! cache, so that processes may share the folder.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_model::sha256_hex;

use super::{FetchedLedger, LedgerStore};
use crate::LedgerError;
use crate::ledger::make_folder;

/// The age from which a private copy is taken for one that a kill left behind. No scan lasts as long.
const LEFT_BEHIND: Duration = Duration::from_hours(48);

/// The beginning of the names of private copies.
const PRIVATE: &str = "work-";

/// A private copy, removed when it is dropped.
pub(super) struct WorkingCopy {
    file: PathBuf,
    folder: PathBuf,
}

/// The result of fetching into a copy.
pub(super) enum Fresh {
    /// The stored file is in the known state; the copy has no content.
    AsKnown,
    /// The copy has the content of the stored file, in this state.
    Copied(String),
    /// There is no stored file.
    Missing,
}

impl WorkingCopy {
    /// An empty private copy, readable by its owner only.
    pub(super) fn new(folder: &Path) -> Result<Self, LedgerError> {
        make_folder(folder).map_err(|source| LedgerError::Folder { path: folder.to_owned(), source })?;
        remove_left_behind(folder);
        // A name of chance: processes of two containers have the same ids, and may share the folder.
        let made = tempfile::Builder::new().prefix(PRIVATE).suffix(".sqlite").tempfile_in(folder);
        let made = made.and_then(|file| file.keep().map_err(|kept| kept.error));
        let (_, file) = made.map_err(|source| LedgerError::Folder { path: folder.to_owned(), source })?;
        Ok(Self { file, folder: folder.to_owned() })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Makes a ledger without content here.
    pub(super) fn make_new(&self, name: &Path) -> Result<(), LedgerError> {
        super::fill(&self.file, name, false)
    }

    /// Copies the stored file; its state, or none where there is none.
    pub(super) fn fetch(&self, store: &dyn LedgerStore) -> Result<Option<String>, LedgerError> {
        match self.fetch_unless(store, None)? {
            Fresh::Copied(state) => Ok(Some(state)),
            Fresh::AsKnown | Fresh::Missing => Ok(None),
        }
    }

    /// The same, where the caller has a copy of a known state already.
    pub(super) fn fetch_unless(&self, store: &dyn LedgerStore, known: Option<&str>) -> Result<Fresh, LedgerError> {
        let cached = if known.is_some() { None } else { self.cached() };
        let asked = known.or(cached.as_ref().map(|(state, _)| state.as_str()));
        match (store.fetch(&self.file, asked).map_err(LedgerError::Store)?, cached) {
            (FetchedLedger::Missing, _) => Ok(Fresh::Missing),
            (FetchedLedger::Unchanged, Some((state, content))) => {
                std::fs::write(&self.file, content).map_err(|e| self.refused(&e))?;
                Ok(Fresh::Copied(state))
            }
            (FetchedLedger::Unchanged, None) => Ok(Fresh::AsKnown),
            (FetchedLedger::Read(state), _) => {
                // Without a cache the next use fetches the file again.
                let _ = self.keep(&state);
                Ok(Fresh::Copied(state))
            }
        }
    }

    fn cache(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("ledger.sqlite"), self.folder.join("ledger.state"))
    }

    /// State and content of the cache, if its two files fit together.
    fn cached(&self) -> Option<(String, Vec<u8>)> {
        let (file, note) = self.cache();
        let note = std::fs::read_to_string(note).ok()?;
        let (hash, state) = note.trim_end().split_once(' ')?;
        let content = std::fs::read(file).ok()?;
        (sha256_hex(&content) == hash).then(|| (state.to_owned(), content))
    }

    /// Makes the copy the cache. Each file is written beside its place and renamed.
    fn keep(&self, state: &str) -> std::io::Result<()> {
        let (file, note) = self.cache();
        let content = std::fs::read(&self.file)?;
        for (path, bytes) in [(file, &content[..]), (note, format!("{} {state}\n", sha256_hex(&content)).as_bytes())] {
            let draft = self.file.with_extension("draft");
            let _ = std::fs::remove_file(&draft);
            private().create_new(true).open(&draft)?.write_all(bytes)?;
            std::fs::rename(&draft, path)?;
        }
        Ok(())
    }

    fn refused(&self, error: &std::io::Error) -> LedgerError {
        LedgerError::Open { path: self.file.clone(), reason: error.to_string() }
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Removes private copies of processes that were killed long ago.
fn remove_left_behind(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PRIVATE);
        let age = entry.metadata().and_then(|facts| facts.modified()).map(|time| time.elapsed().unwrap_or_default());
        if ours && age.is_ok_and(|age| age > LEFT_BEHIND) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
