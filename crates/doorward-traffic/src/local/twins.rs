//! Files with the name of one log: copies of it, if their lines are the same.
//!
//! A load balancer gives every file another name. Two files of one name with different lines are a log and another thing: an
//! extract, a file that was edited, a download that ended early. Which one is the log cannot be known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::LogFile;
use super::joined::lines;
use crate::fingerprint::Fingerprint;
use crate::inflate::{Growth, MAGIC, Stream};
use crate::object::Key;
use crate::read::Limits;
use crate::tally::{LoadBalancerKey, Tally};

/// Puts copies behind the files, so that they are merged after the files that they are copies of.
pub(super) fn append(files: &mut Vec<LogFile>, mut copies: Vec<(String, LogFile)>) {
    if copies.is_empty() {
        return;
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        if let Key::AccessLog(object) = Key::read(&file.key()) {
            numbers.insert(object.identity().to_owned(), number);
        }
    }
    copies.sort_unstable_by(|(_, one), (_, other)| one.path.cmp(&other.path));
    // A log that is no file was refused, and its first copy is read in its place.
    for (identity, file) in copies {
        let copy_of = numbers.get(&identity).copied();
        if copy_of.is_none() {
            numbers.insert(identity, files.len());
        }
        files.push(LogFile { copy_of, ..file });
    }
}

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileLines {
    /// What is equal for files with the same lines; none of a file that is damaged, or has no lines.
    pub(super) whole: Option<(u64, u32, u64)>,
    /// Lines that were read.
    pub(super) lines: u64,
    damaged: bool,
    packed: bool,
}

/// Whether a file with the name of another one is a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twin {
    /// It has no line that the other one lacks, as far as it could be read.
    Copy,
    /// It is a copy if it has the beginning of the other one, as a file has that was not unpacked to its end.
    Beginning,
    /// It has other lines.
    Different,
}

impl FileLines {
    pub(super) fn of(tally: &Tally, fingerprint: Option<&Fingerprint>) -> Self {
        let reading = &tally.reading;
        Self {
            whole: fingerprint.map(|fingerprint| fingerprint.content()),
            lines: lines(tally),
            damaged: reading.damaged.count + reading.unread.count > 0,
            packed: reading.stored_bytes != reading.bytes,
        }
    }

    /// What this file is to another one that has the same name and was read before.
    pub(super) fn beside(&self, other: &Self) -> Twin {
        if other.damaged {
            // Advice waits for the other one as it is, whatever this one has.
            return Twin::Copy;
        }
        match (self.whole, other.whole) {
            (Some(own), Some(of_other)) if own == of_other => Twin::Copy,
            _ if self.lines == 0 => Twin::Copy,
            // A copy that ended early.
            _ if self.damaged && self.lines <= other.lines => Twin::Copy,
            (Some(_), Some(_)) if !self.packed && other.packed && self.lines <= other.lines => Twin::Beginning,
            _ => Twin::Different,
        }
    }
}

/// A file with the name of another one and, perhaps, other lines.
pub(super) struct Differing {
    pub(super) number: usize,
    pub(super) original: usize,
    /// The load balancers of its lines.
    pub(super) concerned: BTreeSet<LoadBalancerKey>,
    pub(super) content: FileLines,
    pub(super) twin: Twin,
}

impl Differing {
    /// Whether it has the beginning of the other file.
    pub(super) fn is_beginning_of(&self, other: &Path) -> bool {
        let Some((length, crc, _)) = self.content.whole.filter(|_| self.twin == Twin::Beginning) else { return false };
        crc_of_beginning(other, length).is_ok_and(|beginning| beginning == crc)
    }
}

/// The CRC-32 of so many bytes of the lines of a packed file, from the first one on.
fn crc_of_beginning(path: &Path, length: u64) -> io::Result<u32> {
    let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
    if !file.fill_buf()?.starts_with(&MAGIC) {
        return Err(io::Error::other("it is not packed"));
    }
    let growth = Growth { floor: 16 * 1024 * 1024, ratio: Limits::default().growth };
    let mut text = Stream::new(file, growth).take(length);
    let (mut crc, mut piece) = (libdeflater::Crc::new(), vec![0; 64 * 1024]);
    loop {
        match text.read(&mut piece)? {
            0 => return Ok(crc.sum()),
            read => crc.update(&piece[..read]),
        }
    }
}

/// Why such a file is not counted.
pub(super) fn why(original: Option<&LogFile>) -> String {
    format!(
        "it has the name of {} and other lines, so that one of the two is not the log; keep the one that the load balancer wrote",
        original.map(|file| file.path.display().to_string()).unwrap_or_default()
    )
}
