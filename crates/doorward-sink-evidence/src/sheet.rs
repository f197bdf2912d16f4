//! A sheet: a list of columns, and rows that are read through them.
//!
//! A column is written down once, with its name, width, kind, explanation and where its value comes from. The workbook,
//! the CSV file and the dictionary are made of that.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::EvidenceError;

/// The kind of value in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Text.
    Text,
    /// Text of several sentences, wrapped.
    Prose,
    /// Digits that are no number: account ids, hashes.
    Id,
    /// A word that colour underlines: a verdict, a status.
    Word,
    /// A whole number.
    Count,
    /// A part of a whole, between 0 and 1.
    Share,
    /// A date and time in UTC, as a real date.
    Time,
    /// The same as ISO 8601 text, to the last digit.
    Iso,
    /// A day, as a real date.
    Day,
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// No value.
    Blank,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Count(i64),
    /// A part of a whole: the part, the whole. Blank of nothing.
    Share(usize, usize),
    /// An instant.
    Time(Timestamp),
    /// A day.
    Day(Date),
}

impl Value<'_> {
    /// A part of a whole in ten thousandths, rounded down so that 10,000 means all: a cell is a number that readers calculate with.
    pub(crate) fn ten_thousandths(part: usize, whole: usize) -> Option<u32> {
        (whole > 0).then(|| u32::try_from(part.saturating_mul(10_000) / whole).unwrap_or(u32::MAX))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(Cow::Borrowed(text)) }
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Blank } else { Self::Text(Cow::Owned(text)) }
    }
}

impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value<'_> {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl From<Date> for Value<'_> {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Blank, Into::into)
    }
}

/// The header of a column.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Its name; unique in the sheet.
    pub(crate) name: String,
    /// Its width in characters.
    pub(crate) width: u16,
    /// Its content.
    pub(crate) kind: ColumnKind,
    /// Its meaning, in a sentence.
    pub(crate) meaning: String,
}

/// Reads one value of a row.
type Read<'p, R> = Box<dyn for<'a> Fn(&'a R) -> Value<'a> + 'p>;

/// The columns of a sheet, in order.
pub(crate) struct Columns<'p, R> {
    heads: Vec<Head>,
    reads: Vec<Read<'p, R>>,
}

impl<'p, R: 'p> Columns<'p, R> {
    pub(crate) fn new() -> Self {
        Self { heads: Vec::new(), reads: Vec::new() }
    }

    fn add(mut self, name: String, width: u16, kind: ColumnKind, meaning: &str, read: Read<'p, R>) -> Self {
        self.heads.push(Head { name, width, kind, meaning: meaning.to_owned() });
        self.reads.push(read);
        self
    }

    /// One column.
    pub(crate) fn with(
        self,
        kind: ColumnKind,
        name: &str,
        width: u16,
        meaning: &str,
        read: for<'a> fn(&'a R) -> Value<'a>,
    ) -> Self {
        self.add(name.to_owned(), width, kind, meaning, Box::new(read))
    }

    /// Text.
    pub(crate) fn text(self, name: &str, width: u16, meaning: &str, read: for<'a> fn(&'a R) -> Value<'a>) -> Self {
        self.with(ColumnKind::Text, name, width, meaning, read)
    }

    /// Text of several sentences.
    pub(crate) fn prose(self, name: &str, width: u16, meaning: &str, read: for<'a> fn(&'a R) -> Value<'a>) -> Self {
        self.with(ColumnKind::Prose, name, width, meaning, read)
    }

    /// Digits that are no number.
    pub(crate) fn id(self, name: &str, width: u16, meaning: &str, read: for<'a> fn(&'a R) -> Value<'a>) -> Self {
        self.with(ColumnKind::Id, name, width, meaning, read)
    }

    /// A whole number.
    pub(crate) fn count(self, name: &str, meaning: &str, read: for<'a> fn(&'a R) -> Value<'a>) -> Self {
        self.with(ColumnKind::Count, name, 11, meaning, read)
    }

    /// An instant, as two columns: a real date to sort and filter by, and the exact text.
    pub(crate) fn time(self, name: &str, meaning: &str, read: fn(&R) -> Option<Timestamp>) -> Self {
        let exact = format!("{meaning} The same as text, exactly as recorded.");
        self.add(format!("{name} (UTC)"), 17, ColumnKind::Time, meaning, Box::new(move |row| read(row).into())).add(
            format!("{name} (ISO 8601)"),
            22,
            ColumnKind::Iso,
            &exact,
            Box::new(move |row| read(row).map(|at| at.to_string()).into()),
        )
    }
}

/// Takes one row after the other.
pub(crate) type TakeRow<'t> = dyn FnMut(&[Value<'_>]) -> Result<(), EvidenceError> + 't;

/// Passes its rows to a consumer.
type Stream<'p> = Box<dyn FnOnce(&mut TakeRow<'_>) -> Result<(), EvidenceError> + 'p>;

/// The titles of a sheet and its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Title {
    /// The tab.
    pub(crate) tab: &'static str,
    /// The CSV file, without its extension; the table's name.
    pub(crate) file: &'static str,
    /// Its content, in a sentence.
    pub(crate) about: &'static str,
}

/// A sheet, ready to be written once.
pub(crate) struct Sheet<'p> {
    pub(crate) title: Title,
    pub(crate) heads: Vec<Head>,
    /// How many rows there are, the header not counted.
    pub(crate) rows: usize,
    /// What stands below the header of a sheet without rows: `(none)` where there is nothing, or why that is not known.
    pub(crate) empty: String,
    stream: Stream<'p>,
}

impl<'p> Sheet<'p> {
    /// A sheet of exactly `count` rows.
    pub(crate) fn new<R: 'p>(
        title: Title,
        columns: Columns<'p, R>,
        count: usize,
        rows: impl IntoIterator<Item = R> + 'p,
    ) -> Self {
        let Columns { heads, reads } = columns;
        let stream = move |take: &mut TakeRow<'_>| {
            let mut given = 0;
            for row in rows {
                let values: Vec<Value<'_>> = reads.iter().map(|read| read(&row)).collect();
                take(&values)?;
                given += 1;
            }
            // The table in the workbook was laid out for `count` rows.
            if given == count {
                return Ok(());
            }
            Err(EvidenceError::Other(format!(
                "the sheet {:?} announced {count} rows and contains {given}; please report this",
                title.tab
            )))
        };
        Self { title, heads, rows: count, empty: "(none)".to_owned(), stream: Box::new(stream) }
    }

    /// Says why the sheet has no rows where that does not mean that there is nothing: `no ledger was read`.
    pub(crate) fn unknown_if(mut self, why: Option<&str>) -> Self {
        if let Some(why) = why {
            self.empty = format!("(unknown: {why})");
        }
        self
    }

    /// Gives every row, in order.
    pub(crate) fn each(self, take: &mut TakeRow<'_>) -> Result<(), EvidenceError> {
        (self.stream)(take)
    }
}
