//! Outside text in files that people open: visible where it would steer, cut where it does not fit.

use std::borrow::Cow;

/// The same text with everything that steers instead of being read made visible as `\u{1b}`: control characters other
/// than the line break, marks that turn the direction of writing, and code points that XML cannot hold.
pub(crate) fn visible(text: Cow<'_, str>) -> Cow<'_, str> {
    // Nearly every text is plain, and asking bytes is much faster than asking characters.
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\n';
    if text.bytes().all(plain) || !text.chars().any(steers) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The text as far as it fits into a cell of `limit` UTF-16 code units, with `pointer` at its end where it does not.
pub(crate) fn fitted<'a>(text: &'a str, limit: usize, pointer: impl FnOnce() -> String) -> Cow<'a, str> {
    // No UTF-8 text has more UTF-16 units than bytes.
    if text.len() <= limit || text.encode_utf16().count() <= limit {
        return Cow::Borrowed(text);
    }
    let pointer = pointer();
    let mut room = limit.saturating_sub(pointer.encode_utf16().count());
    let mut cut = String::new();
    for c in text.chars() {
        let Some(left) = room.checked_sub(c.len_utf16()) else { break };
        room = left;
        cut.push(c);
    }
    cut.push_str(&pointer);
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn nothing_steers(text in any::<String>()) {
            let safe = visible(Cow::Borrowed(&text));
            prop_assert!(!safe.chars().any(steers));
        }

        #[test]
        fn a_cut_text_fits_and_says_so(text in any::<String>(), limit in 20_usize..40) {
            let fitted = fitted(&text, limit, || "... cut".to_owned());
            let units = |text: &str| text.encode_utf16().count();
            prop_assert!(units(&fitted) <= limit);
            prop_assert_eq!(fitted == text, units(&text) <= limit);
            prop_assert!(fitted == text || fitted.ends_with("... cut"));
        }
    }
}
