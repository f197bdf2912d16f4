//! Rust source as identifiers and punctuation, without comments, texts and code that only tests compile.
//!
//! Enough to find paths and definitions; a parser of the whole language would have to be kept up to date with it.

/// An identifier, or one character of punctuation. A text or character literal is the token `"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// The line of the file, from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    /// Whether it is an identifier or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }
}

/// The tokens of a source file, without the items under `#[cfg(test)]`.
pub(super) fn read(text: &str) -> Vec<Token<'_>> {
    without_tests(split(text))
}

fn split(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, token) = piece(rest, first);
        if let Some(token) = token {
            tokens.push(Token { text: token, line });
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// The length of what a text starts with, and its token; none for white space, comments and numbers.
fn piece(rest: &str, first: char) -> (usize, Option<&str>) {
    const LITERAL: Option<&str> = Some("\"");
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if first == '"' {
        return (quoted(rest, '"'), LITERAL);
    }
    if first == '\'' {
        // A lifetime has no second quote: 'a is one, 'a' is a character.
        let mut chars = rest[1..].chars();
        let (one, two) = (chars.next(), chars.next());
        if one == Some('\\') || two == Some('\'') {
            return (quoted(rest, '\''), LITERAL);
        }
        let name = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len() - 1);
        return (1 + name, None);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        return match word {
            "r" | "br" | "cr" => raw(rest, length).map_or((length, Some(word)), |length| (length, LITERAL)),
            "b" | "c" if after.starts_with('"') => (length + quoted(after, '"'), LITERAL),
            "b" if after.starts_with('\'') => (length + quoted(after, '\''), LITERAL),
            _ => (length, Some(word)),
        };
    }
    if first.is_ascii_digit() {
        return (rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()), None);
    }
    let length = first.len_utf8();
    (length, (!first.is_whitespace()).then(|| &rest[..length]))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a literal, from its opening quote to behind its closing one.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a raw text literal whose prefix has the given length; none when it is an identifier such as `r#type`.
fn raw(rest: &str, prefix: usize) -> Option<usize> {
    let hashes = rest[prefix..].chars().take_while(|c| *c == '#').count();
    let body = rest[prefix + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = prefix + hashes + 1;
    Some(body.find(&end).map_or(rest.len(), |at| opening + at + end.len()))
}

fn without_tests(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let texts = rest.iter().map(|token| token.text);
        if texts.take(MARK.len()).eq(MARK) {
            rest = &rest[MARK.len()..];
            rest = &rest[item(rest)..];
        } else {
            kept.push(*first);
            rest = after;
        }
    }
    kept
}

/// How many tokens the item has that starts here: up to its `;` or its closing brace.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        read(text).into_iter().filter(Token::is_word).map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_are_no_words() {
        assert_eq!(words("a /* b /* c */ d */ e // f\ng"), ["a", "e", "g"]);
        assert_eq!(words(r##"a("b \" c", r#"d " e"#, b"f", 'g', '\'', b'h', x)"##), ["a", "x"]);
        assert_eq!(words("fn f<'a>(x: &'a str) -> char { 'y' }"), ["fn", "f", "x", "str", "char"]);
        assert_eq!(words("let r#type = 0x1f_u8;"), ["let", "r", "type"]);
    }

    #[test]
    fn lines_are_counted_through_literals_and_comments() {
        let tokens = read("a\n/*\n\n*/ b \"\n\" c");
        let lines: Vec<(&str, usize)> = tokens.iter().map(|token| (token.text, token.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 4), ("\"", 4), ("c", 5)]);
    }

    #[test]
    fn items_of_tests_are_left_out() {
        assert_eq!(words("a; #[cfg(test)] use b::{c, d}; e"), ["a", "e"]);
        assert_eq!(words("a #[cfg(test)] #[path = \"x\"] mod tests { fn f() { b } } c"), ["a", "c"]);
    }
}
