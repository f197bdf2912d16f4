//! JSON with places. The JSON library lends each value as a slice of the text, and where a slice lies in its text is a
//! matter of subtraction.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{DEEPEST, Data, Document, LARGEST, Node, twice};
use crate::Problem;
use crate::text::Text;

/// Where a slice lies in the text it was cut from.
pub(crate) fn span_in(whole: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..(start + part.len()).min(whole.len())
}

/// A complaint of the JSON library, at the place it names; its columns are bytes.
pub(crate) fn problem(text: &Text<'_>, error: &serde_json::Error) -> Problem {
    let start = text.offset(error.line().max(1), 1);
    let at = (start + error.column().saturating_sub(1)).min(text.text.len());
    let at = (start..=at).rev().find(|at| text.text.is_char_boundary(*at)).unwrap_or(start);
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default().to_owned();
    text.problem(at, format!("is not JSON: {said}"))
}

/// The pairs of an object, not yet read.
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Seen)
    }
}

impl Pairs<'_> {
    /// Complains about a key that is there twice.
    pub(crate) fn once(&self, text: &Text<'_>) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        match self.0.iter().find(|(key, _)| !seen.insert(key)) {
            Some((key, value)) => {
                let at = match key {
                    Cow::Borrowed(key) => span_in(text.text, key).start.saturating_sub(1),
                    Cow::Owned(_) => span_in(text.text, value.get()).start,
                };
                Err(text.problem(at, twice(key)))
            }
            None => Ok(()),
        }
    }
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads one document.
pub(crate) fn parse(text: &Text<'_>) -> Result<Document, Problem> {
    let whole = text.text;
    let raw: &RawValue = serde_json::from_str(whole).map_err(|error| problem(text, &error))?;
    let root = node(whole, raw.get(), 0, &mut 0).map_err(|(at, problem)| text.problem(at, problem))?;
    Ok(Document { root, shared: Vec::new() })
}

/// Reads a part of a text that is JSON for certain, in which no map has a key twice.
pub(crate) fn part(text: &Text<'_>, raw: &RawValue) -> Result<Node, Problem> {
    let node = node(text.text, raw.get(), 0, &mut 0).map_err(|(at, problem)| text.problem(at, problem))?;
    node.once_within(text)?;
    Ok(node)
}

fn node(whole: &str, raw: &str, depth: usize, nodes: &mut usize) -> Result<Node, (usize, String)> {
    let span = span_in(whole, raw);
    let wrong = |error: serde_json::Error| (span.start, format!("is not JSON: {error}"));
    if depth > DEEPEST {
        return Err((span.start, format!("is nested deeper than {DEEPEST} levels")));
    }
    *nodes += 1;
    if *nodes > LARGEST {
        return Err((span.start, format!("holds more than {LARGEST} values")));
    }
    let data = match raw.as_bytes().first() {
        Some(b'{') => {
            let pairs: Pairs<'_> = serde_json::from_str(raw).map_err(wrong)?;
            let mut entries = Vec::with_capacity(pairs.0.len());
            for (key, value) in pairs.0 {
                let at = match &key {
                    Cow::Borrowed(key) => {
                        let inner = span_in(whole, key);
                        inner.start.saturating_sub(1)..inner.end + 1
                    }
                    Cow::Owned(_) => span_in(whole, value.get()),
                };
                let name = Data::Scalar { text: key.into_owned(), quoted: true };
                let name = Node { span: at, tag: None, data: Rc::new(name) };
                entries.push((name, node(whole, value.get(), depth + 1, nodes)?));
            }
            Data::Map(entries)
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(raw).map_err(wrong)?;
            Data::Seq(
                values.into_iter().map(|value| node(whole, value.get(), depth + 1, nodes)).collect::<Result<_, _>>()?,
            )
        }
        Some(b'"') => Data::Scalar { text: serde_json::from_str(raw).map_err(wrong)?, quoted: true },
        _ => Data::Scalar { text: raw.to_owned(), quoted: false },
    };
    Ok(Node { span, tag: None, data: Rc::new(data) })
}
