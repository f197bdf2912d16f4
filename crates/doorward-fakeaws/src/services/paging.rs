//! Pages and the opaque tokens between them.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Map, Value};

use crate::digest::digest;
use crate::failure::Failure;

/// Encodes a position as an opaque token.
pub(crate) fn encode_token(position: &str) -> String {
    let mut token = format!("{:08x}", digest(&["page", position]) & 0xffff_ffff);
    for byte in position.bytes() {
        token.push_str(&format!("{byte:02x}"));
    }
    token
}

/// The position in a token; `None` if it was not made by [`encode_token`].
pub(crate) fn decode_token(token: &str) -> Option<String> {
    let hex = token.get(8..)?;
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    let position = String::from_utf8(bytes?).ok()?;
    (encode_token(&position) == token).then_some(position)
}

/// The page size: that of the request within `1..=most`, by default `most`, and at most that of the world.
pub(crate) fn size(
    asked: Option<Result<i64, ()>>,
    most: usize,
    world: Option<usize>,
    name: &str,
) -> Result<usize, Failure> {
    let asked = match asked {
        None => most,
        Some(Ok(number)) if number >= 1 && usize::try_from(number).is_ok_and(|n| n <= most) => {
            usize::try_from(number).unwrap_or(most)
        }
        Some(_) => {
            return Err(Failure::Invalid(format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: \
                 Member must have value between 1 and {most}"
            )));
        }
    };
    Ok(asked.min(world.unwrap_or(usize::MAX)).max(1))
}

/// One page of a list.
pub(crate) struct Page<'a, T> {
    pub(crate) items: &'a [T],
    pub(crate) next: Option<String>,
}

/// Cuts a page out of `all`. With `empty_pages`, an empty page precedes every page but the first, and the first as well
/// when it is the only one, so that a caller that stops at an empty page always loses entries.
pub(crate) fn page<'a, T>(all: &'a [T], token: Option<&str>, size: usize, empty_pages: bool) -> Option<Page<'a, T>> {
    let (start, served_empty) = match token {
        None => (0, false),
        Some(token) => {
            let position = decode_token(token)?;
            let (start, flag) = position.split_once('.')?;
            (start.parse().ok().filter(|start| *start <= all.len())?, flag == "e")
        }
    };
    let single = all.len() <= size;
    if empty_pages && !served_empty && !all.is_empty() && (start > 0 || single) {
        return Some(Page { items: &[], next: Some(encode_token(&format!("{start}.e"))) });
    }
    let end = (start + size).min(all.len());
    let next = (end < all.len()).then(|| encode_token(&format!("{end}.")));
    Some(Page { items: all.get(start..end)?, next })
}

impl<T> Page<'_, T> {
    /// The page as the document of a JSON service: the list under `field`, the next token under `token`.
    pub(crate) fn document(self, field: &str, token: &str, render: impl Fn(&T) -> Value) -> String {
        let mut document = Map::new();
        document.insert(field.to_owned(), self.items.iter().map(render).collect());
        if let Some(next) = self.next {
            document.insert(token.to_owned(), Value::String(next));
        }
        Value::Object(document).to_string()
    }
}

/// One page of a map behind the position `after`, and whether more follows. A position is a key, so that a page stays right when
/// an entry of an earlier page disappears.
pub(crate) fn page_after<K: Ord, V>(map: &BTreeMap<K, V>, after: Option<K>, size: usize) -> (Vec<&V>, bool) {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = map.range((start, Bound::Unbounded)).map(|(_, value)| value);
    let page = rest.by_ref().take(size).collect();
    (page, rest.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lose_nothing() {
        for (length, size, empty) in [(0, 3, true), (3, 3, true), (7, 3, true), (7, 3, false), (6, 3, false)] {
            let all: Vec<usize> = (0..length).collect();
            let (mut got, mut token, mut empties) = (Vec::new(), None::<String>, 0);
            loop {
                let page = page(&all, token.as_deref(), size, empty).unwrap();
                empties += usize::from(page.items.is_empty());
                got.extend_from_slice(page.items);
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(got, all);
            assert_eq!(empties > 0, empty || length == 0);
        }
        assert_eq!(decode_token("deadbeef00"), None);
        assert_eq!(decode_token("é"), None);
    }
}
