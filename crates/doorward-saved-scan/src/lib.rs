//! A scan in a file, with the settings and the exceptions that it was judged by: `doorward report` gives the same bytes later.

mod error;
mod exception_files;
mod report_criteria;
mod saved_scan;

pub use error::SavedScanError;
pub use exception_files::{ExceptionFile, ExceptionFileError, ExceptionSettings, ExceptionTexts};
pub use report_criteria::ReportCriteria;
pub use saved_scan::{JoinedLine, KeptScan, SavedLine, Saving, ScanLine, read};
