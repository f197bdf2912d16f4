//! One Parquet file: columns of scalars, written in groups of rows.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The rows of one group: enough for good compression, and few enough that memory does not grow with the report.
const GROUP: usize = 10_000;

/// The type of a column. Every column but those of the run may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParquetType {
    /// UTF-8 text.
    Text,
    /// A 64-bit integer.
    Number,
    /// True or false.
    Flag,
    /// Milliseconds since the epoch, UTC.
    Time,
}

/// A value of a row.
pub(crate) enum ParquetValue {
    Text(String),
    Number(i64),
    Flag(bool),
    Time(Timestamp),
    Null,
}

impl<T: Into<ParquetValue>> From<Option<T>> for ParquetValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&str> for ParquetValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for ParquetValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<usize> for ParquetValue {
    fn from(value: usize) -> Self {
        i64::try_from(value).map_or(Self::Null, Self::Number)
    }
}

impl From<bool> for ParquetValue {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<Timestamp> for ParquetValue {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

/// A column: its name, its type, and its value in a row.
pub(crate) struct ParquetColumn<R: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) kind: ParquetType,
    pub(crate) value: fn(&R) -> ParquetValue,
}

/// Writes rows as a Parquet file; `schema` is the name and version of the table.
pub(crate) fn write<R, W: Write + Send>(
    out: W,
    schema: &str,
    columns: &[ParquetColumn<R>],
    mut rows: impl Iterator<Item = R>,
) -> io::Result<W> {
    let message = Arc::new(parse_message_type(&message(schema, columns)).map_err(failed)?);
    let named = vec![KeyValue::new("doorward".to_owned(), schema.to_owned())];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("doorward".to_owned())
        .set_key_value_metadata(Some(named))
        .build();
    let mut writer = SerializedFileWriter::new(out, message, Arc::new(properties)).map_err(failed)?;
    loop {
        let group: Vec<R> = rows.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        let mut row_group = writer.next_row_group().map_err(failed)?;
        for column in columns {
            let Some(mut writer) = row_group.next_column().map_err(failed)? else { break };
            fill(writer.untyped(), column, &group).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        row_group.close().map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The schema in Parquet's own notation.
fn message<R>(schema: &str, columns: &[ParquetColumn<R>]) -> String {
    let mut text = format!("message {} {{\n", schema.replace('-', "_"));
    for column in columns {
        let kind = match column.kind {
            ParquetType::Text => ("binary", " (STRING)"),
            ParquetType::Number => ("int64", ""),
            ParquetType::Flag => ("boolean", ""),
            ParquetType::Time => ("int64", " (TIMESTAMP(MILLIS,true))"),
        };
        text.push_str(&format!("  optional {} {}{};\n", kind.0, column.name, kind.1));
    }
    text.push('}');
    text
}

/// Writes the values of one column; null ones have the definition level 0 and no value.
fn fill<R>(writer: &mut ColumnWriter<'_>, column: &ParquetColumn<R>, rows: &[R]) -> Result<(), ParquetError> {
    let (mut levels, mut texts, mut numbers, mut flags) = (Vec::with_capacity(rows.len()), vec![], vec![], vec![]);
    for row in rows {
        let value = (column.value)(row);
        levels.push(i16::from(!matches!(value, ParquetValue::Null)));
        match value {
            ParquetValue::Text(text) => texts.push(ByteArray::from(text.into_bytes())),
            ParquetValue::Number(number) => numbers.push(number),
            ParquetValue::Time(time) => numbers.push(time.as_millisecond()),
            ParquetValue::Flag(flag) => flags.push(flag),
            ParquetValue::Null => {}
        }
    }
    // A value of another type than its column would leave fewer values than levels, which the writer refuses.
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => writer.write_batch(&texts, Some(&levels), None)?,
        ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&numbers, Some(&levels), None)?,
        ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&flags, Some(&levels), None)?,
        _ => return Err(ParquetError::General(format!("the column {} has no type of these tables", column.name))),
    };
    Ok(())
}
