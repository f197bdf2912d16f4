//! What can go wrong while evidence is written, as one sentence each.

use std::io;
use std::path::Path;

use doorward_model::SinkError;

/// The sink's name, as in `--format`.
pub(crate) const SINK: &str = "evidence";

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// What it was about.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The workbook could not be made.
    #[error("the sheet {sheet:?} cannot be made: {source}")]
    Workbook {
        /// The sheet, or the workbook as a whole.
        sheet: String,
        /// What the writer said.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A row could not be written.
    #[error("{file}: {source}")]
    Csv {
        /// The file.
        file: String,
        /// What the writer said.
        source: ::csv::Error,
    },
    /// Anything else, said in full.
    #[error("{0}")]
    Said(String),
}

impl Problem {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn workbook(sheet: &str) -> impl FnOnce(rust_xlsxwriter::XlsxError) -> Self {
        let sheet = sheet.to_owned();
        move |source| Self::Workbook { sheet, source }
    }

    pub(crate) fn csv(file: &str) -> impl FnOnce(::csv::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Csv { file, source }
    }
}

impl From<Problem> for SinkError {
    fn from(problem: Problem) -> Self {
        Self { sink: SINK.to_owned(), problem: problem.to_string() }
    }
}
