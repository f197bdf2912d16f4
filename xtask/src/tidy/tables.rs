//! Reading the tables of `xtask/tidy/`: lists of entries with required keys.

use anyhow::{Context, Result};
use toml::{Table, Value};

/// The entries of an array of tables; none when the file has no such array.
pub(super) fn entries(table: &Table, file: &str, key: &str) -> Result<Vec<Table>> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let list = value.as_array().with_context(|| format!("{file}: {key} is not a list"))?;
    let one =
        |entry: &Value| entry.as_table().cloned().with_context(|| format!("{file}: an entry of {key} is not a table"));
    list.iter().map(one).collect()
}

/// A text that an entry must have.
pub(super) fn text(entry: &Table, file: &str, key: &str) -> Result<String> {
    let text = entry.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.map(str::to_owned).with_context(|| format!("{file}: an entry has no {key}: {entry}"))
}

/// A list of texts that an entry must have.
pub(super) fn texts(entry: &Table, file: &str, key: &str) -> Result<Vec<String>> {
    let list = entry.get(key).and_then(Value::as_array);
    let list = list.with_context(|| format!("{file}: an entry has no list {key}: {entry}"))?;
    let one = |value: &Value| value.as_str().map(str::to_owned);
    list.iter()
        .map(one)
        .collect::<Option<_>>()
        .with_context(|| format!("{file}: {key} holds something else than texts: {entry}"))
}
