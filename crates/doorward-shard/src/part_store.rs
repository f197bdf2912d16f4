//! Parts and plans as users name them: local files, or objects in S3, which are copied to a local file and back.

use std::path::{Path, PathBuf};

use doorward_remote_file::{Condition, Fetched, ObjectUrl, RemoteFiles};
use tempfile::TempDir;

use crate::part_problem::PartProblem;

/// A part as it is named, and where it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFile {
    /// The name, for messages: a path or `s3://bucket/key`.
    pub name: PathBuf,
    /// The local file, or why there is none.
    pub local: Result<PathBuf, PartProblem>,
}

impl PartFile {
    /// A local file.
    pub fn local(path: &Path) -> Self {
        Self { name: path.to_owned(), local: Ok(path.to_owned()) }
    }
}

/// Where parts are: S3 is asked only about names that begin with `s3://`.
pub struct PartStore {
    remote: Option<RemoteFiles>,
    /// Local copies; they end with the command.
    copies: TempDir,
}

impl PartStore {
    /// A store, with S3 if the caller is connected.
    ///
    /// # Errors
    /// There is no folder for temporary files.
    pub fn new(remote: Option<RemoteFiles>) -> std::io::Result<Self> {
        let copies = tempfile::Builder::new().prefix("doorward-parts-").tempdir()?;
        Ok(Self { remote, copies })
    }

    /// Whether any of these names is an object in S3.
    pub fn needs_s3<'a>(mut names: impl Iterator<Item = &'a Path>) -> bool {
        names.any(ObjectUrl::is_remote)
    }

    /// A part by its name; an object is copied.
    pub async fn fetch(&self, name: &Path) -> PartFile {
        let copy = self.copies.path().join(format!("{}", copies_so_far(self.copies.path())));
        let local = self.copied(name, &copy).await.map_err(PartProblem::Unreadable);
        PartFile { name: name.to_owned(), local }
    }

    async fn copied(&self, name: &Path, copy: &Path) -> Result<PathBuf, String> {
        let Some(url) = ObjectUrl::of_path(name).map_err(|e| e.to_string())? else { return Ok(name.to_owned()) };
        let remote = self.remote.as_ref().ok_or("S3 is not connected")?;
        match remote.fetch(&url, copy, None).await.map_err(|e| e.to_string())? {
            Fetched::Read(_) => Ok(copy.to_owned()),
            Fetched::Missing | Fetched::Unchanged => Err("there is no such object".to_owned()),
        }
    }

    /// Where to write what is to have a name: itself, or a file that [`PartStore::put`] copies.
    ///
    /// # Errors
    /// The name begins with `s3://` and is no address of an object.
    pub fn draft(&self, name: &Path) -> Result<PathBuf, String> {
        let url = ObjectUrl::of_path(name).map_err(|e| e.to_string())?;
        Ok(url.map_or_else(|| name.to_owned(), |_| self.copies.path().join("draft")))
    }

    /// Copies a written draft to its name. A repeated shard replaces what an earlier try wrote.
    ///
    /// # Errors
    /// S3 does not take it.
    pub async fn put(&self, draft: &Path, name: &Path) -> Result<(), String> {
        let Some(url) = ObjectUrl::of_path(name).map_err(|e| e.to_string())? else { return Ok(()) };
        let remote = self.remote.as_ref().ok_or("S3 is not connected")?;
        remote.store(&url, draft, &Condition::Always).await.map(drop).map_err(|e| e.to_string())
    }
}

fn copies_so_far(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
