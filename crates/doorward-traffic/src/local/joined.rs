//! Files that hold the lines of other files: logs that were joined beside their parts (`cat *.log.gz > all.log.gz`, a merged download).
//!
//! Comparing every line with every other one would cost more than counting. So a file is looked at twice only if it cannot be what a load
//! balancer wrote: it is packed in several members, has lines of several load balancers or of more hours than a log file has, of an
//! hour that its name does not name, or begins or ends with the line of another file; and only if another file has lines of the same load
//! balancer and hour. Then each of its lines is compared with the first and the last ones of all files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::fingerprint::{Fingerprint, LineHash};
use crate::inflate::{Growth, MAGIC, Stream};
use crate::line::LONGEST;
use crate::object::{INTERVAL, Key, LogObject};
use crate::read::Limits;
use crate::tally::Tally;
use crate::window::Hour;

/// The most hours of the lines of one log file.
const HOURS: usize = 2;
/// Of the lines of joined files every so many are kept, to compare joined files with each other.
const EVERY: u64 = 16;
/// The most lines that are kept.
const KEPT: usize = 1 << 20;

/// The lines of the files that were read.
#[derive(Debug, Default)]
pub(super) struct KnownLines {
    /// The contents of files.
    contents: BTreeSet<(u64, u32, u64)>,
    /// The first and the last line of each file, with the numbers of the files.
    ends: BTreeMap<LineHash, Vec<usize>>,
    /// The first and the last line of each file, and how many lines it has.
    files: BTreeMap<usize, (LineHash, LineHash, u64)>,
    /// How many files have lines of a load balancer, by its id alone, and hour: the names of joined files do not have its account.
    hours: BTreeMap<(String, Hour), usize>,
    /// Lines of joined files.
    samples: BTreeMap<LineHash, usize>,
}

/// The use of a file's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is of lines that were not counted.
    New,
    /// The same lines were counted.
    Copy,
    /// It may hold lines of other files: decide when all are read.
    Suspicious,
    /// It has lines more than once.
    Repeating,
}

/// The result for a suspicious file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// It has lines of its own only.
    Own,
    /// It is made of the lines of other files, and has no more.
    Copy,
    /// It has lines of the file with this number, and others that no other file has, or not all of that file.
    PartOf(usize),
}

/// The lines of a suspicious file that are in other files as well.
#[derive(Debug, Default)]
pub(super) struct InCommon {
    /// First and last lines of files, its own among them.
    ends: BTreeSet<LineHash>,
    /// The other files with lines of it.
    files: BTreeSet<usize>,
}

/// All lines of a file: those that are understood, those that are not, and those of another time.
pub(super) fn lines(tally: &Tally) -> u64 {
    let outside: u64 = tally.load_balancers.values().map(|one| one.outside).sum();
    tally.lines() + tally.unparsed() + outside
}

impl KnownLines {
    /// Adds a file that was read to its end. Files are added in the order of their numbers.
    pub(super) fn add(&mut self, number: usize, key: &str, tally: &Tally, fingerprint: &Fingerprint) -> Use {
        if !self.contents.insert(fingerprint.content()) {
            return Use::Copy;
        }
        if fingerprint.repeats() {
            return Use::Repeating;
        }
        let (first, last) = (fingerprint.first_line, fingerprint.last_line);
        let shares = [first, last].iter().any(|end| self.ends.contains_key(end));
        for end in [first, last] {
            self.ends.entry(end).or_default().push(number);
        }
        self.files.insert(number, (first, last, lines(tally)));
        for (load_balancer, counted) in &tally.load_balancers {
            for hour in counted.hours.keys() {
                *self.hours.entry((load_balancer.id.clone(), *hour)).or_default() += 1;
            }
        }
        if shares || fingerprint.members > 1 || !is_of_one_interval(key, tally) { Use::Suspicious } else { Use::New }
    }

