//! The layout and print settings of a sheet.

use doorward_model::palette::{self, PaletteColour};
use rust_xlsxwriter::{
    Color, ConditionalFormatCell, ConditionalFormatCellRule, ConditionalFormatFormula, Format, FormatAlign,
    FormatBorder, Table, TableColumn, TableStyle, Worksheet, XlsxError,
};

use crate::sheet::{ColumnKind, Head, Title, Value};
use crate::sheets::{cover, summary};

/// Above this many cells a sheet has filters and a name instead of a table: the writer remembers every cell of a table.
const TABLE_CELLS: usize = 400_000;
/// How many characters of width go onto a printed page.
const PAGE: u32 = 190;
/// Up to this many characters of width, a sheet is printed upright: the width of [`PAGE`] by the proportions of the paper.
const UPRIGHT: u32 = 130;
/// The size of text, in points: small enough that a pack of some dozens of load balancers prints on 40 pages.
const TEXT: f64 = 8.0;
/// The height of a line of text, in points.
const LINE: f64 = 10.2;
/// A4.
const PAPER: u8 = 9;

/// The words that are coloured, with the colours of text and cell. The word itself says the same.
const WORDS: [(&[&str], u32, u32); 5] = [
    (&["fail", "failed", "expired", "weaker"], palette::GRAVE.light, tint(palette::HIGH)),
    (
        &["unknown", "account-Region", "unknown verdict", "accounts list", "unclear"],
        palette::INK.light,
        palette::UNKNOWN_GROUND.light,
    ),
    (&["partial", "expiring"], palette::WARM.light, tint(palette::MEDIUM)),
    (&["pass", "complete", "stronger"], palette::INK.light, tint(palette::GOOD)),
    (&["excepted", "skipped", "unused", "pending"], palette::INK.light, tint(palette::DEFENSIVE)),
];

/// A colour behind text: a fifth of it, on white.
const fn tint(colour: PaletteColour) -> u32 {
    const fn part(value: u32) -> u32 {
        255 - (255 - (value & 0xff)) / 5
    }
    (part(colour.light >> 16) << 16) | (part(colour.light >> 8) << 8) | part(colour.light)
}

/// A tab to be laid out.
pub(super) struct Layout<'l> {
    pub(super) title: Title,
    pub(super) tab: &'l str,
    /// Which of the sheet's tabs it is, from 0.
    pub(super) part: usize,
    pub(super) heads: &'l [Head],
    /// The row with the names of the columns, from 0.
    pub(super) header: u32,
    /// How many rows follow.
    pub(super) rows: u32,
    /// Lines above the table.
    pub(super) banner: &'l [String],
    /// Whether sentences are wrapped; the row writer sets their height then.
    pub(super) wrapped: bool,
}

/// The formats of a workbook.
pub(super) struct Style {
    header: Format,
    banner: [Format; 2],
    /// A box to be filled in by hand.
    blank: Format,
    footer: String,
}

