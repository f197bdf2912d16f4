//! Outside text made harmless for whoever reads it.

use std::borrow::Cow;

use crate::Observed;

/// The same text with every character made visible that steers instead of showing: controls, the marks that turn the
/// direction of writing, and what no interchange of text may hold. What comes out is one line without any control
/// character; escaping it for the format it goes into is the format's job.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
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
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
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

/// A value as people should read it: what nobody read says why. As it came: [`harmless`] is up to the output.
pub fn shown<T: ToString>(value: &Observed<T>) -> String {
    match value {
        Observed::Known(value) => value.to_string(),
        Observed::Absent => "none".to_owned(),
        Observed::Unread(gap) => format!("unknown ({})", gap.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_and_plain_text_stays() {
        for hostile in ["\u{1b}[31mred", "a\u{9b}31m", "x\r\ny", "a\u{202e}b", "\u{feff}a", "\u{200b}", "a\u{ffff}"] {
            let safe = harmless(hostile);
            assert!(!safe.chars().any(steers), "{safe:?}");
            assert_eq!(harmless(&safe), safe, "once is enough");
        }
        assert_eq!(harmless("Zahlungen – 支払い"), "Zahlungen – 支払い");
    }
}
