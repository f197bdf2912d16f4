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
/// Blocks that are marked before their lines are looked at: enough that lines which cross the end cost little, few enough
/// that the marks stay in the nearest cache.
const BLOCKS: usize = 128;
const CHUNK: usize = BLOCKS * BLOCK;
/// Blocks among which a field is looked for in one comparison.
const NEAR: usize = 16;

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
struct Processor<B, P, S> {
    /// `Fn(&[u8; BLOCK]) -> Bits`
    bits: B,
    /// `Fn(u64) -> u64`: every bit becomes the parity of itself and all lower ones.
    parity: P,
    /// `Fn(u64, u32) -> u32`: the place of the set bit that has this many set bits below it. There is one.
    select: S,
}

/// Marks of a chunk that begins where a line begins.
struct Marks {
    feeds: [u64; BLOCKS],
    /// Spaces between fields.
    spaces: [u64; BLOCKS],
    /// How many spaces between fields there are before each block and after the last; what follows is never reached.
    sums: [u16; BLOCKS + 1 + NEAR],
    /// Backslashes and misplaced quotes.
    odd: [u64; BLOCKS],
    /// How many of these there are before each block.
    odds: [u16; BLOCKS],
    /// Blocks that are marked: all, or those up to a line that ends inside quotes.
    blocks: usize,
    /// The end of that line.
    torn: Option<usize>,
}

impl Marks {
    fn new() -> Self {
        Self {
            feeds: [0; BLOCKS],
            spaces: [0; BLOCKS],
            sums: [u16::MAX; BLOCKS + 1 + NEAR],
            odd: [0; BLOCKS],
            odds: [0; BLOCKS],
            blocks: 0,
            torn: None,
        }
    }

    /// Marks a chunk. There are no branches that depend on the text but one that is hardly ever taken, so that many blocks
    /// are in the making at once.
    #[inline(always)]
    fn mark<B, P, S>(&mut self, processor: &Processor<B, P, S>, chunk: &[u8; CHUNK])
    where
        B: Fn(&[u8; BLOCK]) -> Bits,
        P: Fn(u64) -> u64,
    {
        // What crosses from block to block: all ones inside quotes; the last byte was a space, or a closing quote.
        let (mut inside, mut after_space, mut after_close) = (0_u64, 0, 0);
        let (mut sum, mut odds) = (0_u16, 0_u16);
        (self.blocks, self.torn) = (BLOCKS, None);
        let (blocks, _) = chunk.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate().take(BLOCKS) {
            let Bits { quotes, spaces, feeds, backslashes } = (processor.bits)(block);
            let quoted = (processor.parity)(quotes) ^ inside;
            let (opening, closing) = (quotes & quoted, quotes & !quoted);
            // A quote opens where nothing is quoted, so the space before it, if there is one, is between fields; the same goes for
            // the space after one that closes.
            let unopened = opening & !(spaces << 1 | after_space);
            let unclosed = (closing << 1 | after_close) & !(spaces | feeds);
            (inside, after_space, after_close) = (((quoted as i64) >> 63) as u64, spaces >> 63, closing >> 63);
            let (between, odd) = (spaces & !quoted, unopened | unclosed | backslashes);
            self.feeds[number] = feeds;
            self.spaces[number] = between;
            self.odd[number] = odd;
            self.odds[number] = odds;
            sum += between.count_ones() as u16;
            odds += odd.count_ones() as u16;
            self.sums[number + 1] = sum;
            if feeds & quoted != 0 {
                // A line ended inside quotes, so what follows is marked the wrong way round.
                self.torn = Some(number * BLOCK + (feeds & quoted).trailing_zeros() as usize);
                self.blocks = number + 1;
                // Sums have to grow; those of the chunk before do not go on from here.
                self.sums[number + 2..number + 2 + NEAR].fill(u16::MAX);
                break;
            }
        }
        self.sums[0] = 0;
    }

