//! Why prices or an export cannot be used.

use std::path::PathBuf;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CostError {
    /// The file cannot be read.
    #[error("{}: the {what} cannot be read: {source}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// `price file` or `billing export`.
        what: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The problem with its line, and the next step.
        problem: String,
    },
}
