//! Text from outside for CSV files: text where a spreadsheet would calculate.

use std::borrow::Cow;

/// The same text for a CSV file that a spreadsheet opens: an apostrophe is put before everything that a spreadsheet would
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
    // Every character that begins a formula is one of these or not ASCII.
    let suspicious = |byte: u8| matches!(byte, b'=' | b'+' | b'-' | b'@' | b'%') || !byte.is_ascii();
    let formula = text.bytes().any(suspicious) && text.split(ends_a_cell).any(is_formula);
    let leading = needs_leading_apostrophe(text);
    if !formula && !leading {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 2);
    if leading {
        safe.push('\'');
    }
    for piece in text.split_inclusive(ends_a_cell) {
        if is_formula(piece) {
            safe.push('\'');
        }
        safe.push_str(piece);
    }
    Cow::Owned(safe)
}

/// Whether a program may take a character for the end of a cell, when its separator differs from ours or is guessed. Quotes are
/// among them: with another separator, a program no longer finds our quotes where it expects them.
fn ends_a_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n' | '\r' | ',' | '|' | '"')
}

/// Whether a spreadsheet would calculate a cell. Leading apostrophes of the text itself are skipped, so that removing the guard
/// gives the text back.
fn is_formula(cell: &str) -> bool {
    let beginning = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    beginning.starts_with(['=', '+', '-', '@', '%', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\u{ff05}'])
}

/// Whether the text as a whole would become a number, a date or a command: a leading `|` starts a program by DDE in old versions of
/// Excel, and a leading tab or carriage return is dropped by some programs together with what protects the next character.
fn needs_leading_apostrophe(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    bare.starts_with('|') || text.trim_start_matches('\'').starts_with(['\t', '\r']) || looks_like_a_number(bare)
}

fn looks_like_a_number(bare: &str) -> bool {
    bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare.chars().all(|c| {
            c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | ',' | ':' | '/' | '-' | '+' | 'e' | 'E' | '%')
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Removes the guard, as [`guarded`] documents it.
    fn freed(text: &str) -> String {
        let pieces = text
            .split_inclusive(ends_a_cell)
            .map(|piece| piece.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(piece));
        let text: String = pieces.collect();
        text.strip_prefix('\'').filter(|rest| needs_leading_apostrophe(rest)).map(str::to_owned).unwrap_or(text)
    }

    #[test]
    fn formulas_become_text() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("%1", "'%1"),
            (" =1", "' =1"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\tx", "'\tx"),
            ("|cmd", "'|cmd"),
            ("'|cmd", "''|cmd"),
            ("\u{ff05}1", "'\u{ff05}1"),
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
        fn the_guard_holds_and_comes_off(text in "['\"=+@; ,|\t\r\n0-9a-z.-]{0,12}") {
            let safe = guarded(&text);
            for cell in safe.split(ends_a_cell) {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '%']), "{safe:?}");
            }
            prop_assert_eq!(freed(&safe), text);
        }
    }
}
