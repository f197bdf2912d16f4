//! The error of an input file.

/// A file that cannot be read or parsed, with the place of the cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct FileError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The cause: a predicate whose subject is the file, such as "is not JSON: ...".
    pub message: String,
}

impl FileError {
    /// An error of a file as a whole.
    pub fn at_start(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: 1, column: 1, message: message.into() }
    }
}
