//! Errors in the settings: one sentence with file and line, or the variable, or the flag.

use std::path::Path;

use doorward_model::{data_problem, expected_words, found_words};
use figment::error::{Actual, Kind};
use figment::value::Value;

use super::{Layers, SettingSource};

/// A setting that cannot be used.
#[derive(Debug)]
pub struct SettingsError(pub(crate) String);

impl SettingsError {
    /// The error of a file that the settings name; `problem` begins with its place.
    pub fn of_named_file(problem: String) -> Self {
        Self(problem)
    }
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

/// The key of the table that stands for a date.
const DATE: &str = "$__toml_private_datetime";

/// Checks that a file is TOML.
pub(crate) fn syntax(path: &Path, text: &str) -> Result<(), SettingsError> {
    toml_edit::Document::parse(text).map(|_| ()).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        SettingsError(format!("{}:{line}: not TOML: {}", path.display(), error.message().trim()))
    })
}

/// Explains why the merged layers are not valid settings.
pub(crate) fn explain(error: &figment::Error, layers: &Layers) -> SettingsError {
    let mut path = error.path.clone();
    // The parser keeps a date as a table with a key of its own.
    let is_date = path.last().is_some_and(|key| key == DATE) && path.pop().is_some()
        || matches!(layers.figment.find_value(&path.join(".")), Ok(Value::Dict(_, keys)) if keys.contains_key(DATE));
    let found = |actual: &Actual| match is_date {
        true => "a date".to_owned(),
        false => found_words(&actual.to_string(), "a table"),
    };
    let expected_words = |expected: &str| expected_words(expected, "a table");
    let problem = match &error.kind {
        Kind::UnknownField(field, expected) => {
            // The path may or may not end in the field itself.
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            let near = nearest(field, expected).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            format!("there is no setting {}{near}", path.join("."))
        }
        Kind::MissingField(field) => format!("{} is missing", [path.join("."), field.to_string()].join(".")),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected)
            if path.last().is_some_and(|key| is_secret(key)) =>
        {
            format!("{} is not {}", path.join("."), expected_words(expected))
        }
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("{} is {}, not {}", path.join("."), found(actual), expected_words(expected))
        }
        Kind::InvalidLength(length, expected) => {
            format!("{} has {length} entries, and is not {}", path.join("."), expected_words(expected))
        }
        Kind::UnknownVariant(..) if is_date => format!("{} is a date, not the name of a value", path.join(".")),
        Kind::UnknownVariant(variant, expected) => {
            // The name of a table's key may be where the name of a value is expected.
            if path.last() == Some(variant) {
                path.pop();
            }
            let near = nearest(variant, expected).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let is_word = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            let known = |name: &&str| if is_word(name) { (*name).to_owned() } else { format!("{name:?}") };
            let known: Vec<String> = expected.iter().map(known).collect();
            format!("{} = {variant:?} is not one of {}{near}", path.join("."), known.join(", "))
        }
        Kind::DuplicateField(_) => format!("{} is given twice", path.join(".")),
        other => format!("{}: {}", path.join("."), data_problem(&other.to_string())),
    };
    SettingsError(format!("{}{problem}", place(&path.join("."), layers)))
}

/// Whether the value of a key is never shown. Other secrets are not in the settings: a file or a variable holds them.
pub(crate) fn is_secret(key: &str) -> bool {
    key == "external_id"
}

/// A value that parses but cannot be used.
pub(crate) fn wrong(key: &str, problem: &str, layers: &Layers) -> SettingsError {
    SettingsError(format!("{}{key}: {problem}", place(key, layers)))
}

/// The known word closest to a misspelt one, if any is close.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// Where a key was set, as the start of an error message.
fn place(key: &str, layers: &Layers) -> String {
    match layers.source(key) {
        SettingSource::Flag => "command line: ".to_owned(),
        SettingSource::Variable(name) => format!("{name}: "),
        SettingSource::Line(path, line) => format!("{}:{line}: ", path.display()),
        SettingSource::Default => String::new(),
    }
}

/// The line on which a file sets a dotted key, or the longest part of it that the file has; positions in lists are parts of the key.
/// None if the file lacks the first two parts.
pub(crate) fn line(text: &str, key: &str) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut item: &toml_edit::Item = document.as_item();
    let mut span = None;
    let mut depth = 0;
    for part in key.split('.') {
        let next = match part.parse::<usize>() {
            Ok(index) => item.get(index),
            Err(_) => {
                let entry = item.as_table_like().and_then(|table| table.get_key_value(part));
                entry.map(|(key, value)| {
                    span = key.span().or_else(|| value.span()).or(span.take());
                    value
                })
            }
        };
        let Some(next) = next else { break };
        item = next;
        depth += 1;
    }
    span.filter(|_| depth >= key.split('.').count().min(2)).map(|span| line_of(text, span.start))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
