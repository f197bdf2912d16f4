//! `yamlencode`: YAML as Terraform writes it, with quoted strings and lists as far left as their key.

use super::unsure;
use crate::terraform::value::{ConfigValue, EvaluationFailure};

/// The width from which on Terraform breaks lines at spaces.
const WIDTH: usize = 70;

/// The YAML of a value.
pub(super) fn encoded(value: &ConfigValue) -> Result<String, EvaluationFailure> {
    let mut out = String::new();
    match value {
        ConfigValue::Null | ConfigValue::Bool(_) | ConfigValue::Number(_) => {
            return Err(EvaluationFailure::unsure("YAML of a scalar alone is not written here"));
        }
        ConfigValue::Text(text) if text.contains('\n') => {
            return Err(EvaluationFailure::unsure("YAML of a text alone with several lines is not written here"));
        }
        value => write(value, 0, &mut out)?,
    }
    Ok(out)
}

/// Writes a value whose first line is already indented. Each line ends with a line break.
fn write(value: &ConfigValue, indent: usize, out: &mut String) -> Result<(), EvaluationFailure> {
    match value {
        ConfigValue::List(list) if !list.items.is_empty() => {
            if super::is_unordered(list) {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            for (at, item) in list.items.iter().enumerate() {
                pad(at, indent, out);
                out.push_str("- ");
                write(item, indent + 2, out)?;
            }
        }
        ConfigValue::Map(map) if map.rest.is_none() && !map.entries.is_empty() => {
            for (at, (key, item)) in map.entries.iter().enumerate() {
                pad(at, indent, out);
                out.push_str(&quoted(key, indent)?);
                out.push(':');
                match item {
                    ConfigValue::List(list) if !list.items.is_empty() => {
                        out.push('\n');
                        pad(1, indent, out);
                        write(item, indent, out)?;
                    }
                    ConfigValue::Map(map) if map.rest.is_none() && !map.entries.is_empty() => {
                        out.push('\n');
                        pad(1, indent + 2, out);
                        write(item, indent + 2, out)?;
                    }
                    item => {
                        out.push(' ');
                        write(item, indent + 2, out)?;
                    }
                }
            }
        }
        ConfigValue::List(_) => out.push_str("[]\n"),
        ConfigValue::Map(map) => match &map.rest {
            None => out.push_str("{}\n"),
            Some(cause) => return Err(EvaluationFailure::unsure(cause.clone())),
        },
        ConfigValue::Text(text) if text.contains('\n') => lines(text, indent, out)?,
        ConfigValue::Text(text) => {
            out.push_str(&quoted(text, indent)?);
            out.push('\n');
        }
        ConfigValue::Null => out.push_str("null\n"),
        ConfigValue::Bool(_) | ConfigValue::Number(_) => {
            out.push_str(&value.scalar_text().ok_or_else(|| EvaluationFailure::unsure("a fraction has no end"))?);
            out.push('\n');
        }
        ConfigValue::Unknown(_) => return Err(unsure(value)),
    }
    Ok(())
}

fn pad(at: usize, indent: usize, out: &mut String) {
    if at > 0 {
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// A text between quotes.
fn quoted(text: &str, indent: usize) -> Result<String, EvaluationFailure> {
    let is_plain = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{2ff}') && c != '\u{ad}';
    if !text.chars().all(is_plain) || (text.contains(' ') && indent + text.len() > WIDTH) {
        return Err(EvaluationFailure::unsure("a text is not written in YAML here"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A text of several lines as a block.
fn lines(text: &str, indent: usize, out: &mut String) -> Result<(), EvaluationFailure> {
    let body = text.strip_suffix('\n');
    let is_plain = |line: &str| {
        !line.is_empty()
            && !line.starts_with(' ')
            && !line.ends_with(' ')
            && line.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    if !body.unwrap_or(text).split('\n').all(is_plain) {
        return Err(EvaluationFailure::unsure("a text of several lines is not written in YAML here"));
    }
    out.push_str(if body.is_some() { "|\n" } else { "|-\n" });
    for line in body.unwrap_or(text).split('\n') {
        pad(1, indent, out);
        out.push_str(line);
        out.push('\n');
    }
    Ok(())
}
