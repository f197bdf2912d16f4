//! Errors in the settings: one sentence with file and line, or the variable, or the flag.

use std::path::Path;

use figment::error::Kind;

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
            format!("{} is not {expected}", path.join("."))
        }
        Kind::InvalidType(actual, expected) => format!("{} is {actual}, not {expected}", path.join(".")),
        Kind::InvalidValue(actual, expected) => format!("{}: {actual} is not {expected}", path.join(".")),
        Kind::UnknownVariant(variant, expected) => {
            format!("{} = {variant:?} is not one of {}", path.join("."), expected.join(", "))
        }
        other => format!("{}: {other}", path.join(".")),
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