    /// The lines that a suspicious file has in common with others; none of another hour than those of all others. `path` is read only
    /// if it has.
    ///
    /// # Errors
    /// It cannot be read again.
    pub(super) fn compare(&mut self, number: usize, path: &Path, tally: &Tally) -> io::Result<InCommon> {
        let mut hours =
            tally.load_balancers.iter().flat_map(|(key, one)| one.hours.keys().map(|hour| (key.id.clone(), *hour)));
        let mut common = InCommon::default();
        if !hours.any(|hour| self.hours.get(&hour).is_some_and(|files| *files > 1)) {
            return Ok(common);
        }
        each_line(path, &mut |line| {
            let hash = LineHash::of(line);
            if let Some(files) = self.ends.get(&hash) {
                common.ends.insert(hash);
                common.files.extend(files.iter().filter(|other| **other != number));
            }
            if hash.is_sample(EVERY) {
                match self.samples.get(&hash) {
                    Some(other) if *other != number => drop(common.files.insert(*other)),
                    None if self.samples.len() < KEPT => drop(self.samples.insert(hash, number)),
                    _ => {}
                }
            }
        })?;
        Ok(common)
    }

    /// What suspicious files are, by what they have in common with others. Large files are decided first: a joined file that is left out
    /// does not stand against its parts.
    pub(super) fn decide(mut self, compared: &BTreeMap<usize, InCommon>) -> BTreeMap<usize, Joined> {
        let lines = |known: &Self, number: usize| known.files.get(&number).map_or(0, |(_, _, lines)| *lines);
        let mut order: Vec<usize> = compared.keys().copied().collect();
        order.sort_by_key(|number| std::cmp::Reverse(lines(&self, *number)));
        let mut decided = BTreeMap::new();
        for number in &order {
            let Some(common) = compared.get(number) else { continue };
            let parts = common.files.iter().filter_map(|other| Some((other, self.files.get(other)?)));
            let whole: Vec<(bool, u64)> = parts
                .filter(|(_, (first, last, _))| common.ends.contains(first) && common.ends.contains(last))
                .map(|(other, (_, _, lines))| (compared.contains_key(other), *lines))
                .collect();
            let own = lines(&self, *number);
            // The first and the last line of each part are in it, and it has as many lines as they have together: as one other file, as
            // the files that are not joined, or as all.
            let plain: u64 = whole.iter().filter(|(is_joined, _)| !is_joined).map(|(_, lines)| lines).sum();
            let all: u64 = whole.iter().map(|(_, lines)| lines).sum();
            if !whole.is_empty() && (plain == own || all == own || whole.iter().any(|(_, lines)| *lines == own)) {
                self.files.remove(number);
                decided.insert(*number, Joined::Copy);
            }
        }
        for number in order {
            let Some(common) = compared.get(&number).filter(|_| !decided.contains_key(&number)) else { continue };
            let other = common.files.iter().find(|other| self.files.contains_key(other));
            let joined = other.map_or(Joined::Own, |other| Joined::PartOf(*other));
            if matches!(joined, Joined::PartOf(_)) {
                self.files.remove(&number);
            }
            decided.insert(number, joined);
        }
        decided
    }
}

/// Whether the lines can be of one log file: of one load balancer, and of the hours around its interval.
fn is_of_one_interval(key: &str, tally: &Tally) -> bool {
    let mut counted = tally.load_balancers.iter().filter(|(_, one)| !one.hours.is_empty());
    let Some((load_balancer, one)) = counted.next() else { return true };
    // Lines of another time than was asked for are not counted by hour.
    if tally.load_balancers.values().any(|one| one.outside > 0) {
        return false;
    }
    let is_named = match Key::read(key) {
        Key::AccessLog(object) => {
            object.load_balancer == *load_balancer && one.hours.keys().all(|hour| is_near(&object, *hour))
        }
        _ => true,
    };
    is_named && one.hours.len() <= HOURS && counted.next().is_none()
}

/// Whether an hour is that of the five minutes that an object is about, or beside them.
fn is_near(object: &LogObject, hour: Hour) -> bool {
    let start = object.end.saturating_sub(INTERVAL * 2).unwrap_or(object.end);
    hour.end() > start && hour.start() <= object.end
}

/// Gives each line of a file, packed or not. Of a line that is longer than any log line, pieces.
fn each_line(path: &Path, line: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
    let growth = Growth { floor: 16 * 1024 * 1024, ratio: Limits::default().growth };
    if file.fill_buf()?.starts_with(&MAGIC) {
        lines_of(BufReader::with_capacity(256 * 1024, Stream::new(file, growth)), line)
    } else {
        lines_of(file, line)
    }
}

fn lines_of(mut text: impl BufRead, line: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut held = Vec::new();
    loop {
        held.clear();
        let mut limited = text.by_ref().take(LONGEST as u64);
        if limited.read_until(b'\n', &mut held)? == 0 {
            return Ok(());
        }
        line(&held);
    }
}
