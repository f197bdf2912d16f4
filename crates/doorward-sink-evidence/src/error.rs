//! Why evidence could not be written.

use std::io;
use std::path::Path;

use doorward_model::SinkError;

/// The sink's name, as in `--format`.
pub(crate) const SINK: &str = "evidence";

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceError {
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Its path.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The workbook could not be made.
    #[error("the sheet {sheet:?} cannot be made: {source}")]
    Workbook {
        /// The sheet, or the workbook as a whole.
        sheet: String,
        /// The cause.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A row could not be written.
    #[error("{file}: {source}")]
    Csv {
        /// The file.
        file: String,
        /// The cause.
        source: ::csv::Error,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

impl EvidenceError {
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

impl From<EvidenceError> for SinkError {
    fn from(problem: EvidenceError) -> Self {
        Self { sink: SINK.to_owned(), problem: problem.to_string() }
    }
}
