//! The error of an input file.

use crate::SourceFile;

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

/// A folder that could not be read completely: the files that were read, and the errors of the others.
#[derive(Debug, Clone)]
pub struct PartlyRead {
    /// The files that were read.
    pub sources: Vec<SourceFile>,
    /// The files that could not be read; the folder itself if its files are not known.
    pub errors: Vec<FileError>,
}

impl From<FileError> for PartlyRead {
    fn from(error: FileError) -> Self {
        Self { sources: Vec::new(), errors: vec![error] }
    }
}
