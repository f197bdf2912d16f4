//! `json-v1`: the whole report as one document.
//!
//! Promise: within v1, keys are added and never renamed, removed or given another meaning; readers should ignore keys
//! they do not know.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use doorward_model::{ObservationPeriod, ScanReport};

/// The document.
#[derive(Serialize, JsonSchema)]
pub struct JsonDocument<'a> {
    /// `json-v1`.
    format: &'static str,
    /// The exit code of the run that wrote it; `doorward explain exit-codes` explains it.
    exit_code: u8,
    /// The first and the last observation of the report; absent where nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<ObservationPeriod>,
    /// The report.
    #[serde(flatten)]
    report: &'a ScanReport,
}

/// Writes the document and returns the number of its findings.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &ScanReport, exit_code: u8) -> io::Result<usize> {
    let document = JsonDocument { format: "json-v1", exit_code, observed: report.observed(), report };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")?;
    Ok(report.findings.len())
}
