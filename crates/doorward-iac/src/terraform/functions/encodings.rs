//! Functions of JSON, YAML, Base64 and URLs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use super::{Function, missing, only, text, unsure};
use crate::source_text::{SourceFile, SourceText};
use crate::terraform::number::Number;
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};
use crate::tree::{Data, Node, yaml};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "jsonencode" => |arguments| json_text(only(arguments)?).map(ConfigValue::text),
        "jsondecode" => |arguments| {
            let json: serde_json::Value = serde_json::from_str(&text(only(arguments)?)?)
                .map_err(|_| EvaluationFailure::refused("the text is not JSON"))?;
            of_json(&json)
        },
        "yamldecode" => |arguments| of_yaml(&text(only(arguments)?)?),
        "base64encode" => |arguments| Ok(ConfigValue::text(base64(text(only(arguments)?)?.as_bytes()))),
        "base64decode" => |arguments| {
            let bytes = of_base64(&text(only(arguments)?)?)
                .ok_or_else(|| EvaluationFailure::refused("the text is not Base64"))?;
            String::from_utf8(bytes)
                .map(ConfigValue::text)
                .map_err(|_| EvaluationFailure::refused("the bytes are no text"))
        },
        "yamlencode" => |arguments| super::yaml_text::encoded(only(arguments)?).map(ConfigValue::text),
        "csvdecode" => csv,
        "textencodebase64" => |arguments| {
            let [whole, encoding] = arguments else { return Err(missing()) };
            let whole = text(whole)?;
            match &*text(encoding)? {
                "UTF-8" => Ok(ConfigValue::text(base64(whole.as_bytes()))),
                "UTF-16LE" => {
                    let bytes: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    Ok(ConfigValue::text(base64(&bytes)))
                }
                _ => Err(EvaluationFailure::unsure("an encoding of text is not evaluated here")),
            }
        },
        "textdecodebase64" => |arguments| {
            let [encoded, encoding] = arguments else { return Err(missing()) };
            let bytes =
                of_base64(&text(encoded)?).ok_or_else(|| EvaluationFailure::refused("the text is not Base64"))?;
            let decoded = match &*text(encoding)? {
                "UTF-8" => String::from_utf8(bytes).ok(),
                "UTF-16LE" if bytes.len().is_multiple_of(2) => {
                    let units: Vec<u16> =
                        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                    String::from_utf16(&units).ok()
                }
                _ => None,
            };
            decoded
                .map(ConfigValue::text)
                .ok_or_else(|| EvaluationFailure::unsure("an encoding of text is not evaluated here"))
        },
        "urlencode" => |arguments| Ok(ConfigValue::text(url(&text(only(arguments)?)?))),
        _ => return None,
    })
}

/// The JSON text of a value, as Terraform writes it.
pub(super) fn json_text(value: &ConfigValue) -> Result<String, EvaluationFailure> {
    let mut out = String::new();
    write_json(value, &mut out)?;
    Ok(out)
}

fn write_json(value: &ConfigValue, out: &mut String) -> Result<(), EvaluationFailure> {
    match value {
        ConfigValue::Null => out.push_str("null"),
        ConfigValue::Bool(_) | ConfigValue::Number(_) => {
            out.push_str(&value.scalar_text().ok_or_else(|| EvaluationFailure::unsure("a fraction has no end"))?);
        }
        ConfigValue::Text(text) => quote(text, out),
        ConfigValue::List(list) => {
            if super::is_unordered(list) {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            out.push('[');
            for (at, item) in list.items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(item, out)?;
            }
            out.push(']');
        }
        ConfigValue::Map(map) => {
            if let Some(cause) = &map.rest {
                return Err(EvaluationFailure::unsure(cause.clone()));
            }
            out.push('{');
            for (at, (key, item)) in map.entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quote(key, out);
                out.push(':');
                write_json(item, out)?;
            }
            out.push('}');
        }
        ConfigValue::Unknown(_) => return Err(unsure(value)),
    }
    Ok(())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn of_json(json: &serde_json::Value) -> Evaluation {
    Ok(match json {
        serde_json::Value::Null => ConfigValue::Null,
        serde_json::Value::Bool(truth) => ConfigValue::Bool(*truth),
        serde_json::Value::Number(number) => ConfigValue::Number(
            Number::parse(&number.to_string())
                .ok_or_else(|| EvaluationFailure::unsure("a number has too many digits"))?,
        ),
        serde_json::Value::String(text) => ConfigValue::text(text.as_str()),
        serde_json::Value::Array(items) => ConfigValue::tuple(items.iter().map(of_json).collect::<Result<_, _>>()?),
        serde_json::Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| Ok((Rc::from(key.as_str()), of_json(value)?)));
            ConfigValue::object(entries.collect::<Result<_, EvaluationFailure>>()?)
        }
    })
}

