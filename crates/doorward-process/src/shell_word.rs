//! Text from outside as a word of a command line.

/// Whether a text is one word to every shell, which takes it as it is: nothing in it is expanded or ends the word, and it is no flag.
pub fn is_shell_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./@:+,".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_words_are_words() {
        for (text, word) in [
            ("payments", true),
            ("team-a/web_1", true),
            ("größe", true),
            ("/Workloads/Prod", true),
            ("20261102T090000.000000Z-100000000002", true),
            ("two words", false),
            ("$(touch x)", false),
            ("`touch x`", false),
            ("a;b", false),
            ("a*", false),
            ("~root", false),
            ("-rf", false),
            ("(owner unread)", false),
            ("a\u{202e}b", false),
            ("", false),
        ] {
            assert_eq!(is_shell_word(text), word, "{text:?}");
        }
    }
}
