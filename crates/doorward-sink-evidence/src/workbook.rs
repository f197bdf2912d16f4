//! The workbook: every sheet as a table to filter and print, and its CSV file, written row by row at the same time.

use std::path::{Path, PathBuf};

use doorward_file::{AtomicFile, Readers, create_private_folder};
use doorward_model::harmless_lines;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};

use crate::SheetLimits;
use crate::csv::{CsvDialect, Table};
use crate::error::EvidenceError;
use crate::manifest::SheetEntry;
use crate::sheet::{Sheet, Value};
use crate::sheets::{SheetContext, cover, method, summary, trend};
use crate::write::CSV;

mod chart;
mod fitted;
mod style;

use chart::Charted;
use fitted::fitted;
use style::{Layout, Style};

/// Above this many rows a sheet goes to the disk as it is written, and its rows are all of one height.
const IN_MEMORY: usize = 2_000;

/// A workbook under way.
pub(crate) struct Book {
    workbook: Workbook,
    folder: PathBuf,
    limits: SheetLimits,
    style: Style,
    headline: [String; 2],
    charted: Charted,
}

impl Book {
    /// Begins a workbook in a folder that will hold it and the CSV files.
    pub(crate) fn new(cx: &SheetContext<'_>, folder: &Path) -> Result<Self, EvidenceError> {
        let run = &cx.report().run;
        let csv = folder.join(CSV);
        create_private_folder(&csv).map_err(EvidenceError::io(&csv))?;
        let mut workbook = Workbook::new();
        let whole = |source: XlsxError| EvidenceError::workbook("workbook")(source);
        let made = ExcelDateTime::from_timestamp(run.finished.as_second()).map_err(whole)?;
        let headline = cover::headline(cx).map(|line| harmless_lines(&line).into_owned());
        let [title, subject] = &headline;
        workbook.set_properties(
            &DocProperties::new()
                .set_title(title)
                .set_subject(subject)
                .set_author(format!("Doorward {}", harmless_lines(&run.tool_version)))
                .set_comment(format!("Run {}", harmless_lines(&run.id)))
                // The run's own time: the clock would make every rendering another file.
                .set_creation_datetime(&made),
        );
        // Rows wait on the disk where the pack will be, which has room for it, rather than in memory.
        workbook.set_tempdir(folder).map_err(whole)?;
        let organization = cx.report().organization.known().map_or("", |organization| organization.id.as_str());
        let style = Style::new(&harmless_lines(organization));
        let charted = Charted::default();
        Ok(Self { workbook, folder: folder.to_owned(), limits: cx.pack.limits, style, headline, charted })
    }