impl Style {
    pub(super) fn new(organization: &str) -> Self {
        let header = Format::new()
            .set_bold()
            .set_font_size(TEXT)
            .set_font_color(Color::White)
            .set_background_color(Color::RGB(palette::INK.light))
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter)
            .set_border(FormatBorder::Thin)
            .set_border_color(Color::RGB(palette::UNKNOWN.light));
        let banner = [
            Format::new().set_bold().set_font_size(16).set_font_color(Color::RGB(palette::INK.light)),
            Format::new().set_italic().set_font_color(Color::RGB(palette::SOFT.light)),
        ];
        // `&` begins a code in footers.
        let footer = format!("&L{}&C&A, page &P of &N&RDoorward", organization.replace('&', "&&"));
        let blank = Format::new().set_border(FormatBorder::Thin).set_border_color(Color::RGB(palette::UNKNOWN.light));
        Self { header, banner, blank, footer }
    }

    /// Gives a row the height that its sentences need, and draws a box for signatures.
    pub(super) fn height(
        &self,
        sheet: &mut Worksheet,
        title: Title,
        (heads, values): (&[Head], &[Value<'_>]),
        row: u32,
    ) -> Result<(), XlsxError> {
        let signed = matches!(values.first(), Some(Value::Text(section)) if *section == cover::SIGN_OFF);
        if title == cover::TITLE && signed {
            let last = u16::try_from(heads.len().saturating_sub(1)).unwrap_or(0);
            sheet.set_row_height(row, 24)?.write_blank(row, last, &self.blank)?;
        } else {
            sheet.set_row_height(row, height(heads, values))?;
        }
        Ok(())
    }

    /// Prepares a tab: widths, table or filters, panes, print. Returns a name and its range where no table carries it.
    pub(super) fn lay_out(
        &self,
        sheet: &mut Worksheet,
        layout: &Layout<'_>,
    ) -> Result<Option<(String, String)>, XlsxError> {
        let &Layout { title, tab, part, heads, header, rows, banner, wrapped } = layout;
        sheet.set_name(tab)?;
        for ((row, text), format) in (0..).zip(banner).zip(&self.banner) {
            sheet.write_string_with_format(row, 0, text, format)?;
        }
        for (column, head) in (0_u16..).zip(heads) {
            sheet.set_column_width(column, head.width)?;
            sheet.set_column_format(column, &format(head.kind, wrapped))?;
        }
        sheet.set_row_height(header, if heads.len() > 4 { 32 } else { 18 })?;

        let last = (header + rows, u16::try_from(heads.len().saturating_sub(1)).unwrap_or(u16::MAX));
        let table_name = if part == 0 { title.file.to_owned() } else { format!("{}_{}", title.file, part + 1) };
        let cells = heads.len().saturating_mul(usize::try_from(rows).unwrap_or(usize::MAX));
        let mut named = None;
        if (1..=TABLE_CELLS).contains(&cells) {
            let columns: Vec<TableColumn> = heads
                .iter()
                .map(|head| TableColumn::new().set_header(&head.name).set_header_format(&self.header))
                .collect();
            let table = Table::new().set_name(table_name).set_style(TableStyle::Light1).set_columns(&columns);
            sheet.add_table(header, 0, last.0, last.1, &table)?;
        } else {
            for (column, head) in (0_u16..).zip(heads) {
                sheet.write_string_with_format(header, column, &head.name, &self.header)?;
            }
            sheet.autofilter(header, 0, last.0, last.1)?;
            let range = rust_xlsxwriter::utility::cell_range_absolute(header, 0, last.0, last.1);
            named = Some((table_name, format!("='{}'!{range}", tab.replace('\'', "''"))));
        }
        if rows > 0 {
            for (column, _) in (0_u16..).zip(heads).filter(|(_, head)| head.kind == ColumnKind::Word) {
                colour(sheet, (header + 1, last.0), column)?;
            }
        }
        if rows > 0 && (title == cover::TITLE || title == summary::TITLE) {
            // A line where a section or a group begins.
            let line =
                Format::new().set_border_top(FormatBorder::Thin).set_border_color(Color::RGB(palette::UNKNOWN.light));
            // The last column of the cover has the boxes, which have lines of their own.
            let (begins, last) = match title == cover::TITLE {
                true => (format!("=$A{0}<>$A{1}", header + 2, header + 1), (last.0, last.1.saturating_sub(1))),
                false => (format!("=OR($A{0}<>$A{1},$B{0}<>$B{1})", header + 2, header + 1), last),
            };
            let rule = ConditionalFormatFormula::new().set_rule(begins.as_str()).set_format(line);
            sheet.add_conditional_format(header + 1, 0, last.0, last.1, &rule)?;
        }
        if title == cover::TITLE {
            sheet.set_landscape().set_print_fit_to_pages(1, 0);
        } else {
            // Paper has the columns that fit one page; the others are for filters and look-ups on a screen, and in the CSV file.
            let mut width = 0;
            let fitting = heads.iter().take_while(|head| {
                width += u32::from(head.width);
                width <= PAGE
            });
            let fitting = fitting.count();
            let last_column = u16::try_from(fitting.saturating_sub(1)).unwrap_or(last.1).min(last.1);
            let printed: u32 = heads.iter().take(fitting).map(|head| u32::from(head.width)).sum();
            // Upright paper holds more rows, at the same size of text.
            let sheet = if printed <= UPRIGHT { sheet.set_portrait() } else { sheet.set_landscape() };
            sheet.set_print_fit_to_pages(1, 0);
            sheet.set_print_area(0, 0, last.0.max(header + 1), last_column)?;
        }
        sheet.set_freeze_panes(header + 1, u16::from(heads.len() > 6))?;
        sheet.set_repeat_rows(header, header)?;
        sheet.set_paper_size(PAPER).set_margins(0.4, 0.4, 0.4, 0.5, 0.2, 0.25).set_footer(&self.footer);
        Ok(named)
    }
}

/// How a column's cells look.
fn format(kind: ColumnKind, wrapped: bool) -> Format {
    let top = Format::new().set_font_size(TEXT).set_align(FormatAlign::Top);
    match kind {
        ColumnKind::Prose if wrapped => top.set_quote_prefix().set_text_wrap(),
        // The prefix keeps text that begins with `=` text even after the cell is edited.
        ColumnKind::Text | ColumnKind::Word | ColumnKind::Iso | ColumnKind::Prose => top.set_quote_prefix(),
        ColumnKind::Id => top.set_num_format("@"),
        ColumnKind::Count => top.set_num_format("#,##0").set_align(FormatAlign::Right).set_indent(1),
        ColumnKind::Share => top.set_num_format("0.00%").set_align(FormatAlign::Right).set_indent(1),
        ColumnKind::Time => top.set_num_format("yyyy-mm-dd hh:mm:ss").set_align(FormatAlign::Left),
        ColumnKind::Day => top.set_num_format("yyyy-mm-dd").set_align(FormatAlign::Left),
    }
}

fn colour(sheet: &mut Worksheet, (first, last): (u32, u32), column: u16) -> Result<(), XlsxError> {
    for (words, ink, paper) in WORDS {
        let format = Format::new().set_font_color(Color::RGB(ink)).set_background_color(Color::RGB(paper));
        for word in words {
            let rule =
                ConditionalFormatCell::new().set_rule(ConditionalFormatCellRule::EqualTo(*word)).set_format(&format);
            sheet.add_conditional_format(first, column, last, column, &rule)?;
        }
    }
    Ok(())
}

/// The height of a row in points that shows the sentences of its wrapped columns.
fn height(heads: &[Head], values: &[Value<'_>]) -> f64 {
    let lines = heads.iter().zip(values).filter(|(head, _)| head.kind == ColumnKind::Prose).map(|(head, value)| {
        let Value::Text(text) = value else { return 1 };
        // The width is in characters of 11 points. A little less than the column holds, because words do not break where lines do.
        let room = usize::from((head.width * 4 / 3).saturating_sub(4).max(8));
        text.lines().map(|line| line.chars().count().div_ceil(room).max(1)).sum()
    });
    let lines = u32::try_from(lines.max().unwrap_or(1).clamp(1, 29)).unwrap_or(29);
    f64::from(lines) * LINE + 1.0
}
