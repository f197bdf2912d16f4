//! Outside text on a terminal: names and tags are data, never escape codes.

use std::borrow::Cow;

/// The same text with everything that could steer a terminal made visible: control characters and the marks that turn
/// the direction of writing.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        for hostile in ["\u{1b}[31mred", "a\u{9b}31m", "x\r\ny", "a\u{202e}b", "\u{7}"] {
            let safe = harmless(hostile);
            assert!(!safe.chars().any(|c| c.is_control() && c != '\n'), "{safe:?}");
            assert!(!safe.contains('\u{202e}'));
        }
        assert_eq!(harmless("Zahlungen – 支払い"), "Zahlungen – 支払い");
    }
}
