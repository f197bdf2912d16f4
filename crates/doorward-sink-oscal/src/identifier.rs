//! Identifiers and texts in the forms that OSCAL takes.

use std::collections::BTreeSet;

use doorward_model::harmless;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// The namespace of the UUIDs, chosen at random once.
const NAMESPACE: [u8; 16] =
    [0x5d, 0x0c, 0x1b, 0x9a, 0x7e, 0x42, 0x4f, 0x63, 0x9b, 0x1d, 0x3e, 0xa8, 0x60, 0x2f, 0x74, 0xc5];
/// The namespace of Doorward's own properties.
pub(crate) const NS: &str = "https://github.com/doorward/doorward/oscal";

/// The UUID of a thing: version 5, of its parts.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let mut hash = Sha1::new();
    hash.update(NAMESPACE);
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let bytes = digest.iter().take(16).enumerate().map(|(n, byte)| match n {
        6 => byte & 0x0f | 0x50,
        8 => byte & 0x3f | 0x80,
        _ => *byte,
    });
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A text as OSCAL takes it: one line, not empty, without white space at its ends.
pub(crate) fn text(raw: &str) -> String {
    let clean = harmless(raw);
    let clean = clean.trim();
    if clean.is_empty() { "(empty)".to_owned() } else { clean.to_owned() }
}

/// A property in Doorward's namespace.
pub(crate) fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "ns": NS, "value": text(value) })
}

/// A point in time.
pub(crate) fn stamp(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

/// Gives tokens, each of them once.
#[derive(Default)]
pub(crate) struct Tokens(BTreeSet<String>);

impl Tokens {
    /// A token for a text: small letters, digits, `.`, `-` and `_`, beginning with a letter or `_`. Where another text has it already,
    /// it ends in a digest of its own text.
    pub(crate) fn token(&mut self, text: &str) -> String {
        let mut token = token(text);
        if self.0.contains(&token) {
            let digest = uuid(&["token", text]);
            token = format!("{token}-{}", digest.get(..8).unwrap_or_default());
        }
        self.0.insert(token.clone());
        token
    }
}

/// The token of a text, which others may have too.
pub(crate) fn token(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let plain: String = text.chars().map(kept).collect();
    let joined = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if joined.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { joined } else { format!("_{joined}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `uuid.uuid5(uuid.UUID("5d0c1b9a-7e42-4f63-9b1d-3ea8602f74c5"), "a\0b\0")` of Python.
    #[test]
    fn identifiers_are_version_5() {
        assert_eq!(uuid(&["a", "b"]), "7c7686e6-cfdb-54ae-a29c-87cce60aa7b9");
        assert_ne!(uuid(&["a", "b"]), uuid(&["ab"]));
    }

    #[test]
    fn tokens_are_given_once() {
        let mut tokens = Tokens::default();
        let given: Vec<String> = ["PCI DSS v4.0.1_1.2.5", "A.8.9", "1.2", "AC-4(21)", "AC-4 (21)", "日本", "中国"]
            .iter()
            .map(|t| tokens.token(t))
            .collect();
        assert_eq!(given[..4], ["pci-dss-v4.0.1_1.2.5", "a.8.9", "_1.2", "ac-4-21"]);
        assert!(given[4].starts_with("ac-4-21-") && given[5] == "_" && given[6].starts_with("_-"), "{given:?}");
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
    }

    #[test]
    fn texts_are_one_line_and_not_empty() {
        for (raw, expected) in [("", "(empty)"), (" \u{a0}", "(empty)"), (" a b\u{2003}", "a b"), ("a\nb", "a\\u{a}b")]
        {
            assert_eq!(text(raw), expected);
        }
    }
}