    /// How many spaces between fields there are before a place.
    #[inline(always)]
    fn rank(&self, place: usize) -> u16 {
        let (number, below) = (place / BLOCK, low(place));
        self.sums[number] + (self.spaces[number] & below).count_ones() as u16
    }

    #[inline(always)]
    fn odds_before(&self, place: usize) -> u16 {
        let (number, below) = (place / BLOCK, low(place));
        self.odds[number] + (self.odd[number] & below).count_ones() as u16
    }

    /// Where the fields of a line begin that matter, counted from its start, if there are so many, there is nothing odd and
    /// the classification is `"-" "-"`.
    #[inline(always)]
    fn fields(&self, select: impl Fn(u64, u32) -> u32, start: usize, line: &[u8]) -> Option<Spaces> {
        let (before, end) = (self.rank(start), start + line.len());
        if self.odds_before(start) != self.odds_before(end) || self.rank(end) < before + 28 {
            return None;
        }
        let first = start / BLOCK;
        let spaces = Spaces {
            eighth: self.place(&select, first, before + 8)? - start,
            sixteenth: self.place(&select, first, before + 16)? - start,
            seventeenth: self.place(&select, first, before + 17)? - start,
            twenty_seventh: self.place(&select, first, before + 27)? - start,
        };
        let class = line.get(spaces.twenty_seventh + 1..)?.first_chunk::<7>()?;
        (class == br#""-" "-""#).then_some(spaces)
    }

    /// The place of a space by how many there are up to it, looked for from a block on. There are so many.
    #[inline(always)]
    fn place(&self, select: &impl Fn(u64, u32) -> u32, first: usize, rank: u16) -> Option<usize> {
        let mut number = first;
        loop {
            // All of them are compared at once, and sums only grow.
            let near: &[u16; NEAR] = self.sums.get(number + 1..)?.first_chunk()?;
            let below: u16 = near.iter().map(|sum| u16::from(*sum < rank)).sum();
            number += usize::from(below);
            if usize::from(below) < NEAR {
                break;
            }
        }
        let below = u32::from(rank - 1 - self.sums.get(number)?);
        Some(number * BLOCK + select(*self.spaces.get(number)?, below) as usize)
    }
}

/// Bits below the one of a place.
#[inline(always)]
fn low(place: usize) -> u64 {
    (1 << (place % BLOCK)) - 1
}

/// Walks over a text chunk by chunk. Each begins with a line, so that nothing crosses from one to the next.
#[inline(always)]
fn walk<B, P, S>(processor: Processor<B, P, S>, text: &[u8], counter: &mut Counter)
where
    B: Fn(&[u8; BLOCK]) -> Bits,
    P: Fn(u64) -> u64,
    S: Fn(u64, u32) -> u32,
{
    let mut marks = Marks::new();
    // The end of the text, padded with line feeds: the first one ends the last line if nothing else does.
    let mut padded = [b'\n'; CHUNK];
    let mut done = 0;
    while done < text.len() {
        let rest = &text[done..];
        let chunk = match rest.first_chunk::<CHUNK>() {
            Some(chunk) => chunk,
            None => {
                padded[..rest.len()].copy_from_slice(rest);
                padded[rest.len()..].fill(b'\n');
                &padded
            }
        };
        marks.mark(&processor, chunk);
        let mut start = 0;
        'lines: for number in 0..marks.blocks {
            let mut feeds = marks.feeds[number];
            while feeds != 0 {
                let end = number * BLOCK + feeds.trailing_zeros() as usize;
                if start >= rest.len() {
                    return;
                }
                let line = &chunk[start..end];
                let torn = marks.torn == Some(end);
                let fields = if torn { None } else { marks.fields(&processor.select, start, line) };
                if !fields.is_some_and(|spaces| counter.short(line, spaces)) {
                    counter.full(line);
                }
                start = end + 1;
                if torn {
                    break 'lines;
                }
                feeds &= feeds - 1;
            }
        }
        if start == 0 {
            // A line longer than a chunk.
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            counter.full(&rest[..end]);
            start = end + 1;
        }
        done += start;
    }
}

#[cfg(test)]
mod tests;
