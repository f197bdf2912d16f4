//! What is wrong with a file that cannot be read as what it is.

/// A file that cannot be read, with the place at which reading ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// One sentence without its subject, which is the file.
    pub problem: String,
}

impl Problem {
    /// A complaint about a file as a whole.
    pub fn at_start(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { file: file.into(), line: 1, column: 1, problem: problem.into() }
    }
}
