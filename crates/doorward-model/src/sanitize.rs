//! Text from outside, made safe to read: control and invisible characters become visible.

use std::borrow::Cow;

use crate::Observed;

/// The same text with every control and invisible character written as `\u{1b}`: control characters, marks that change the
/// direction of writing, zero-width characters, tags, and code points that no interchange format may hold. The result is one line;
/// escaping it for a format is the format's job.
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, is_control_or_invisible)
}

/// The same, but line feeds stay: for terminals, workbooks and CSV files.
pub fn harmless_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_control_or_invisible(c))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Nearly every text is printable ASCII, and comparing bytes is much faster than comparing characters.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_escaped(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Splits a sentence at its first code span: the text up to the first pair of backticks, the code between them, and the rest.
pub fn code_span(text: &str) -> Option<(&str, &str, &str)> {
    let (plain, rest) = text.split_once('`')?;
    let (code, more) = rest.split_once('`')?;
    (!code.trim().is_empty()).then_some((plain, code, more))
}

/// A sentence as HTML: code spans become `<code>` elements, everything else goes through `escaped`.
pub fn html_prose(text: &str, escaped: impl Fn(&str) -> String) -> String {
    let (mut safe, mut rest) = (String::new(), text);
    while let Some((before, code, more)) = code_span(rest) {
        safe.push_str(&escaped(before));
        safe.push_str("<code>");
        safe.push_str(&escaped(code));
        safe.push_str("</code>");
        rest = more;
    }
    safe.push_str(&escaped(rest));
    safe
}

/// Whether a character is not visible as itself: the only such table.
pub fn is_control_or_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Text inside a line of Markdown: shows as it is, with no markup, link or HTML of its own. Words that only look like
/// markup elsewhere, such as `a-b` and `1.5`, stay readable.
pub fn markdown(text: &str) -> String {
    let text = harmless(text);
    let mut safe = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    let leading_digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text.chars().enumerate().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map_or(' ', |(_, c)| *c);
        let escape = match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '!' | '|' | '~' | '&' | '@' | '$' => {
                true
            }
            // Blocks begin at the start of a line only, and links bare of any markup at a scheme or www.
            '-' | '+' | '=' => at == 0,
            '.' => (at == leading_digits && at > 0 && next == ' ') || matches!(before, 'w' | 'W'),
            ')' => at == leading_digits && at > 0 && next == ' ',
            ':' => before.is_alphanumeric() && !next.is_whitespace() && (next == '/' || is_mail(&safe)),
            _ => false,
        };
        if escape {
            safe.push('\\');
        }
        safe.push(c);
        before = c;
    }
    safe
}

/// Whether what stands before a colon makes a mail or chat address of what follows.
fn is_mail(before: &str) -> bool {
    let before = before.to_lowercase();
    before.ends_with("mailto") || before.ends_with("xmpp")
}

/// A value in words: `none` where it is absent, the reason where it could not be read. Not sanitized: outputs call [`harmless`].
pub fn shown<T: ToString>(value: &Observed<T>) -> String {
    match value {
        Observed::Known(value) => value.to_string(),
        Observed::Absent => "none".to_owned(),
        Observed::Unread(gap) => format!("unknown ({})", gap.reason),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_and_invisible_characters_become_visible() {
        for hostile in [
            "\u{1b}[31mred",
            "a\u{9b}31m",
            "x\r\ny",
            "a\u{202e}b",
            "\u{feff}a",
            "\u{200b}",
            "a\u{ffff}",
            "\u{ad}",
            "\u{2060}",
            "\u{206a}",
            "\u{fff9}",
            "\u{e0041}",
            "\u{7}",
            "\u{fdd0}",
        ] {
            for safe in [harmless(hostile), harmless_lines(hostile)] {
                assert!(!safe.chars().any(|c| c != '\n' && is_control_or_invisible(c)), "{safe:?}");
                assert_eq!(harmless_lines(&safe), safe, "sanitizing twice changes nothing");
            }
        }
        for plain in ["Zahlungen \u{2013} \u{652f}\u{6255}\u{3044}", "web-1"] {
            assert_eq!(harmless(plain), plain);
        }
        assert_eq!((harmless("a\nb").as_ref(), harmless_lines("a\nb").as_ref()), ("a\\u{a}b", "a\nb"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn no_text_keeps_an_invisible_character(text in any::<String>()) {
            prop_assert!(!harmless(&text).chars().any(is_control_or_invisible));
            prop_assert!(!harmless_lines(&text).chars().any(|c| c != '\n' && is_control_or_invisible(c)));
        }
    }
}
