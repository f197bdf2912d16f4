//! The digest of a plan, computed while its JSON is written.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// Bytes that are digested at once: large enough that the cost of a call does not count.
pub(super) const DIGESTED: usize = 64 * 1024;

/// Digests the bytes written to it, so that the JSON of a large plan is never in memory as a whole.
pub(super) struct Digesting(pub(super) Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
