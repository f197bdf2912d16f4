//! SHA-256 in hexadecimal, for names, ids and comparisons.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes: 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
