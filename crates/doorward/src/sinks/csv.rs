//! The findings as CSV, for spreadsheets and for programs.

use std::io::{self, Write};

use doorward_model::{ScanReport, SinkContext};
use doorward_sink_evidence::{CsvDialect, csv};

use super::{SinkInputs, Written};

/// Writes CSV that no spreadsheet takes for a formula.
pub(super) fn write_excel(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    write(out, report, inputs, CsvDialect::Excel)
}

/// Writes CSV with every text verbatim.
pub(super) fn write_raw(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    write(out, report, inputs, CsvDialect::Raw)
}

fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    dialect: CsvDialect,
) -> io::Result<Written> {
    let required = doorward_rules::required_modes(&report.load_balancers, inputs.policy);
    let receipt = csv::write(out, "", report, &required, doorward_rules::catalogue(), dialect);
    receipt.map(|receipt| receipt.written.into()).map_err(io::Error::other)
}
