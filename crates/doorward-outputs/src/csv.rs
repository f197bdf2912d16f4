//! The findings as CSV, for spreadsheets and for programs.

use std::io::{self, Write};

use doorward_model::{ScanReport, SinkContext};
use doorward_sink_evidence::{CsvDialect, FieldSeparator, csv};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SinkInputs, Written};

/// `[csv]`: how `--format csv` separates fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvSettings {
    /// The character between fields.
    pub separator: Separator,
    /// Whether the first line names the separator, as `sep=;`.
    pub separator_line: bool,
}

/// The character between the fields of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Separator {
    /// A comma.
    #[default]
    #[serde(rename = ",", alias = "comma")]
    Comma,
    /// A semicolon.
    #[serde(rename = ";", alias = "semicolon")]
    Semicolon,
    /// A tab.
    #[serde(rename = "tab", alias = "\t")]
    Tab,
}

impl CsvSettings {
    fn field_separator(self) -> FieldSeparator {
        let byte = match self.separator {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
        };
        FieldSeparator { byte, is_named: self.separator_line }
    }
}

/// Writes CSV that no spreadsheet takes for a formula.
pub(crate) fn write_excel(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    write(out, report, inputs, CsvDialect::Excel, inputs.settings.csv.field_separator())
}

/// Writes CSV with every text verbatim.
pub(crate) fn write_raw(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    // For programs: RFC 4180, whatever spreadsheets need.
    write(out, report, inputs, CsvDialect::Raw, FieldSeparator::default())
}

fn write(
    out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    dialect: CsvDialect,
    separator: FieldSeparator,
) -> io::Result<Written> {
    let required = doorward_rules::required_modes(&report.load_balancers, inputs.policy);
    let receipt = csv::write(out, "", report, &required, doorward_rules::catalogue(), dialect, separator);
    receipt.map(|receipt| receipt.written.into()).map_err(io::Error::other)
}