    /// Writes a sheet, over several tabs where it is too long for one, and its CSV file.
    pub(crate) fn add(&mut self, sheet: Sheet<'_>) -> Result<SheetEntry, EvidenceError> {
        let (title, rows, empty) = (sheet.title, sheet.rows, sheet.empty.clone());
        let said = EvidenceError::workbook;
        let banner = if title == cover::TITLE { self.headline.as_slice() } else { &[] };
        let header = if banner.is_empty() { 0 } else { 3 };
        let room = usize::try_from(self.limits.rows).unwrap_or(usize::MAX).saturating_sub(1 + size(header)).max(1);
        let tabs: Vec<String> = (0..rows.div_ceil(room).max(1)).map(|part| tab_name(title.tab, part)).collect();
        let (first, wrapped) = (self.workbook.worksheets().len(), rows <= IN_MEMORY);
        for (part, tab) in tabs.iter().enumerate() {
            let here = rows.saturating_sub(part * room).min(room);
            let worksheet = match rows {
                0..=IN_MEMORY => self.workbook.add_worksheet(),
                _ => self.workbook.add_worksheet_with_constant_memory().map_err(said(tab))?,
            };
            let layout = Layout { title, tab, part, heads: &sheet.heads, header, rows: narrow(here), banner, wrapped };
            let name = self.style.lay_out(worksheet, &layout).map_err(said(tab))?;
            if let Some((name, range)) = name {
                self.workbook.define_name(name, &range).map_err(said(tab))?;
            }
        }
        if title == summary::TITLE {
            self.charted.summary = first;
        } else if title == trend::TITLE {
            self.charted.trend(&sheet.heads, rows.min(room));
        }

        let name = format!("{CSV}/{}.csv", title.file);
        let path = self.folder.join(CSV).join(format!("{}.csv", title.file));
        let out = AtomicFile::create(&path, Readers::Owner).map_err(EvidenceError::io(&path))?;
        let mut table = Table::begin(out, &name, &sheet.heads, CsvDialect::Excel)?;
        let (columns, heads) = (sheet.heads.len(), sheet.heads.clone());
        let (mut line, mut printed) = (0, None);
        sheet.each(&mut |values| {
            table.row(values)?;
            let (part, row) = (line / room, header + 1 + narrow(line % room));
            line += 1;
            let is_last =
                title == method::TITLE && matches!(values.first(), Some(Value::Text(s)) if *s == method::SHEETS);
            if is_last && part == 0 && printed.is_none() {
                printed = Some(row.saturating_sub(1));
            }
            if part == 0 {
                self.charted.note(title, values, row);
            }
            let worksheet = self.workbook.worksheet_from_index(first + part).map_err(said(title.tab))?;
            if wrapped {
                self.style.height(worksheet, title, (&heads, values), row).map_err(said(title.tab))?;
            }
            let cut = || format!(" [cut: the whole text is in {name}, row {line}]");
            write_row(worksheet, row, values, self.limits.cell, cut).map_err(said(title.tab))
        })?;
        if let Some(last) = printed {
            let worksheet = self.workbook.worksheet_from_index(first).map_err(said(title.tab))?;
            worksheet
                .set_print_area(0, 0, last, u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX))
                .map_err(said(title.tab))?;
        }
        if rows == 0 {
            let worksheet = self.workbook.worksheet_from_index(first).map_err(said(title.tab))?;
            worksheet.write_string(header + 1, 0, &empty).map_err(said(title.tab))?;
        }
        table.finish()?.0.finish().map_err(EvidenceError::io(&path))?;
        Ok(SheetEntry { tabs, header_row: header + 1, csv: name, rows, columns })
    }

    /// Draws the charts and writes the file.
    pub(crate) fn save(mut self, path: &Path) -> Result<(), EvidenceError> {
        self.charted.draw(&mut self.workbook).map_err(EvidenceError::workbook(summary::TITLE.tab))?;
        let mut out = AtomicFile::create(path, Readers::Owner).map_err(EvidenceError::io(path))?;
        self.workbook.save_to_writer(&mut out).map_err(EvidenceError::workbook("workbook"))?;
        out.finish().map_err(EvidenceError::io(path))
    }
}

/// What a tab is called; those after the first have a number.
fn tab_name(tab: &str, part: usize) -> String {
    if part == 0 { tab.to_owned() } else { format!("{tab} {}", part + 1) }
}

fn size(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn narrow(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// Writes one row; text is always a string, never looked at.
fn write_row(
    sheet: &mut Worksheet,
    row: u32,
    values: &[Value<'_>],
    limit: usize,
    cut: impl Fn() -> String,
) -> Result<(), XlsxError> {
    for (column, value) in (0_u16..).zip(values) {
        match value {
            Value::Blank => continue,
            Value::Text(text) => sheet.write_string(row, column, fitted(&harmless_lines(text), limit, &cut))?,
            Value::Count(count) => sheet.write_number(row, column, float(*count))?,
            Value::Share(part, whole) => match Value::ten_thousandths(*part, *whole) {
                Some(share) => sheet.write_number(row, column, f64::from(share) / 10_000.0)?,
                None => continue,
            },
            Value::Time(at) => match serial(*at) {
                Some(serial) => sheet.write_number(row, column, serial)?,
                None => continue,
            },
            Value::Day(day) => match day.to_zoned(TimeZone::UTC).ok().and_then(|day| serial(day.timestamp())) {
                Some(serial) => sheet.write_number(row, column, serial)?,
                None => continue,
            },
        };
    }
    Ok(())
}

/// XLSX has no other number. Counts stay exact up to 9,007,199,254,740,992.
#[expect(clippy::cast_precision_loss, reason = "XLSX has no other number")]
fn float(count: i64) -> f64 {
    count as f64
}

/// Days since 1899-12-30, as XLSX counts them; none before March 1900, where its calendar has a day that never was.
fn serial(at: Timestamp) -> Option<f64> {
    let days = float(at.as_second()) / 86_400.0 + 25_569.0;
    (days >= 61.0).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_spreadsheets_count_them() {
        for (text, days) in [
            ("1970-01-01T00:00:00Z", Some(25_569.0)),
            ("2026-11-02T12:00:00Z", Some(46_328.5)),
            ("1900-03-01T00:00:00Z", Some(61.0)),
            ("1900-02-28T00:00:00Z", None),
        ] {
            assert_eq!(serial(text.parse().expect("valid")), days, "{text}");
        }
    }
}
