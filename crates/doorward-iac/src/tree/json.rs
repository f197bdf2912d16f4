//! JSON with places. The JSON library returns each value as a slice of the text; the difference of the two addresses is its
//! offset.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Data, Document, MAX_DEPTH, MAX_NODES, Node, duplicate_key};
use crate::FileError;
use crate::source_text::SourceText;

/// The byte range of a slice within the text that it was taken from.
pub(crate) fn span_in(whole: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..(start + part.len()).min(whole.len())
}

/// An error of the JSON library at its place. The library counts columns in bytes.
pub(crate) fn syntax_error(text: &SourceText<'_>, error: &serde_json::Error) -> FileError {
    let start = text.offset(error.line().max(1), 1);
    let at = (start + error.column().saturating_sub(1)).min(text.text.len());
    let at = (start..=at).rev().find(|at| text.text.is_char_boundary(*at)).unwrap_or(start);
    text.error(at, format!("is not JSON: {}", cause(error)))
}

/// The message of an error of the JSON library without its place, which is relative to the parsed part.
pub(crate) fn cause(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// The pairs of an object with unparsed values.
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
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
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// The elements of a JSON list that a condition keeps. The others are dropped as they are parsed, so that a list of a million
/// elements takes no memory.
pub(crate) fn elements_where<'a, T: Deserialize<'a>>(
    raw: &'a str,
    keep: impl FnMut(&T) -> bool,
) -> Result<Vec<T>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let kept = Kept(keep, std::marker::PhantomData).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(kept)
}

struct Kept<T, F>(F, std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(&T) -> bool> DeserializeSeed<'de> for Kept<T, F> {
    type Value = Vec<T>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(&T) -> bool> Visitor<'de> for Kept<T, F> {
    type Value = Vec<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut kept = Vec::new();
        while let Some(element) = list.next_element()? {
            if (self.0)(&element) {
                kept.push(element);
            }
        }
        Ok(kept)
    }
}

impl Pairs<'_> {
    /// Rejects a repeated key.
    pub(crate) fn check_unique_keys(&self, text: &SourceText<'_>) -> Result<(), FileError> {
        let mut seen = BTreeSet::new();
        match self.0.iter().find(|(key, _)| !seen.insert(key)) {
            Some((key, value)) => {
                let at = match key {
                    Cow::Borrowed(key) => span_in(text.text, key).start.saturating_sub(1),
                    Cow::Owned(_) => span_in(text.text, value.get()).start,
                };
                Err(text.error(at, duplicate_key(key)))
            }
            None => Ok(()),
        }
    }
}

/// A key, borrowed if it contains no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Parses one document.
pub(crate) fn parse(text: &SourceText<'_>) -> Result<Document, FileError> {
    let whole = text.text;
    let raw: &RawValue = serde_json::from_str(whole).map_err(|error| syntax_error(text, &error))?;
    let root = node(whole, raw.get(), 0, &mut 0).map_err(|(at, message)| text.error(at, message))?;
    Ok(Document { root, shared: Vec::new() })
}

/// Parses a part of a text that is valid JSON. Repeated keys are an error.
pub(crate) fn part(text: &SourceText<'_>, raw: &RawValue) -> Result<Node, FileError> {
    let node = node(text.text, raw.get(), 0, &mut 0).map_err(|(at, message)| text.error(at, message))?;
    node.check_unique_keys_below(text)?;
    Ok(node)
}

fn node(whole: &str, raw: &str, depth: usize, nodes: &mut usize) -> Result<Node, (usize, String)> {
    let span = span_in(whole, raw);
    let wrong = |error: serde_json::Error| (span.start, format!("is not JSON: {error}"));
    if depth > MAX_DEPTH {
        return Err((span.start, format!("is nested deeper than {MAX_DEPTH} levels")));
    }
    *nodes += 1;
    if *nodes > MAX_NODES {
        return Err((span.start, format!("contains more than {MAX_NODES} values")));
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
