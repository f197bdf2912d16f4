//! JSON answers: no key twice in an object, no `null` in a list.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An answer that is not one complete, unambiguous JSON document.
#[derive(Debug, thiserror::Error)]
#[error("the response is not a complete JSON document: {0}")]
pub(super) struct IncompleteJson(#[from] serde_json::Error);

/// Checks the body of an answer. The body is empty for operations without output.
pub(super) fn check(body: &[u8]) -> Result<(), IncompleteJson> {
    if body.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<Unambiguous>(body)?;
    Ok(())
}

/// A value without ambiguity in it.
struct Unambiguous {
    /// Whether it is `null`.
    null: bool,
}

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: false })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: false })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: false })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: false })
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: false })
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous { null: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unambiguous, A::Error> {
        while let Some(entry) = list.next_element::<Unambiguous>()? {
            if entry.null {
                // No service that Doorward calls sends one, and the SDK would drop it.
                return Err(A::Error::custom("a list contains null"));
            }
        }
        Ok(Unambiguous { null: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Unambiguous, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            if keys.contains(&key) {
                object.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom(format!("the key {key:?} appears twice in one object")));
            }
            object.next_value::<Unambiguous>()?;
            keys.insert(key);
        }
        Ok(Unambiguous { null: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_meaning_passes() {
        for good in [
            "",
            "{}",
            r#"{"Accounts": [{"Id": "1", "Paths": []}, {"Id": "2"}], "NextToken": null}"#,
            r#"{"a": {"k": 1, "v": -2.5}, "b": {"k": true, "v": "text"}}"#,
        ] {
            check(good.as_bytes()).unwrap_or_else(|e| panic!("{good}: {e}"));
        }
    }

    #[test]
    fn two_meanings_and_half_documents_do_not() {
        for (bad, said) in [
            (r#"{"Accounts": [{"Id": "1"}], "Accounts": []}"#, "\"Accounts\" appears twice"),
            (r#"{"Accounts": [], "\u0041ccounts": []}"#, "\"Accounts\" appears twice"),
            (r#"{"Accounts": [{"Id": "1", "Id": "2"}]}"#, "\"Id\" appears twice"),
            (r#"{"Regions": [{"RegionName": "eu-west-1"}, null]}"#, "contains null"),
            (r#"{"Accounts": []"#, "not a complete"),
            (r#"{"Accounts": []} {}"#, "not a complete"),
            ("not JSON", "not a complete"),
        ] {
            let problem = check(bad.as_bytes()).expect_err(bad).to_string();
            assert!(problem.contains(said), "{bad}: {problem}");
        }
    }
}
