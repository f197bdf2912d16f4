//! Reads objects, one after the other, into a tally of each.

use std::io::{self, BufRead, Read};

use std::sync::Arc;

use crate::count::Counter;
use crate::fingerprint::{Fingerprint, Gathering};
use crate::inflate::{Growth, Inflater, MAGIC, Stream, length_of};
use crate::line::LONGEST;
use crate::object::{Key, LogObject};
use crate::protected::ProtectedClients;
use crate::repeats::Repeats;
use crate::scan::Engine;
use crate::tally::Tally;
use crate::window::Window;

/// Lines that are decoded in pieces are handed on in pieces of this size.
const PIECE: usize = 256 * 1024;

/// Limits of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects that are in memory and of which the lines do not fit in this many bytes are decoded in pieces, which takes half as long
    /// again.
    pub whole_bytes: usize,
    /// An object that unpacks to more than this many times its size, and to more than 16 MiB, is no log; reading stops
    /// there, and the object counts as damaged.
    pub growth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { whole_bytes: 16 * 1024 * 1024, growth: 400 }
    }
}

/// Reads objects. One reader for each thread: it keeps its buffers.
pub struct Reader {
    limits: Limits,
    engine: Engine,
    inflater: Inflater,
    counter: Counter,
    /// The current object, by its key.
    object: Option<LogObject>,
    piece: Vec<u8>,
    /// Where objects without a buffer of their own are unpacked.
    out: Vec<u8>,
    /// Of the last object, if it was read to its end and has lines.
    fingerprint: Option<Fingerprint>,
    /// The lines of an object that a load balancer did not name.
    repeats: Repeats,
}

impl Reader {
    /// A reader that counts the lines of a window, or all.
    pub fn new(limits: Limits, window: Option<Window>) -> Self {
        Self::with(Engine::fastest(), limits, window)
    }

    /// The same, comparing the client of each line that is not compliant with protected clients: addresses, networks or globs over
    /// user agents.
    #[must_use]
    pub fn with_protected(self, protected: &[String]) -> Self {
        Self { counter: self.counter.protecting(Arc::new(ProtectedClients::new(protected))), ..self }
    }

    /// The same with entries that several readers share.
    pub(crate) fn protecting(limits: Limits, window: Option<Window>, protected: Arc<ProtectedClients>) -> Self {
        let reader = Self::new(limits, window);
        Self { counter: reader.counter.protecting(protected), ..reader }
    }

    pub(crate) fn with(engine: Engine, limits: Limits, window: Option<Window>) -> Self {
        Self {
            limits,
            engine,
            inflater: Inflater::new(),
            counter: Counter::new(window),
            object: None,
            piece: Vec::new(),
            out: Vec::new(),
            fingerprint: None,
            repeats: Repeats::default(),
        }
    }

    /// What the lines of the last object are; none if it has none, or was not read to its end.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Reads an object that is in memory, packed or not. `key` is its key or path: it has the account, the Region and the
    /// load balancer of unparsed lines.
    pub fn read(&mut self, key: &str, stored: &[u8]) -> Tally {
        let mut out = std::mem::take(&mut self.out);
        let length = stored.last_chunk().map_or(0, |tail| length_of(*tail));
        if out.len() < length && length <= self.limits.whole_bytes && stored.starts_with(&MAGIC) {
            out.resize(length, 0);
        }
        let within = out.len().min(self.limits.whole_bytes);
        let tally = self.read_with(key, stored, &mut out[..within]);
        self.out = out;
        tally
    }

    /// The same with a buffer for its lines. If they do not fit, it is read in pieces.
    pub(crate) fn read_with(&mut self, key: &str, stored: &[u8], out: &mut [u8]) -> Tally {
        self.begin(key);
        if let Some(length) = self.inflater.whole(stored, out) {
            let text = &out[..length];
            let crc = stored.last_chunk::<8>().map_or(0, |[a, b, c, d, ..]| u32::from_le_bytes([*a, *b, *c, *d]));
            if self.object.is_none() {
                self.repeats.add(text);
            }
            let repeats = self.repeats.take();
            self.fingerprint = Some(Fingerprint::of_one_member(text, crc).with_repeats(repeats));
            self.engine.count(text, &mut self.counter);
            let reading = self.counter.reading();
            reading.objects += 1;
            reading.stored_bytes += stored.len() as u64;
            reading.bytes += text.len() as u64;
            return self.whole();
        }
        self.in_pieces(key, stored)
    }

