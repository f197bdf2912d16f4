//! The short way: finds compliant lines 64 bytes at a time and proves that the full parser would say the same.
//!
//! Bits say where quotes, spaces, line feeds and backslashes are; the running parity of the quotes says what is inside them,
//! so that the spaces left over separate fields. A line takes the short way only if it has no backslash, every quote
//! opens after such a space and closes before one (or at the end), and fields 27 and 28 are `"-"`. From the first two
//! follows that the full parser splits it at the same places; everything else goes to that one. The proof is checked by tests that
//! mutate lines and compare every count.

use crate::count::{Counter, Spaces};

mod portable;
#[cfg(target_arch = "x86_64")]
mod vector;

/// Bytes looked at in one step.
const BLOCK: usize = 64;
/// Longer lines go to the full parser.
const WORDS: usize = 64;

/// How lines are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The full parser for every line: what the others have to agree with.
    #[cfg_attr(not(test), expect(dead_code, reason = "the others are tested against it"))]
    Reference,
    /// The short way in plain arithmetic.
    Portable,
    /// The short way with this processor's vectors.
    #[cfg(target_arch = "x86_64")]
    Vector(vector::Present),
}

impl Engine {
    /// The fastest that this processor has.
    pub(crate) fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(present) = vector::Present::look() {
            return Self::Vector(present);
        }
        Self::Portable
    }

    /// Counts all lines of a text. The last one may lack its line feed.
    pub(crate) fn count(self, text: &[u8], counter: &mut Counter) {
        match self {
            Self::Reference => text.split(|byte| *byte == b'\n').for_each(|line| counter.full(line)),
            Self::Portable => portable::count(text, counter),
            #[cfg(target_arch = "x86_64")]
            Self::Vector(present) => vector::count(present, text, counter),
        }
    }
}

/// One bit for each of 64 bytes, the first byte in the lowest bit.
struct Bits {
    quotes: u64,
    spaces: u64,
    feeds: u64,
    backslashes: u64,
}

/// What the walk is made of, so that it can be compiled for a processor's own instructions: closures take on the
/// instructions of the function they stand in, and methods of a trait do not.
#[derive(Clone, Copy)]
struct Processor<B, P, S> {
    /// `Fn(&[u8; BLOCK]) -> Bits`
    bits: B,
    /// `Fn(u64) -> u64`: every bit becomes the parity of itself and all lower ones.
    parity: P,
    /// `Fn(u64, u32) -> u32`: the place of the set bit that has this many set bits below it. There is one.
    select: S,
}

/// The line that is being looked at.
struct Current {
    start: usize,
    /// The block in which it starts.
    block: usize,
    /// Spaces between its fields, a word for each block.
    words: [u64; WORDS],
    used: usize,
    /// Something about it is for the full parser.
    odd: bool,
}

impl Current {
    #[inline(always)]
    fn push(&mut self, spaces: u64, wrong: u64) {
        if let Some(word) = self.words.get_mut(self.used) {
            *word = spaces;
            self.used += 1;
        } else {
            self.odd = true;
        }
        self.odd |= wrong != 0;
    }
}

/// Walks over a text block by block, with what crosses from one to the next.
#[inline(always)]
fn walk<B, P, S>(processor: Processor<B, P, S>, text: &[u8], counter: &mut Counter)
where
    B: Fn(&[u8; BLOCK]) -> Bits,
    P: Fn(u64) -> u64,
    S: Fn(u64, u32) -> u32,
{
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    // Padded with line feeds: the first one ends the last line if nothing else does.
    let mut last = [b'\n'; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let mut line = Current { start: 0, block: 0, words: [0; WORDS], used: 0, odd: false };
    let (mut inside, mut after_space, mut after_close) = (0_u64, 0_u64, 0_u64);
    for (number, block) in blocks.iter().chain(std::iter::once(&last)).enumerate() {
        let bits = (processor.bits)(block);
        let mut quoted = (processor.parity)(bits.quotes) ^ inside;
        let mut unclosed = 0;
        while bits.feeds & quoted != 0 {
            // A line ended inside quotes. The next one begins outside.
            let feed = (bits.feeds & quoted).trailing_zeros();
            quoted ^= u64::MAX << feed;
            unclosed |= 1 << feed;
        }
        inside = ((quoted as i64) >> 63) as u64;
        let spaces = bits.spaces & !quoted;
        let (opening, closing) = (bits.quotes & quoted, bits.quotes & !quoted);
        let misplaced =
            (opening & !(spaces << 1 | after_space)) | ((closing << 1 | after_close) & !(spaces | bits.feeds));
        (after_space, after_close) = (spaces >> 63, closing >> 63);
        let wrong = misplaced | bits.backslashes | unclosed;

        let mut mine = u64::MAX;
        let mut feeds = bits.feeds;
        while feeds != 0 {
            let to_feed = feeds ^ (feeds - 1);
            line.push(spaces & mine & to_feed, wrong & mine & to_feed);
            let end = number * BLOCK + feeds.trailing_zeros() as usize;
            if end > text.len() || (end == text.len() && line.start >= end) {
                return;
            }
            let bytes = &text[line.start..end];
            let short =
                !line.odd && spaces_of(&processor.select, &line, bytes).is_some_and(|at| counter.short(bytes, at));
            if !short {
                counter.full(bytes);
            }
            (line.start, line.block, line.used, line.odd) = (end + 1, number, 0, false);
            mine = !to_feed;
            feeds &= feeds - 1;
        }
        line.push(spaces & mine, wrong & mine);
    }
}

/// Where the fields begin that matter, if there are so many and the classification is `"-" "-"`.
#[inline(always)]
fn spaces_of(select: impl Fn(u64, u32) -> u32, line: &Current, bytes: &[u8]) -> Option<Spaces> {
    let base = line.block * BLOCK;
    let mut words = line.words.get(..line.used)?.iter().enumerate();
    let (mut number, mut word) = words.next()?;
    let mut seen = 0;
    let mut find = |wanted: u32| -> Option<usize> {
        loop {
            let count = word.count_ones();
            if seen + count >= wanted {
                let place = select(*word, wanted - seen - 1) as usize;
                return Some(base + number * BLOCK + place - line.start);
            }
            seen += count;
            (number, word) = words.next()?;
        }
    };
    let spaces = Spaces { eighth: find(8)?, sixteenth: find(16)?, seventeenth: find(17)?, twenty_seventh: find(27)? };
    let class = bytes.get(spaces.twenty_seventh + 1..)?.first_chunk::<7>()?;
    (class == br#""-" "-""#).then_some(spaces)
}

#[cfg(test)]
mod tests;
