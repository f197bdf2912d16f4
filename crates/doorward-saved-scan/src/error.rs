//! The reasons why a saved scan cannot be used.

use std::path::PathBuf;

/// A saved scan cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct SavedScanError {
    /// The file; `-` is stdin.
    pub path: PathBuf,
    /// The problem and the next step.
    pub problem: String,
}