    /// Reads an object as it arrives. An error of `stored` makes it a damaged object; the lines before the error are counted.
    pub fn read_stream(&mut self, key: &str, stored: impl BufRead) -> Tally {
        self.begin(key);
        self.in_pieces(key, stored)
    }

    fn begin(&mut self, key: &str) {
        self.object = match Key::read(key) {
            Key::AccessLog(object) => Some(object),
            _ => None,
        };
        self.fingerprint = None;
        self.counter.begin(self.object.as_ref().map(|object| object.load_balancer.clone()));
    }

    /// The count of an object that was read to its end, with its place among the files.
    fn whole(&mut self) -> Tally {
        let mut tally = self.counter.take();
        if let Some(object) = &self.object {
            tally.files.entry(object.load_balancer.clone()).or_default().add(object);
        }
        tally
    }

    /// The count of an object that is damaged, with the load balancer that it is of: by its name, else by its lines.
    fn damaged(&mut self) -> Tally {
        let mut tally = self.counter.take();
        let named = self.object.as_ref().map(|object| object.load_balancer.clone());
        if let Some(key) = named.or_else(|| tally.load_balancers.keys().next().cloned()) {
            tally.incomplete.insert(key, 1);
        }
        tally
    }

    fn in_pieces(&mut self, key: &str, mut stored: impl BufRead) -> Tally {
        let growth = Growth { floor: 16 * 1024 * 1024, ratio: self.limits.growth.max(1) };
        // At least the magic bytes, even if the stream delivers single bytes; a shorter object is not a gzip member.
        let mut head = [0; MAGIC.len()];
        let begun = fill(&mut stored, &mut head);
        let (lines, taken, problem) = match begun {
            Ok(0) => {
                self.counter.reading().empty += 1;
                return self.whole();
            }
            Ok(length) => {
                let mut all = io::Cursor::new(head).take(length as u64).chain(stored);
                if head == MAGIC {
                    let mut stream = Stream::new(all, growth);
                    let (lines, problem) = self.pieces(&mut stream);
                    if let Some(fingerprint) = &mut self.fingerprint {
                        fingerprint.members = stream.members();
                    }
                    (lines, stream.taken(), problem)
                } else {
                    let (lines, problem) = self.pieces(&mut all);
                    (lines, lines, problem)
                }
            }
            Err(error) => (0, 0, Some(error)),
        };
        let reading = self.counter.reading();
        reading.bytes += lines;
        reading.stored_bytes += taken;
        match problem {
            None => reading.objects += 1,
            Some(error) => {
                reading.damaged.add(|| format!("{key}: after {lines} bytes of lines: {error}"));
                return self.damaged();
            }
        }
        self.whole()
    }

    /// Counts lines until the end or the first error. Of a line that is cut short by an error nothing is counted.
    fn pieces(&mut self, text: &mut impl Read) -> (u64, Option<io::Error>) {
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(LONGEST + PIECE, 0);
        let mut gathering = Gathering::default();
        let (mut held, mut lines, mut skipping) = (0, 0, false);
        let problem = loop {
            let made = match text.read(&mut piece[held..]) {
                Ok(made) => made,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error),
            };
            lines += made as u64;
            let filled = held + made;
            let new = &piece[held..filled];
            gathering.add(new);
            let end = if made == 0 {
                Some(filled)
            } else {
                memchr::memrchr(b'\n', &piece[held..filled]).map(|at| held + at + 1)
            };
            let Some(end) = end else {
                held = filled;
                if held > LONGEST {
                    if !skipping {
                        self.counter.unparsed(&piece[..held]);
                        self.counter.reading().full_parser += 1;
                    }
                    (skipping, held) = (true, 0);
                }
                continue;
            };
            let mut ready = &piece[..end];
            if std::mem::take(&mut skipping) {
                let rest = memchr::memchr(b'\n', ready).map_or(end, |at| at + 1);
                ready = &ready[rest..];
            }
            gathering.ready(ready);
            if self.object.is_none() {
                self.repeats.add(ready);
            }
            self.engine.count(ready, &mut self.counter);
            if made == 0 {
                break None;
            }
            piece.copy_within(end..filled, 0);
            held = filled - end;
        };
        self.piece = piece;
        let repeats = self.repeats.take();
        if problem.is_none() && lines > 0 {
            self.fingerprint = Some(gathering.finish(lines).with_repeats(repeats));
        }
        (lines, problem)
    }
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
