//! What the lines of an object are, packed or not, so that copies and joined copies of it are found without comparing all lines.

use std::hash::{DefaultHasher, Hash, Hasher};

/// How many of the first bytes identify a log, and how many of a line identify it: a line has a time to the microsecond, and a client's
/// address and port.
const FIRST: usize = 512;

/// The length of the lines of an object, their CRC-32, and what its first and last line are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint {
    length: u64,
    crc: u32,
    first: u64,
    /// The first line.
    pub(crate) first_line: LineHash,
    /// The last line.
    pub(crate) last_line: LineHash,
    /// The members that it is packed in, not more than one unless files were joined; one if it is not packed.
    pub(crate) members: u64,
    /// Lines occur more than once in it, as far as they were compared.
    repeats: bool,
}

/// A line, as good as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LineHash(u64);

impl LineHash {
    /// Of a line with its line feed or without.
    pub(crate) fn of(line: &[u8]) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Self(hash(&line[..line.len().min(FIRST)]))
    }

    /// Whether it is one of every so many lines, the same ones in every file.
    pub(crate) const fn is_sample(self, every: u64) -> bool {
        self.0.is_multiple_of(every)
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Fingerprint {
    /// Of lines that are in memory.
    pub(crate) fn of_one_member(text: &[u8], crc: u32) -> Self {
        Self {
            length: text.len() as u64,
            crc,
            first: hash(&text[..text.len().min(FIRST)]),
            first_line: LineHash::of(first_line(text)),
            last_line: LineHash::of(last_line(text)),
            members: 1,
            repeats: false,
        }
    }

    pub(crate) const fn with_repeats(self, repeats: bool) -> Self {
        Self { repeats, ..self }
    }

    /// Whether lines occur more than once.
    pub(crate) const fn repeats(self) -> bool {
        self.repeats
    }

    /// The part that is equal for files with the same lines, however they are compressed.
    pub(crate) const fn content(self) -> (u64, u32, u64) {
        (self.length, self.crc, self.first)
    }
}

fn first_line(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).map_or(text, |end| &text[..end])
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    memchr::memrchr(b'\n', text).map_or(text, |feed| &text[feed + 1..])
}

/// The fingerprint of an object that is read in pieces.
#[derive(Default)]
pub(crate) struct Gathering {
    crc: libdeflater::Crc,
    first: Vec<u8>,
    first_line: Option<LineHash>,
    last_line: Option<LineHash>,
}

impl Gathering {
    /// Adds bytes as they come.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.first.extend_from_slice(&bytes[..bytes.len().min(FIRST - self.first.len())]);
    }

    /// Adds whole lines.
    pub(crate) fn ready(&mut self, lines: &[u8]) {
        if !lines.is_empty() {
            self.first_line.get_or_insert_with(|| LineHash::of(first_line(lines)));
            self.last_line = Some(LineHash::of(last_line(lines)));
        }
    }

    /// The fingerprint of so many bytes.
    pub(crate) fn finish(self, length: u64) -> Fingerprint {
        let nothing = LineHash(0);
        Fingerprint {
            length,
            crc: self.crc.sum(),
            first: hash(&self.first),
            first_line: self.first_line.unwrap_or(nothing),
            last_line: self.last_line.unwrap_or(nothing),
            members: 1,
            repeats: false,
        }
    }
}
