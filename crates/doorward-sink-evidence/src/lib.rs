//! The audit evidence: one scan report as a workbook, CSV files, the scan itself and a manifest that can be verified offline.
//!
//! In the flow this is a sink: it reads a [`doorward_model::ScanReport`] and what the binary knows besides ([`PackContext`]:
//! settings, exceptions, history), and writes one folder, whole or not at all. Every sheet is one list of columns in one
//! file of `sheets/`; the workbook, the CSV file beside it and the dictionary are made of that list, row by row, so that
//! they cannot disagree. The same input gives the same bytes.
//!
//! What it deliberately does not do: judge, read a clock or the environment, ask the ledger or the register of exceptions
//! (their rows are handed in), believe in text (a name is never a formula, markup or a path), or say that a requirement
//! is satisfied. That is the assessor's word.

mod chain;
pub mod csv;
mod error;
mod evidence_sink;
mod exception_rows;
mod figures;
mod folder_lock;
mod key;
mod manifest;
mod pack;
mod pack_files;
mod readme;
mod sample;
mod settings;
mod sheet;
mod sheets;
mod verify;
mod workbook;
mod write;

pub use chain::{Earlier, newest, verify_chain};
pub use csv::{CsvDialect, FieldSeparator};
pub use evidence_sink::{EvidenceSink, ReportPart, WriteScan};
pub use exception_rows::exception_rows;
pub use figures::{PackFigures, RunFigures, UnseenFigures};
pub use key::{KeyError, PublicKey, SigningKey};
pub use manifest::Link;
pub use pack::{Attachment, ExceptionRow, Pack, PackContext, Period, Sampling, SheetLimits, TriggersOf};
pub use pack_files::fingerprint;
pub use settings::EvidenceSettings;
pub use verify::{
    Expect, Proof, Verification, VerifyFault, nothing_to_verify, verification_document, verification_text, verify,
};
pub use write::{WrittenPack, write};
