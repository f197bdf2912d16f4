//! Lists the files of a folder, with size and hash.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use doorward_model::SinkError;
use serde::{Deserialize, Serialize};

use crate::error::EvidenceError;

/// The size and hashes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Print {
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub(crate) sha256: String,
    /// The sum of the SHA-256 of its lines, whatever their order: equal where lines were only moved.
    pub(crate) lines: String,
}

impl Print {
    /// Reads a file to its end.
    pub(crate) fn of(path: &Path) -> Result<Self, EvidenceError> {
        let (mut line, mut lines) = (Context::new(&SHA256), [0_u64; 4]);
        let (bytes, sha256) = read(path, |chunk| {
            for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
                line.update(piece);
                if piece.ends_with(b"\n") {
                    add(&mut lines, std::mem::replace(&mut line, Context::new(&SHA256)));
                }
            }
        })?;
        add(&mut lines, line);
        let lines = lines.iter().map(|part| format!("{part:016x}")).collect();
        Ok(Self { bytes, sha256, lines })
    }
}

/// A file's size and SHA-256.
pub(crate) fn digest_of(path: &Path) -> Result<(u64, String), EvidenceError> {
    read(path, |_| {})
}

/// The SHA-256 of a file, in hexadecimal: names a build by its program.
///
/// # Errors
///
/// The file cannot be read.
pub fn fingerprint(path: &Path) -> Result<String, SinkError> {
    Ok(digest_of(path)?.1)
}

fn read(path: &Path, mut each: impl FnMut(&[u8])) -> Result<(u64, String), EvidenceError> {
    let mut file = File::open(path).map_err(EvidenceError::io(path))?;
    let (mut whole, mut bytes, mut buffer) = (Context::new(&SHA256), 0_u64, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer).map_err(EvidenceError::io(path))?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
        bytes += u64::try_from(read).unwrap_or(u64::MAX);
        whole.update(chunk);
        each(chunk);
    }
    Ok((bytes, hex::encode(whole.finish())))
}

fn add(sum: &mut [u64; 4], line: Context) {
    let hash = line.finish();
    for (part, bytes) in sum.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        *part = part.wrapping_add(number);
    }
}

/// Reads a file that is small, or says how many bytes it has: nothing larger is ever held in memory.
pub(crate) fn small(path: &Path, most: u64) -> Result<Result<Vec<u8>, u64>, EvidenceError> {
    let file = File::open(path).map_err(EvidenceError::io(path))?;
    let size = file.metadata().map_err(EvidenceError::io(path))?.len();
    if size > most {
        return Ok(Err(size));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(most + 1).read_to_end(&mut bytes).map_err(EvidenceError::io(path))?;
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(if read > most { Err(read) } else { Ok(bytes) })
}

/// The kind of a folder entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FolderEntry {
    /// A file and its size in bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link, a pipe, a device: nothing that belongs into a pack.
    Strange,
}

/// Everything below a folder, by its path from there with `/`; a folder's path ends with one. Links are not followed.
pub(crate) fn below(folder: &Path) -> Result<BTreeMap<String, FolderEntry>, EvidenceError> {
    let mut found = BTreeMap::new();
    let mut pending = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(EvidenceError::io(&folder))? {
            let entry = entry.map_err(EvidenceError::io(&folder))?;
            // A name that is no UTF-8 cannot be in a manifest, so it need not be spelled exactly.
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(EvidenceError::io(&entry.path()))?;
            if kind.is_dir() {
                found.insert(format!("{name}/"), FolderEntry::Folder);
                pending.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() {
                let size = entry.metadata().map_err(EvidenceError::io(&entry.path()))?.len();
                found.insert(name, FolderEntry::File(size));
            } else {
                found.insert(name, FolderEntry::Strange);
            }
        }
    }
    Ok(found)
}