fn of_yaml(text: &str) -> Evaluation {
    let refused = || EvaluationFailure::refused("the text is not YAML");
    let source = SourceFile::new("", text.as_bytes().to_vec(), false).map_err(|_| refused())?;
    let documents = yaml::parse(&SourceText::new(&source)).map_err(|_| refused())?;
    match documents.as_slice() {
        [] => Ok(ConfigValue::Null),
        [only] => of_node(&only.root),
        _ => Err(EvaluationFailure::unsure("the text has several documents")),
    }
}

fn of_node(node: &Node) -> Evaluation {
    if node.tag.is_some() {
        return Err(EvaluationFailure::unsure("a tag of YAML is not evaluated here"));
    }
    match &*node.data {
        Data::Scalar { text, quoted: true } => Ok(ConfigValue::text(text.as_str())),
        Data::Scalar { text, .. } => plain(text),
        Data::Seq(items) => Ok(ConfigValue::tuple(items.iter().map(of_node).collect::<Result<_, _>>()?)),
        Data::Map(pairs) => {
            let mut entries: BTreeMap<Rc<str>, ConfigValue> = BTreeMap::new();
            for (key, value) in pairs {
                match key.as_str() {
                    Some(name) if name != "<<" => entries.insert(name.into(), of_node(value)?),
                    _ => return Err(EvaluationFailure::unsure("a key of YAML is not evaluated here")),
                };
            }
            Ok(ConfigValue::object(entries))
        }
    }
}

/// A scalar of YAML without quotes.
fn plain(text: &str) -> Evaluation {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !digits.is_empty();
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(ConfigValue::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(ConfigValue::Bool(true)),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(ConfigValue::Bool(false)),
        _ if is_number && !has_leading_zero && !digits.starts_with('.') && !digits.ends_with('.') => {
            let number =
                Number::parse(text).ok_or_else(|| EvaluationFailure::unsure("a number of YAML is not evaluated here"));
            number.map(ConfigValue::Number)
        }
        // Text begins with a letter; "y", "n" and dates have other meanings in some versions.
        _ if text.len() > 1 && digits.starts_with(|c: char| !c.is_ascii_digit() && c != '.' && c != '+') => {
            Ok(ConfigValue::text(text))
        }
        _ => Err(EvaluationFailure::unsure("a scalar of YAML is not evaluated here")),
    }
}

/// A list of objects from a table whose first line has the names of the columns.
fn csv(arguments: &[ConfigValue]) -> Evaluation {
    let table = text(only(arguments)?)?;
    // Terraform refuses a quote within a field without quotes, which the library keeps.
    let is_quoted = |line: &str| {
        line.split(',').all(|field| {
            let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
            !inner.unwrap_or(field).contains('"')
        })
    };
    if !table.lines().all(is_quoted) {
        return Err(EvaluationFailure::unsure("a table has quotes or line breaks within fields"));
    }
    let refused = |_| EvaluationFailure::refused("the text is not a table");
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(table.as_bytes());
    let names = reader.headers().map_err(refused)?.clone();
    let is_repeated = names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|other| other == name));
    if names.is_empty() || is_repeated {
        return Err(EvaluationFailure::refused("the table has no names of columns, or one of them twice"));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(refused)?;
        let cells = names.iter().zip(record.iter()).map(|(name, cell)| (Rc::from(name), ConfigValue::text(cell)));
        rows.push(ConfigValue::object(cells.collect()));
    }
    Ok(ConfigValue::list(ListKind::List, rows))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) & 63;
            let character = ALPHABET.get(index as usize).map_or('=', |byte| char::from(*byte));
            out.push(if at <= chunk.len() { character } else { '=' });
        }
    }
    out
}

fn of_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 {
        return None;
    }
    for chunk in digits.as_bytes().chunks(4) {
        let mut group = 0_u32;
        for byte in chunk {
            group = group << 6 | u32::try_from(ALPHABET.iter().position(|one| one == byte)?).ok()?;
        }
        group <<= 6 * (4 - chunk.len());
        let bytes = group.to_be_bytes();
        out.extend_from_slice(bytes.get(1..chunk.len())?);
    }
    Some(out)
}

fn url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}
