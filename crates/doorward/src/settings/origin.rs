//! `doorward config show --origin`: every value with where it came from.

use std::fmt::Write as _;
use std::path::Path;

use figment::value::{Dict, Value};

use super::{DEFAULT, Layers, Settings, SettingsError, Source, diagnostics};

/// The effective settings as TOML lines, each with its origin when asked for. Settings that do not hold up are an error
/// here too: what is shown is what a scan would use.
pub(crate) fn show(config: Option<&Path>, origins: bool) -> Result<String, SettingsError> {
    Settings::load(config, &[])?;
    let layers = Layers::find(config, &[])?;
    let mut lines = Vec::new();
    leaves("", &shown(&layers)?, &mut lines);
    let width = lines.iter().map(|(key, value)| key.len() + value.len() + 3).filter(|w| *w < 80).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value) in lines {
        let line = format!("{key} = {value}");
        if origins {
            let _ = writeln!(text, "{line:<width$}  # {}", origin(&key, &layers));
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    Ok(text)
}

/// Every setting in a line of its own, as evidence and saved scans hold them.
pub(super) fn quoted(layers: &Layers) -> Result<String, SettingsError> {
    let mut lines = Vec::new();
    leaves("", &shown(layers)?, &mut lines);
    Ok(lines.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect())
}

/// The merged settings; of what is confidential only that it is set.
fn shown(layers: &Layers) -> Result<Dict, SettingsError> {
    let mut merged: Dict = layers.figment.extract().map_err(|error| diagnostics::explain(&error, layers))?;
    merged.values_mut().for_each(hide);
    Ok(merged)
}

fn hide(value: &mut Value) {
    match value {
        Value::Dict(_, dict) => {
            for (key, inner) in dict {
                if diagnostics::is_secret(key) {
                    *inner = Value::from("(set, not shown)");
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
        Source::Flag => "command line".to_owned(),
        Source::Variable(name) => name,
        Source::Line(path, line) => format!("{}:{line}", path.display()),
        Source::Default => match diagnostics::line(DEFAULT, key) {
            Some(line) => format!("default (line {line})"),
            None => "default".to_owned(),
        },
    }
}

fn leaves(prefix: &str, dict: &Dict, lines: &mut Vec<(String, String)>) {
    for (key, value) in dict {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => leaves(&key, inner, lines),
            other => lines.push((key, plain(other))),
        }
    }
}

/// A value in TOML's spelling.
fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => toml_edit::Value::from(text.as_str()).to_string().trim().to_owned(),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(real)) => format!("{real:?}"),
            (None, None) => "0".to_owned(),
        },
        Value::Array(_, items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Dict(_, dict) => {
            let pairs: Vec<String> = dict.iter().map(|(key, value)| format!("{key} = {}", plain(value))).collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
        Value::Char(_, one) => format!("{:?}", one.to_string()),
        Value::Empty(..) => "{}".to_owned(),
    }
}
