//! Checks that a document contains exactly what was read from it.
//!
//! A reader that ignores unknown keys, or takes one of two equal keys, accepts text that its digest does not cover. So the text is
//! compared with what was read from it: if this program wrote it, it is the same bytes apart from white space; if another program
//! reformatted it, it is the same JSON value, in which no key occurs twice.

use std::fmt;

use doorward_model::data_problem;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The first place at which a text and what was read from it differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanDifference(String);

/// Compares a text with what was read from it.
pub(super) fn compare<T: serde::Serialize>(text: &str, read: &T) -> Result<(), PlanDifference> {
    let difference = |e: serde_json::Error| PlanDifference(data_problem(&e.to_string()));
    if without_space(text) == serde_json::to_string(read).map_err(difference)? {
        return Ok(());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let Once(written) = Once::deserialize(&mut reader).map_err(difference)?;
    let read = serde_json::to_value(read).map_err(difference)?;
    differ(&written, &read, &mut String::new()).map_or(Ok(()), |what| Err(PlanDifference(what)))
}

/// A text without the white space outside its strings.
fn without_space(text: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |c: &char| {
        if within {
            within = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        within = *c == '"';
        !matches!(c, ' ' | '\n' | '\r' | '\t')
    };
    text.chars().filter(keep).collect()
}

/// The first difference, with its place.
fn differ(written: &Value, read: &Value, place: &mut String) -> Option<String> {
    let shown = |place: &str| if place.is_empty() { "the document".to_owned() } else { format!("{place:?}") };
    let within = |place: &mut String, part: &str, written: &Value, read: &Value| {
        let length = place.len();
        place.push('/');
        place.push_str(part);
        let what = differ(written, read, place);
        place.truncate(length);
        what
    };
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            if let Some(key) = written.keys().find(|key| !read.contains_key(*key)) {
                return Some(format!("{} has the unknown key {key:?}", shown(place)));
            }
            if let Some(key) = read.keys().find(|key| !written.contains_key(*key)) {
                return Some(format!("{} lacks the key {key:?}", shown(place)));
            }
            written.iter().find_map(|(key, value)| within(place, key, value, read.get(key)?))
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            written.iter().zip(read).enumerate().find_map(|(at, (a, b))| within(place, &at.to_string(), a, b))
        }
        _ if written == read => None,
        _ => Some(format!("{} is not written as Doorward writes it", shown(place))),
    }
}

/// A JSON value in which no key occurs twice.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Reader;

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(part) = parts.next_element_seed(self)? {
            all.push(part);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = parts.next_key::<String>()? {
            if all.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} is given twice")));
            }
            let value = parts.next_value_seed(self)?;
            all.insert(key, value);
        }
        Ok(all.into())
    }
}
