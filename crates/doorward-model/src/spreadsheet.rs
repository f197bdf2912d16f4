//! Outside text for CSV files: text where a spreadsheet would calculate.

use std::borrow::Cow;

/// The same text for a CSV file that a spreadsheet opens: an apostrophe stands before everything that a spreadsheet would
/// calculate or turn into a number or date. It does so at the beginning of the text and after everything that a program
/// may take for the end of a cell: Excel splits at the list separator of its machine, not at the comma of the file, and
/// then reads quotes as it likes. Removing one apostrophe at each of these places gives the text back.
///
/// Control characters are the caller's job ([`crate::harmless`]): which of them may stay depends on the file.
///
/// ```
/// use doorward_model::guarded;
///
/// assert_eq!(guarded("=1+1"), "'=1+1");
/// assert_eq!(guarded("a;=1+1"), "a;'=1+1");
/// assert_eq!(guarded("web-1"), "web-1");
/// ```
pub fn guarded(text: &str) -> Cow<'_, str> {
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

/// What a program takes for the end of a cell when another separator than ours is set, or guessed. A quote counts too:
/// once the separator is another one, our quotes are no longer where that program expects them.
fn ends_a_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n' | '\r' | ',' | '|' | '"')
}

/// Whether a spreadsheet would calculate it. What is written with apostrophes in front already is counted in, so that
/// the guard can be taken away again.
fn calculates(cell: &str) -> bool {
    let beginning = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    beginning.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '%'])
}

fn looks_like_a_number(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare.chars().all(|c| {
            c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | ',' | ':' | '/' | '-' | '+' | 'e' | 'E' | '%')
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes the guard away, as [`guarded`] documents it.
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
            ("%1", "'%1"),
            (" =1", "' =1"),
            ("\t=1", "\t'=1"),
            ("\r=1", "\r'=1"),
            ("a\n=1", "a\n'=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a;=1+1", "a;'=1+1"),
            ("a,=1+1", "a,'=1+1"),
            ("a|=1+1", "a|'=1+1"),
            ("a;+1;-2", "a;'+1;'-2"),
            ("\"=1", "\"'=1"),
            ("a\"=1", "a\"'=1"),
            ("a,\"=1", "a,\"'=1"),
            ("a;\" =1\"", "a;\"' =1\""),
            ("000123456789", "'000123456789"),
            ("1e5", "'1e5"),
            ("1-2", "'1-2"),
            ("'=1", "''=1"),
            ("web-1", "web-1"),
            ("a = b", "a = b"),
            ("a; b", "a; b"),
            ("say \"x\"", "say \"x\""),
            ("'tis", "'tis"),
            ("2026-11-02T09:00:00Z", "2026-11-02T09:00:00Z"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), safe, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn the_guard_holds_and_comes_off(text in "['\"=+@; ,|\n0-9a-z.-]{0,12}") {
            let safe = guarded(&text);
            for cell in safe.split(ends_a_cell) {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '%']), "{safe:?}");
            }
            prop_assert_eq!(freed(&safe), text);
        }
    }
}
