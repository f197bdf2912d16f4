//! The text of a file, with conversions from byte offsets to lines and columns.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use doorward_file::encoding::{self, Decoded, Encoding, Undecodable};
use doorward_model::{Gap, GapReason};

use crate::FileError;

/// The number of bytes for which characters are counted once. A position then costs at most one block, also in a plan
/// that is one line of many megabytes.
const BLOCK: usize = 4096;

/// An input file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path as printed: with `/` between folders.
    pub path: String,
    /// Its text. It is shared and never copied: a plan may have hundreds of megabytes.
    pub text: Arc<String>,
    /// Its character encoding.
    pub encoding: Encoding,
    /// Whether the file begins with a byte order mark, which `text` does not contain.
    pub marked: bool,
    /// Whether the user named it. A file that was found in a folder is ignored if it is of no dialect.
    pub named: bool,
}

impl SourceFile {
    /// A file from its bytes.
    ///
    /// # Errors
    ///
    /// Bytes that are neither UTF-8 nor UTF-16, with the line of the first invalid byte.
    pub fn new(path: impl Into<String>, bytes: Vec<u8>, named: bool) -> Result<Self, FileError> {
        let path = path.into();
        match encoding::decode(bytes) {
            Ok(Decoded { encoding, marked, text }) => Ok(Self { path, text: Arc::new(text), encoding, marked, named }),
            Err(Undecodable { line, problem }) => {
                Err(FileError { file: path, line, column: 1, message: problem.to_owned() })
            }
        }
    }

    /// The bytes of the file, in its own encoding.
    pub fn bytes(&self) -> Vec<u8> {
        encoding::encode(&self.text, self.encoding, self.marked)
    }

    /// The path of its folder; empty for the current folder.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its name without the folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

/// A range of a file. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRange {
    /// The file.
    pub file: String,
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column after the last one.
    pub end_column: usize,
    /// The same range in bytes.
    pub span: Range<usize>,
}

impl SourceRange {
    /// The beginning of a file, for a statement about the whole file.
    pub fn at_start(file: String) -> Self {
        Self { file, line: 1, column: 1, end_line: 1, end_column: 1, span: 0..0 }
    }

    /// The sort key.
    pub(crate) fn order(&self) -> (&str, usize, usize) {
        (&self.file, self.line, self.column)
    }
}

impl std::fmt::Display for SourceRange {
    /// `main.tf:12:28`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The text of a file with an index of its lines and characters, for files of any size and lines of any length.
#[derive(Debug)]
pub(crate) struct SourceText<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    /// The byte offset of each line.
    lines: Vec<usize>,
    /// The number of characters before each block; empty if the text is ASCII.
    blocks: Vec<usize>,
    /// The line break of the file.
    pub(crate) newline: &'static str,
    /// The gaps of what no declaration of the file contains, by its name.
    undeclared: RefCell<BTreeMap<&'static str, Arc<Gap>>>,
}

impl<'a> SourceText<'a> {
    pub(crate) fn new(source: &'a SourceFile) -> Self {
        let text = source.text.as_str();
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
        Self { path: &source.path, text, lines, blocks, newline, undeclared: RefCell::default() }
    }

    /// The gap of what the file does not declare. Its declarations share it, because a plan may have a hundred thousand of them.
    pub(crate) fn undeclared(&self, what: &'static str) -> Arc<Gap> {
        let gap = || {
            let message = format!("{what} is not declared");
            Arc::new(Gap::new(GapReason::Undeclared, self.path).with_message(message))
        };
        self.undeclared.borrow_mut().entry(what).or_insert_with(gap).clone()
    }

    /// The lines and columns of a byte range.
    pub(crate) fn place(&self, span: Range<usize>) -> SourceRange {
        let start = span.start.min(self.text.len());
        let end = span.end.clamp(start, self.text.len());
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        SourceRange { file: self.path.to_owned(), line, column, end_line, end_column, span: start..end }
    }

    /// The byte offset of a line and column, both from 1; the nearest offset if there is no such place.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }

    /// The whole line around a byte offset, without its line break.
    pub(crate) fn line_of(&self, at: usize) -> &'a str {
        self.text[self.line_start(at)..].lines().next().unwrap_or_default()
    }

    /// The byte offset at which the line around a byte offset begins.
    pub(crate) fn line_start(&self, at: usize) -> usize {
        self.lines.get(self.line_index(at)).copied().unwrap_or_default()
    }

    fn line_index(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// An error at a byte offset.
    pub(crate) fn error(&self, at: usize, message: impl Into<String>) -> FileError {
        let (line, column) = self.position(at.min(self.text.len()));
        FileError { file: self.path.to_owned(), line, column, message: message.into() }
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let column = 1 + self.characters_before(at) - self.characters_before(self.line_start(at));
        (self.line_index(at) + 1, column)
    }

    fn characters_before(&self, at: usize) -> usize {
        match self.blocks.get(at / BLOCK) {
            Some(before) => before + characters(&self.text.as_bytes()[at / BLOCK * BLOCK..at]),
            // Either the text is ASCII, or it ends exactly where the next block would begin.
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
            let source = SourceFile::new("x", text.repeat(20).into_bytes(), true).unwrap();
            let at = at + text.len() * 13;
            let place = SourceText::new(&source).place(at..at);
            let before = &source.text[..at];
            prop_assert_eq!(place.line, 1 + before.matches('\n').count());
            prop_assert_eq!(place.column, 1 + before.rsplit('\n').next().unwrap_or("").chars().count());
            prop_assert_eq!(SourceText::new(&source).offset(place.line, place.column), at);
        }
    }
}
