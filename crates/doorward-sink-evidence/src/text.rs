//! Outside text in files that people open: visible where it would steer, text where it would be calculated.

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

/// The same text for a CSV file that a spreadsheet opens: an apostrophe stands before everything that would be calculated
/// or turned into a number or date. It does so at the beginning and after everything that some program takes for the end
/// of a cell. Removing one apostrophe at each of these places gives the text back.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    // What calculates is one of these or beyond ASCII.
    let suspicious = |byte: u8| matches!(byte, b'=' | b'+' | b'-' | b'@' | b'%') || !byte.is_ascii();
    let calculated = text.bytes().any(suspicious) && text.split(ends_a_cell).any(calculates);
    if !calculated && !looks_like_a_number(text) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 2);
    if looks_like_a_number(text) {
        safe.push('\'');
    }
    for piece in text.split_inclusive(ends_a_cell) {
        if calculates(piece) {
            safe.push('\'');
        }
        safe.push_str(piece);
    }
    Cow::Owned(safe)
}

/// What a program takes for the end of a cell when it is told, or guesses, another separator than ours.
fn ends_a_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n' | '\r' | ',' | '|')
}

/// Whether a spreadsheet would calculate it. What is written with apostrophes in front already is counted in, so that
/// the guard can be taken away again.
fn calculates(cell: &str) -> bool {
    let beginning = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    beginning.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '%'])
}

fn looks_like_a_number(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare.chars().all(|c| {
            c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | ',' | ':' | '/' | '-' | '+' | 'e' | 'E' | '%')
        })
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

    /// Takes the guard away, as `guarded` documents it.
    fn freed(text: &str) -> String {
        let pieces = text
            .split_inclusive(ends_a_cell)
            .map(|piece| piece.strip_prefix('\'').filter(|rest| calculates(rest)).unwrap_or(piece));
        let text: String = pieces.collect();
        text.strip_prefix('\'').filter(|rest| looks_like_a_number(rest)).map(str::to_owned).unwrap_or(text)
    }

    #[test]
    fn what_would_be_calculated_is_text() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a;=1+1", "a;'=1+1"),
            ("a,\"=1", "a,'\"=1"),
            ("000123456789", "'000123456789"),
            ("1e5", "'1e5"),
            ("1-2", "'1-2"),
            ("'=1", "''=1"),
            ("web-1", "web-1"),
            ("'tis", "'tis"),
            ("2026-11-02T09:00:00Z", "2026-11-02T09:00:00Z"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), safe);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn the_guard_holds_and_comes_off(text in "['\"=+@; ,|\n0-9a-z.-]{0,12}") {
            let safe = guarded(&text);
            for cell in safe.split(ends_a_cell) {
                let cell = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '%']), "{safe:?}");
            }
            prop_assert_eq!(freed(&safe), text);
        }

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
