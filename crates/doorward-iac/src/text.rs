//! A file's text, and where in it something stands.

use std::ops::Range;
use std::sync::Arc;

use crate::Problem;
use crate::encoding::{self, Decoded, Encoding, Undecodable};

/// The characters of so many bytes are counted once.
const BLOCK: usize = 4096;

/// A file to be read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path, as it is to be printed: with `/` between folders.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// How the file writes its characters.
    pub encoding: Encoding,
    /// Whether a byte order mark stands before the text.
    pub marked: bool,
    /// Whether the user named it. A file that was only found is left alone where it is of no dialect.
    pub named: bool,
}

impl Source {
    /// A file from its bytes.
    ///
    /// # Errors
    ///
    /// Bytes that are neither UTF-8 nor UTF-16, with the line of the first that is not.
    pub fn new(path: impl Into<String>, bytes: Vec<u8>, named: bool) -> Result<Self, Problem> {
        let path = path.into();
        match encoding::decode(bytes) {
            Ok(Decoded { encoding, marked, text }) => Ok(Self { path, text: text.into(), encoding, marked, named }),
            Err(Undecodable { line, problem }) => {
                Err(Problem { file: path, line, column: 1, problem: problem.to_owned() })
            }
        }
    }

    /// The bytes of the file, in its own encoding.
    pub fn bytes(&self) -> Vec<u8> {
        encoding::encode(&self.text, self.encoding, self.marked)
    }

    /// The folder it lies in; empty for the current one.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its name without the folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

/// A stretch of a file. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line on which it begins.
    pub line: usize,
    /// The column at which it begins.
    pub column: usize,
    /// The line on which it ends.
    pub end_line: usize,
    /// The column before which it ends.
    pub end_column: usize,
    /// The same stretch in bytes.
    pub span: Range<usize>,
}

impl Place {
    /// The beginning of a file, for a statement about the whole file.
    pub fn at_start(file: String) -> Self {
        Self { file, line: 1, column: 1, end_line: 1, end_column: 1, span: 0..0 }
    }

    /// What places are ordered by.
    pub(crate) fn order(&self) -> (&str, usize, usize) {
        (&self.file, self.line, self.column)
    }
}

impl std::fmt::Display for Place {
    /// `main.tf:12:28`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Turns bytes into lines and columns, for files of any size and lines of any length.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    lines: Vec<usize>,
    /// The characters before each block; empty where every character is a byte.
    blocks: Vec<usize>,
    /// How the file breaks its lines.
    pub(crate) newline: &'static str,
}

impl<'a> Text<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let text = &*source.text;
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        let mut blocks = Vec::new();
        if !text.is_ascii() {
            let mut before = 0;
            for block in text.as_bytes().chunks(BLOCK) {
                blocks.push(before);
                before += characters(block);
            }
        }
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { path: &source.path, text, lines, blocks, newline }
    }

    /// Where a stretch of bytes stands.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let end = span.end.clamp(start, self.text.len());
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        Place { file: self.path.to_owned(), line, column, end_line, end_column, span: start..end }
    }

    /// The byte at which a line (from 1) and column of characters (from 1) stand, or the nearest there is.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }

    /// The whole line that holds a byte, without its break.
    pub(crate) fn line_of(&self, at: usize) -> &'a str {
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or_default();
        self.text[start..].lines().next().unwrap_or_default()
    }

    /// The byte at which the line that holds a byte begins.
    pub(crate) fn line_start(&self, at: usize) -> usize {
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        self.lines.get(line).copied().unwrap_or_default()
    }

    /// A complaint about a byte.
    pub(crate) fn problem(&self, at: usize, problem: impl Into<String>) -> Problem {
        let (line, column) = self.position(at.min(self.text.len()));
        Problem { file: self.path.to_owned(), line, column, problem: problem.into() }
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or_default();
        (line + 1, 1 + self.characters_before(at) - self.characters_before(start))
    }

    fn characters_before(&self, at: usize) -> usize {
        match self.blocks.get(at / BLOCK) {
            Some(before) => before + characters(&self.text.as_bytes()[at / BLOCK * BLOCK..at]),
            // Either every character is a byte, or the text ends exactly where a block would begin.
            None if self.blocks.is_empty() => at,
            None => characters(&self.text.as_bytes()[..at]),
        }
    }
}

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_that_an_editor_shows(text in "[a-zé支\n]{0,300}", at in 0_usize..400) {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let source = Source::new("x", text.repeat(20).into_bytes(), true).unwrap();
            let at = at + text.len() * 13;
            let place = Text::new(&source).place(at..at);
            let before = &source.text[..at];
            prop_assert_eq!(place.line, 1 + before.matches('\n').count());
            prop_assert_eq!(place.column, 1 + before.rsplit('\n').next().unwrap_or("").chars().count());
            prop_assert_eq!(Text::new(&source).offset(place.line, place.column), at);
        }
    }
}
