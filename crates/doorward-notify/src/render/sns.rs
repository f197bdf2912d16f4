//! A message for a topic: a subject of plain ASCII and plain text.

use super::{Message, text};

/// Longest subject that SNS takes, in characters.
const SUBJECT: usize = 100;
/// Largest message that SNS takes, in bytes; attributes count too.
const MESSAGE: usize = 256 * 1024 - 1024;

/// Subject and message.
pub(crate) fn render(headline: &str, message: &Message) -> (String, String) {
    (subject(headline), text::render(message, MESSAGE))
}

/// Begins with a letter, since all of ours do; what is not printable ASCII becomes a question mark.
fn subject(headline: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let mut subject: String = super::defanged(headline).chars().map(plain).collect();
    if subject.len() > SUBJECT {
        subject.truncate(SUBJECT - 3);
        subject.push_str("...");
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_short_and_plain() {
        for hostile in ["支払い", "a\r\nBcc: x@x.example", &"x".repeat(500), "\u{202e}y", ""] {
            let subject = subject(&format!("Doorward: 1 change for {hostile}"));
            assert!(subject.len() <= 100 && subject.starts_with("Doorward"), "{subject}");
            assert!(subject.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{subject}");
        }
    }
}
