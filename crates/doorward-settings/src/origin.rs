//! `doorward config show --origin`: every value with where it came from.

use std::fmt::Write as _;

use figment::value::{Dict, Value};

use crate::{Layers, SettingSource, SettingsError, diagnostics};

/// The text that replaces a confidential value.
const HIDDEN: &str = "(set, not shown)";

/// One setting: its path and its line of TOML.
struct SettingLine {
    path: String,
    line: String,
}

impl Layers {
    /// The effective settings as TOML, one in a line, each with its origin when asked for: a settings file with this text has the same
    /// effect.
    ///
    /// # Errors
    ///
    /// The layers cannot be merged.
    pub fn show(&self, origins: bool) -> Result<String, SettingsError> {
        let leaves = leaves(&shown(self)?);
        let width = leaves.iter().map(|leaf| leaf.line.len()).filter(|width| *width < 80).max().unwrap_or(0);
        let mut text = String::new();
        for SettingLine { path, line } in &leaves {
            if origins {
                let _ = writeln!(text, "{line:<width$}  # {}", origin(path, self));
            } else {
                let _ = writeln!(text, "{line}");
            }
        }
        Ok(text)
    }

    /// The origin of a dotted key, for people: the variable, the file with the line, `command line`, or the default.
    pub fn origin(&self, key: &str) -> String {
        origin(key, self)
    }
}

/// The merged settings; of what is confidential only that it is set.
fn shown(layers: &Layers) -> Result<Dict, SettingsError> {
    let mut merged: Dict = layers.extract()?;
    merged.values_mut().for_each(hide);
    Ok(merged)
}

fn hide(value: &mut Value) {
    match value {
        Value::Dict(_, dict) => {
            for (key, inner) in dict {
                if diagnostics::is_secret(key) {
                    *inner = Value::from(HIDDEN);
                }
                hide(inner);
            }
        }
        Value::Array(_, items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

fn origin(key: &str, layers: &Layers) -> String {
    match layers.source(key) {
        SettingSource::Flag => "command line".to_owned(),
        SettingSource::Variable(name) => name,
        SettingSource::Line(path, line) => format!("{}:{line}", path.display()),
        SettingSource::Default => match diagnostics::line(layers.default, key) {
            Some(line) => format!("default (line {line})"),
            None => "default".to_owned(),
        },
    }
}

/// Every setting in the order of their paths.
fn leaves(dict: &Dict) -> Vec<SettingLine> {
    let mut leaves = Vec::new();
    collect("", "", dict, &mut leaves);
    leaves
}

/// `path` has the keys as they are, `shown` as TOML spells them.
fn collect(path: &str, shown: &str, dict: &Dict, leaves: &mut Vec<SettingLine>) {
    let join = |prefix: &str, key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    for (key, value) in dict {
        let (path, shown) = (join(path, key), join(shown, &spelled(key)));
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => collect(&path, &shown, inner, leaves),
            // As a comment: a file with this text must not set the confidential value to another one.
            Value::String(_, text) if text == HIDDEN && diagnostics::is_secret(key) => {
                leaves.push(SettingLine { path, line: format!("# {shown} = {}", plain(value)) });
            }
            other => leaves.push(SettingLine { path, line: format!("{shown} = {}", plain(other)) }),
        }
    }
}

/// A key in TOML's spelling, quoted where it needs quotes.
fn spelled(key: &str) -> String {
    toml_edit::Key::new(key).display_repr().into_owned()
}

/// A value in TOML's spelling, in one line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => string(text),
        Value::Char(_, one) => string(&one.to_string()),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(real)) => toml_edit::Value::from(real).to_string().trim().to_owned(),
            (None, None) => "0".to_owned(),
        },
        Value::Array(_, items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Dict(_, dict) => {
            let pairs: Vec<String> =
                dict.iter().map(|(key, value)| format!("{} = {}", spelled(key), plain(value))).collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
        Value::Empty(..) => "{}".to_owned(),
    }
}

/// A text as a basic string of one line: TOML's strings of several lines would not be one setting in a line.
fn string(text: &str) -> String {
    if !text.contains(['\n', '\r']) {
        return toml_edit::Value::from(text).to_string().trim().to_owned();
    }
    let mut spelled = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => spelled.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(spelled, "\\u{:04x}", u32::from(c));
            }
            c => spelled.push(c),
        }
    }
    spelled + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z_]{1,6}",
            "\\PC{0,8}",
            Just("/Workloads/Prod".to_owned()),
            Just("payments team".to_owned()),
            Just("a.b".to_owned()),
            Just("it's \"quoted\" # and\n\r\tmore \\ \u{1}".to_owned()),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            text().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e12..1e12).prop_map(|real: f64| Value::from(real)),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map(text(), inner, 0..3).prop_map(Value::from),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_shown_is_toml_with_the_same_values(settings in proptest::collection::btree_map(text(), value(), 0..4)) {
            let shown: Vec<String> = leaves(&settings).into_iter().map(|leaf| leaf.line).collect();
            prop_assert!(shown.iter().all(|line| !line.contains('\n')));
            let read: Dict = toml_edit::de::from_str(&shown.join("\n")).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(read, settings);
        }
    }
}
