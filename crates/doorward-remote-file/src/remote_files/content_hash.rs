//! The SHA-256 of a file: S3 checks it when it receives the bytes, and it is stored beside the object.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a content, and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentHash {
    /// In lower-case hexadecimal digits, as the metadata of the object has it.
    pub(super) hex: String,
    /// In base64, as `x-amz-checksum-sha256` has it.
    pub(super) base64: String,
    pub(super) bytes: u64,
}

impl ContentHash {
    pub(super) fn of_file(path: &Path) -> std::io::Result<Self> {
        let mut file = std::fs::File::open(path)?;
        let mut hash = RunningHash::default();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hash.finish()),
                length => hash.add(buffer.get(..length).unwrap_or_default()),
            }
        }
    }
}

/// A hash of bytes that arrive in pieces.
#[derive(Default)]
pub(super) struct RunningHash {
    hash: Sha256,
    bytes: u64,
}

impl RunningHash {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn finish(self) -> ContentHash {
        let digest = self.hash.finalize();
        let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        ContentHash { hex, base64: STANDARD.encode(digest), bytes: self.bytes }
    }
}
