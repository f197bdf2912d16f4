//! S3 buckets and their objects, from a folder, from the world file, or put there by a test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;

use crate::digest::{digest, mix};

/// A bucket; its name is the key of the map that contains it.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) account: u32,
    pub(crate) region: u16,
    /// Accounts besides its own that the bucket policy admits; `*` admits all.
    pub(super) readers: Vec<String>,
    /// Ordered by the bytes of the keys, as S3 lists them.
    pub(crate) objects: BTreeMap<String, Object>,
    /// Whether it keeps earlier versions: the answer to `GetBucketVersioning`. Only the newest version can be read here.
    pub(crate) versioned: bool,
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    content: Content,
    pub(crate) size: u64,
    /// 32 hexadecimal digits that depend on the content.
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    /// Header names and values that its writer chose: `x-amz-meta-...`.
    pub(crate) metadata: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Content {
    Memory(Bytes),
    File(PathBuf),
}

impl Bucket {
    /// The bucket policy admits an account that does not own the bucket.
    pub(crate) fn admits(&self, account: &str) -> bool {
        self.readers.iter().any(|reader| reader == "*" || reader == account)
    }
}

impl Object {
    pub(crate) fn in_memory(content: Bytes, modified: Timestamp) -> Self {
        let (mut low, mut high) = (0_u64, mix(content.len() as u64));
        for chunk in content.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            low = mix(low ^ word);
            high = mix(high.wrapping_add(low));
        }
        let size = content.len() as u64;
        Self {
            content: Content::Memory(content),
            size,
            etag: format!("{low:016x}{high:016x}"),
            modified,
            metadata: Vec::new(),
        }
    }

    pub(super) fn file(path: &Path) -> Result<Self, String> {
        let facts = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let modified = facts.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default();
        let identity = format!("{} {} {}", path.display(), facts.len(), modified);
        let etag = format!("{:016x}{:016x}", digest(&[&identity]), digest(&["etag", &identity]));
        Ok(Self { content: Content::File(path.to_owned()), size: facts.len(), etag, modified, metadata: Vec::new() })
    }

    /// The bytes; none if the file does not exist any more.
    pub(crate) fn read(&self) -> Option<Bytes> {
        match &self.content {
            Content::Memory(bytes) => Some(bytes.clone()),
            Content::File(path) => std::fs::read(path).ok().map(Bytes::from),
        }
    }
}
