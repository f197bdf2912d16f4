//! Buckets of S3 and what lies in them, from a folder, from the world file, or put there by a test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;

use super::World;
use super::build::{region, timestamp};
use super::spec::BucketSpec;
use crate::digest::{digest, mix};

/// A bucket. Its name is the key it is kept under.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) account: u32,
    pub(crate) region: u16,
    /// Accounts besides its own that the bucket policy admits; `*` admits all.
    readers: Vec<String>,
    /// In the order of the bytes of their keys, as S3 lists them.
    pub(crate) objects: BTreeMap<String, Object>,
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    content: Content,
    pub(crate) size: u64,
    /// 32 hexadecimal digits, another for other contents.
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
}

#[derive(Debug, Clone)]
enum Content {
    Held(Bytes),
    File(PathBuf),
}

impl Bucket {
    /// The bucket policy admits an account that does not own the bucket.
    pub(crate) fn admits(&self, account: &str) -> bool {
        self.readers.iter().any(|reader| reader == "*" || reader == account)
    }
}

impl Object {
    pub(crate) fn held(content: Bytes, modified: Timestamp) -> Self {
        let (mut low, mut high) = (0_u64, mix(content.len() as u64));
        for chunk in content.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
            low = mix(low ^ word);
            high = mix(high.wrapping_add(low));
        }
        let size = content.len() as u64;
        Self { content: Content::Held(content), size, etag: format!("{low:016x}{high:016x}"), modified }
    }

    fn file(path: &Path) -> Result<Self, String> {
        let facts = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let modified = facts.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default();
        let identity = format!("{} {} {}", path.display(), facts.len(), modified);
        let etag = format!("{:016x}{:016x}", digest(&[&identity]), digest(&["etag", &identity]));
        Ok(Self { content: Content::File(path.to_owned()), size: facts.len(), etag, modified })
    }

    /// The bytes; none when the file is gone.
    pub(crate) fn read(&self) -> Option<Bytes> {
        match &self.content {
            Content::Held(bytes) => Some(bytes.clone()),
            Content::File(path) => std::fs::read(path).ok().map(Bytes::from),
        }
    }
}

pub(super) fn bucket(world: &World, spec: &BucketSpec) -> Result<Bucket, String> {
    let named = (3..=63).contains(&spec.name.len())
        && spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if !named {
        return Err(format!("name {:?} must be 3 to 63 lower-case letters, digits, dots and hyphens", spec.name));
    }
    let account = *world.by_id.get(&spec.account).ok_or_else(|| format!("there is no account {}", spec.account))?;
    let mut objects = BTreeMap::new();
    if let Some(folder) = &spec.folder {
        gather(folder, folder, &mut objects)?;
    }
    for entry in &spec.object {
        let modified = timestamp(entry.modified.as_deref())?;
        let content = Bytes::from(entry.text.clone().into_bytes());
        if objects.insert(entry.key.clone(), Object::held(content, modified)).is_some() {
            return Err(format!("object {:?} is there twice", entry.key));
        }
    }
    Ok(Bucket { account, region: region(world, &spec.region)?, readers: spec.readers.clone(), objects })
}

/// Every file below `folder`; its path from `top` is its key.
fn gather(top: &Path, folder: &Path, objects: &mut BTreeMap<String, Object>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_dir() {
            gather(top, &path, objects)?;
            continue;
        }
        let below = path.strip_prefix(top).unwrap_or(&path);
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let key = parts.ok_or_else(|| format!("{} is not UTF-8", path.display()))?.join("/");
        objects.insert(key, Object::file(&path)?);
    }
    Ok(())
}
