//! Reads objects, one after the other, into a tally of each.

use std::io::{self, BufRead, Read};

use crate::count::Counter;
use crate::inflate::{Growth, Inflater, MAGIC, Stream};
use crate::line::LONGEST;
use crate::object::{Key, LogObject};
use crate::scan::Engine;
use crate::tally::Tally;
use crate::window::Window;

/// Lines that are decoded in pieces are handed on in pieces of this size.
const PIECE: usize = 256 * 1024;

/// Limits of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects of which the lines do not fit in this many bytes are decoded in pieces, which takes half as long again.
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

impl Limits {
    /// Limits with which that many readers together stay below 64 MB: 32 MiB of lines, shared among them.
    pub fn shared_by(readers: usize) -> Self {
        Self { whole_bytes: 32 * 1024 * 1024 / readers.max(2), ..Self::default() }
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
}

impl Reader {
    /// A reader that counts the lines of a window, or all.
    pub fn new(limits: Limits, window: Option<Window>) -> Self {
        Self::with(Engine::fastest(), limits, window)
    }

    pub(crate) fn with(engine: Engine, limits: Limits, window: Option<Window>) -> Self {
        let inflater = Inflater::new(limits.whole_bytes);
        Self { limits, engine, inflater, counter: Counter::new(window), object: None, piece: Vec::new() }
    }

    /// Reads an object that is in memory, packed or not. `key` is its key or path: it has the account, the Region and the
    /// load balancer of unparsed lines.
    pub fn read(&mut self, key: &str, stored: &[u8]) -> Tally {
        self.begin(key);
        if let Some(text) = self.inflater.whole(stored) {
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
        let (mut held, mut lines, mut skipping) = (0, 0, false);
        let problem = loop {
            let made = match text.read(&mut piece[held..]) {
                Ok(made) => made,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error),
            };
            lines += made as u64;
            let filled = held + made;
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
            self.engine.count(ready, &mut self.counter);
            if made == 0 {
                break None;
            }
            piece.copy_within(end..filled, 0);
            held = filled - end;
        };
        self.piece = piece;
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
