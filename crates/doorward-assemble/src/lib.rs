//! Judges, records and assembles: the stages of a scan that join several crates.
//!
//! [`judge`] gives the pipeline of `doorward-core` its rules, traffic and declarations. A [`ScanRecorder`] holds the lease of the
//! ledger while a scan runs, stores checkpoints, and records the judged scan. [`attribution`] reads from the ledger who set modes,
//! [`keep_ledgers_in_s3`] opens ledgers that are objects in S3,
//! and [`newest_scan`] judges the newest recorded scan again, with what events have shown since.
//!
//! What it deliberately does not do: read settings files, print (notices go to a function of the caller), or decide an exit code.

pub mod attribution;
pub mod change_effects;

mod earlier_scans;
mod error;
mod judging;
pub mod ledger_usage;
mod newest_scan;
mod recorder;
mod s3_ledger;

pub use error::AssembleError;
pub use judging::{Criteria, GivenEvidence, check_any_asked, judge};
pub use newest_scan::newest_scan;
pub use recorder::{
    Begin, KnownAhead, Notices, RENEWAL, RecorderSettings, Recording, Resumed, ScanRecorder, fingerprint, known_ahead,
};
pub use s3_ledger::{S3Ledger, S3LedgerSettings, keep_ledgers_in_s3};
