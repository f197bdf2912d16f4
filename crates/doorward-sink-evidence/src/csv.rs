//! CSV after RFC 4180: UTF-8, CRLF, quotes where they are needed, and two dialects.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use ::csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use doorward_model::{
    Arn, Finding, History, Receipt, RequiredMode, RuleMeta, ScanReport, SinkError, UnseenFinding, Verdict,
    VerdictReason, guarded, harmless_lines,
};

use crate::error::EvidenceError;
use crate::sheet;
use crate::sheet::{ColumnKind, Head, Value};
use crate::sheets::{each, results};

/// The intended reader of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvDialect {
    /// For spreadsheets: a byte order mark, an apostrophe before text that would be calculated or turned into a number, ids
    /// among them, and control and invisible characters made visible.
    #[default]
    Excel,
    /// For programs: every text verbatim, formulas and control characters among them. Never open it in a spreadsheet.
    Raw,
}

/// What separates the fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSeparator {
    /// The character.
    pub byte: u8,
    /// Whether a first line `sep=;` names it. Excel reads it; other programs take it for a row.
    pub is_named: bool,
}

impl Default for FieldSeparator {
    /// A comma, as in RFC 4180, without the line.
    fn default() -> Self {
        Self { byte: b',', is_named: false }
    }
}

/// Writes the findings, one to a row, with the columns of the sheet Results.
///
/// `destination` names the place in the receipt and in errors.
///
/// # Errors
///
/// Writing to `out` failed.
pub fn write(
    out: &mut dyn Write,
    destination: &str,
    report: &ScanReport,
    required: &BTreeMap<Arn, RequiredMode>,
    rules: &[&'static RuleMeta],
    dialect: CsvDialect,
    separator: FieldSeparator,
) -> Result<Receipt, SinkError> {
    let known = not_seen_findings(report);
    let sheet = results::sheet_with(report, &known, required, rules);
    let fail = |problem: EvidenceError| SinkError { sink: "csv".to_owned(), problem: problem.to_string() };
    let mut table = Table::separated(out, destination, &sheet.heads, dialect, separator).map_err(fail)?;
    each(sheet, &mut |values| table.row(values)).map_err(fail)?;
    let (_, written) = table.finish().map_err(fail)?;
    Ok(Receipt {
        sink: "csv".to_owned(),
        destination: destination.to_owned(),
        findings_in: report.findings.len(),
        // Findings that were not seen are rows beside those of the report.
        written: written.saturating_sub(known.len()),
        skipped: Vec::new(),
        statement: None,
    })
}

/// Findings that failed when they were last seen and of which the report has no verdict: their verdict is unknown, not absent.
fn not_seen_findings(report: &ScanReport) -> Vec<Finding> {
    let finding = |finding: &UnseenFinding| Finding {
        id: finding.id.clone(),
        rule: finding.rule.as_str().into(),
        account: finding.account.clone(),
        region: finding.region.clone(),
        load_balancer: finding.load_balancer.clone(),
        name: finding.name.as_str().into(),
        kind: finding.kind,
        owner: finding.owner.as_str().into(),
        verdict: Arc::new(Verdict::Unknown {
            reason: VerdictReason::NotSeen,
            because: format!(
                "It failed{}{} when it was last seen, on {}. This scan did not see it: {}.",
                finding.severity.map(|severity| format!(" with severity {severity}")).unwrap_or_default(),
                if finding.excepted { ", under an exception," } else { "" },
                finding.last_seen.strftime("%Y-%m-%d %H:%M UTC"),
                finding.because.sentence()
            ),
            gaps: Vec::new(),
        }),
        observed_at: Some(finding.last_seen),
        history: Some(Box::new(History {
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            resolved: None,
            reopened: 0,
            failing: None,
        })),
        deadline: None,
    };
    report.unseen_without_verdict().into_iter().map(finding).collect()
}

/// A table under way.
pub(crate) struct Table<W: Write> {
    out: Writer<W>,
    file: String,
    kinds: Vec<ColumnKind>,
    dialect: CsvDialect,
    rows: usize,
}

impl<W: Write> Table<W> {
    /// Writes the header of a table with commas.
    pub(crate) fn begin(out: W, file: &str, heads: &[Head], dialect: CsvDialect) -> Result<Self, EvidenceError> {
        Self::separated(out, file, heads, dialect, FieldSeparator::default())
    }

    fn separated(
        mut out: W,
        file: &str,
        heads: &[Head],
        dialect: CsvDialect,
        separator: FieldSeparator,
    ) -> Result<Self, EvidenceError> {
        let failed = |source| EvidenceError::Io { path: file.to_owned(), source };
        if dialect == CsvDialect::Excel {
            // Without it Excel takes the file for the code page of its machine.
            out.write_all("\u{feff}".as_bytes()).map_err(failed)?;
        }
        if separator.is_named {
            write!(out, "sep={}\r\n", char::from(separator.byte)).map_err(failed)?;
        }
        let mut out = WriterBuilder::new()
            .delimiter(separator.byte)
            .terminator(Terminator::CRLF)
            .quote_style(QuoteStyle::Necessary)
            .from_writer(out);
        out.write_record(heads.iter().map(|head| head.name.as_str())).map_err(EvidenceError::csv(file))?;
        let kinds = heads.iter().map(|head| head.kind).collect();
        Ok(Self { out, file: file.to_owned(), kinds, dialect, rows: 0 })
    }

    /// Writes one row.
    pub(crate) fn row(&mut self, values: &[sheet::Value<'_>]) -> Result<(), EvidenceError> {
        for (value, kind) in values.iter().zip(&self.kinds) {
            let written = match (value, self.dialect) {
                (Value::Text(text), CsvDialect::Raw) => self.out.write_field(text.as_bytes()),
                (Value::Text(text), CsvDialect::Excel) => {
                    let text = harmless_lines(text);
                    let safe = guarded(&text);
                    match kind {
                        // ISO 8601 is ours: it begins with a digit, and no spreadsheet takes it apart.
                        ColumnKind::Iso => self.out.write_field(text.as_bytes()),
                        // Digits would lose their zeros.
                        ColumnKind::Id if safe.starts_with(|c: char| c.is_ascii_digit()) => {
                            self.out.write_field(format!("'{safe}"))
                        }
                        _ => self.out.write_field(safe.as_bytes()),
                    }
                }
                (other, _) => self.out.write_field(plain(other)),
            };
            written.map_err(EvidenceError::csv(&self.file))?;
        }
        self.out.write_record(None::<&[u8]>).map_err(EvidenceError::csv(&self.file))?;
        self.rows += 1;
        Ok(())
    }

    /// Ends the table; returns the writer below it and the number of rows, the header not counted.
    pub(crate) fn finish(self) -> Result<(W, usize), EvidenceError> {
        let out =
            self.out.into_inner().map_err(|error| EvidenceError::Io { path: self.file, source: error.into_error() })?;
        Ok((out, self.rows))
    }
}

/// A value that is no text, as every program reads it.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Blank => String::new(),
        Value::Text(text) => text.as_ref().to_owned(),
        Value::Count(count) => count.to_string(),
        Value::Share(part, whole) => {
            let share = Value::ten_thousandths(*part, *whole);
            share.map(|share| format!("{}.{:04}", share / 10_000, share % 10_000)).unwrap_or_default()
        }
        Value::Time(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Value::Day(day) => day.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn table(kind: ColumnKind, value: Value<'_>, dialect: CsvDialect) -> String {
        let heads = [Head { name: "a".to_owned(), width: 1, kind, meaning: String::new() }];
        let mut bytes = Vec::new();
        let mut table = Table::begin(&mut bytes, "t.csv", &heads, dialect).expect("begins");
        table.row(&[value]).expect("writes");
        table.finish().expect("ends");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn the_dialects_differ_where_a_spreadsheet_would_calculate() {
        let text = |text| Value::Text(Cow::Borrowed(text));
        for (kind, value, raw, excel) in [
            (ColumnKind::Text, text("=1+1"), "=1+1", "'=1+1"),
            (ColumnKind::Id, text("000123456789"), "000123456789", "'000123456789"),
            (ColumnKind::Id, text("1a;=1"), "1a;=1", "'1a;'=1"),
            (ColumnKind::Text, text("a;=1"), "a;=1", "a;'=1"),
            (ColumnKind::Text, text("a|=1"), "a|=1", "a|'=1"),
            (ColumnKind::Text, text("a,=1"), "\"a,=1\"", "\"a,'=1\""),
            (ColumnKind::Text, text("\"=1"), "\"\"\"=1\"", "\"\"\"'=1\""),
            (ColumnKind::Text, text("a\"b"), "\"a\"\"b\"", "\"a\"\"b\""),
            (ColumnKind::Text, text("a\nb"), "\"a\nb\"", "\"a\nb\""),
            (ColumnKind::Text, text("a\u{1b}b"), "a\u{1b}b", "a\\u{1b}b"),
            (ColumnKind::Iso, text("2026-11-02T09:00:00Z"), "2026-11-02T09:00:00Z", "2026-11-02T09:00:00Z"),
            (ColumnKind::Count, Value::Count(-3), "-3", "-3"),
            (ColumnKind::Share, Value::Share(1, 3), "0.3333", "0.3333"),
            (ColumnKind::Share, Value::Share(3, 3), "1.0000", "1.0000"),
            (ColumnKind::Share, Value::Share(0, 0), "\"\"", "\"\""),
            (
                ColumnKind::Time,
                Value::Time("2026-11-02T09:00:00.5Z".parse().expect("valid")),
                "2026-11-02 09:00:00",
                "2026-11-02 09:00:00",
            ),
        ] {
            assert_eq!(table(kind, value.clone(), CsvDialect::Raw), format!("a\r\n{raw}\r\n"));
            assert_eq!(table(kind, value, CsvDialect::Excel), format!("\u{feff}a\r\n{excel}\r\n"));
        }
    }
}
