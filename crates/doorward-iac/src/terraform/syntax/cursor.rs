//! A position in the text of a configuration, with the rules for space, comments and names.

use super::SyntaxError;

/// The maximum nesting of expressions and blocks. It protects the recursion of parser and evaluation.
const MAX_DEPTH: usize = 100;

/// The maximum number of binary operators of which each is an operand of the next: `1 + 1 + 1`. It protects the recursion as well.
const MAX_OPERATORS: usize = 500;

/// A position in a text.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    /// Whether a line break ends an expression. It does not within parentheses and brackets.
    pub(super) lines_end: bool,
    depth: usize,
    /// The number of operators of which each is an operand of the next, in the expression that was parsed last.
    pub(super) operators: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, lines_end: true, depth: 0, operators: 0 }
    }

    /// The text from the position on.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn starts(&self, word: &str) -> bool {
        self.rest().starts_with(word)
    }

    /// Moves behind a word if the text continues with it.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.starts(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, message: message.into() }
    }

    /// The error for a text that continues with something else than `expected`.
    pub(super) fn unexpected(&self, expected: &str) -> SyntaxError {
        match self.peek() {
            None => self.error(format!("the file ends where {expected} is expected")),
            Some('\n' | '\r') => self.error(format!("the line ends where {expected} is expected")),
            Some(found) => self.error(format!("{found:?} stands where {expected} is expected")),
        }
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), SyntaxError> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    /// Skips spaces and comments, and line breaks unless they end an expression.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let lines_end = self.lines_end;
            let skipped =
                rest.trim_start_matches(|c: char| c == ' ' || c == '\t' || (!lines_end && (c == '\n' || c == '\r')));
            self.at += rest.len() - skipped.len();
            if skipped.starts_with('#') || skipped.starts_with("//") {
                self.at += skipped.find('\n').unwrap_or(skipped.len());
                if lines_end {
                    return;
                }
            } else if skipped.starts_with("/*") {
                self.at += skipped.find("*/").map_or(skipped.len(), |end| end + 2);
            } else if lines_end && skipped.starts_with("\r\n") {
                // The carriage return belongs to the line break.
                return;
            } else {
                return;
            }
        }
    }

    /// Skips spaces, comments and line breaks.
    pub(super) fn skip_lines(&mut self) {
        let before = std::mem::replace(&mut self.lines_end, false);
        self.skip_space();
        self.lines_end = before;
    }

    /// Whether the text continues with the end of a line or of the file.
    pub(super) fn is_line_end(&self) -> bool {
        matches!(self.peek(), None | Some('\n' | '\r'))
    }

    /// Takes a name: letters, digits, `_` and `-`, beginning with a letter or `_`.
    pub(super) fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let first = rest.chars().next().filter(|c| c.is_alphabetic() || *c == '_')?;
        let more = rest[first.len_utf8()..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        let end = more.map_or(rest.len(), |more| first.len_utf8() + more);
        self.at += end;
        Some(&rest[..end])
    }

    /// Takes a keyword, which no other character of a name follows.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let before = self.at;
        if self.name() == Some(word) {
            return true;
        }
        self.at = before;
        false
    }

    /// Counts an operator around the expression that was parsed last.
    pub(super) fn count_operator(&mut self) -> Result<(), SyntaxError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(self.error(format!("an expression has more than {MAX_OPERATORS} operators")));
        }
        Ok(())
    }

    /// Runs a parser one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        lines_end: bool,
        parse: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("expressions are nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let before = std::mem::replace(&mut self.lines_end, lines_end);
        let result = parse(self);
        self.lines_end = before;
        self.depth -= 1;
        result
    }
}
