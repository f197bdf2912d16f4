//! Shortens text that does not fit into a cell.

use std::borrow::Cow;

/// The text as far as it fits into a cell of `limit` UTF-16 code units, with `pointer` at its end where it does not.
pub(super) fn fitted<'a>(text: &'a str, limit: usize, pointer: impl FnOnce() -> String) -> Cow<'a, str> {
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
        fn a_cut_text_fits_and_ends_with_the_pointer(text in any::<String>(), limit in 20_usize..40) {
            let fitted = fitted(&text, limit, || "... cut".to_owned());
            let units = |text: &str| text.encode_utf16().count();
            prop_assert!(units(&fitted) <= limit);
            prop_assert_eq!(fitted == text, units(&text) <= limit);
            prop_assert!(fitted == text || fitted.ends_with("... cut"));
        }
    }
}
