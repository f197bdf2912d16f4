//! The fast path: finds compliant lines 64 bytes at a time, and proves that the full parser would give the same result.
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
struct Processor<B, C, P, S> {
    /// `Fn(&[u8; BLOCK]) -> Bits`
    bits: B,
    /// `Fn(&[u8; BLOCK]) -> Option<(u64, u64)>`: quotes and spaces of a block that has neither line feeds nor backslashes.
    calm: C,
    /// `Fn(u64) -> u64`: every bit becomes the parity of itself and all lower ones.
    parity: P,
    /// `Fn(u64, u32) -> u32`: the place of the set bit that has this many set bits below it. There is one.
    select: S,
}

/// The state that one block passes to the next.
#[derive(Clone, Copy, Default)]
struct Carry {
    /// All ones inside quotes.
    inside: u64,
    after_space: u64,
    after_close: u64,
}

impl Carry {
    /// Spaces between fields, and quotes that stand where none may; given the quotes with what they enclose.
    #[inline(always)]
    fn step(&mut self, quotes: u64, spaces: u64, quoted: u64, feeds: u64) -> (u64, u64) {
        let (opening, closing) = (quotes & quoted, quotes & !quoted);
        // A quote opens where nothing is quoted, so a space before it is one between fields; the same goes for the space after
        // one that closes.
        let unopened = opening & !(spaces << 1 | self.after_space);
        let unclosed = (closing << 1 | self.after_close) & !(spaces | feeds);
        self.inside = ((quoted as i64) >> 63) as u64;
        self.after_space = spaces >> 63;
        self.after_close = closing >> 63;
        (spaces & !quoted, unopened | unclosed)
    }
}

/// Spaces between the fields of one line, by blocks from the one in which it begins.
struct Line {
    words: [u64; WORDS],
    /// How many there are up to the end of each block.
    sums: [u8; WORDS],
    used: usize,
    sum: u32,
    /// Something is for the full parser.
    odd: u64,
}

impl Line {
    #[inline(always)]
    fn push(&mut self, spaces: u64, odd: u64) {
        self.sum += spaces.count_ones();
        // Where there are too many of either, what wraps around is not used.
        self.words[self.used % WORDS] = spaces;
        self.sums[self.used % WORDS] = self.sum as u8;
        self.used += 1;
        self.odd |= odd;
    }

    #[inline(always)]
    fn clear(&mut self) {
        (self.used, self.sum, self.odd) = (0, 0, 0);
    }

    /// Where the fields begin that matter, if there are so many and the classification is `"-" "-"`. `start` is the place of
    /// the line in its first block.
    #[inline(always)]
    fn spaces(&self, select: impl Fn(u64, u32) -> u32, start: usize, bytes: &[u8]) -> Option<Spaces> {
        if self.odd != 0 || self.used > WORDS || self.sum < 28 || self.sum > 127 {
            return None;
        }
        let spaces = Spaces {
            fourth: self.place(&select, 4) - start,
            eighth: self.place(&select, 8) - start,
            sixteenth: self.place(&select, 16) - start,
            seventeenth: self.place(&select, 17) - start,
            twenty_seventh: self.place(&select, 27) - start,
        };
        let class = bytes.get(spaces.twenty_seventh + 1..)?.first_chunk::<7>()?;
        (class == br#""-" "-""#).then_some(spaces)
    }

    /// The place of a space, counted from 1, after the beginning of the first block.
    #[inline(always)]
    fn place(&self, select: &impl Fn(u64, u32) -> u32, wanted: u8) -> usize {
        let number = self.blocks_below(wanted);
        let below = if number == 0 { 0 } else { self.sums[(number - 1) % WORDS] };
        number * BLOCK + select(self.words[number % WORDS], u32::from(wanted - 1 - below)) as usize
    }

    /// How many blocks end before this many spaces were seen; eight are compared at once.
    #[inline(always)]
    fn blocks_below(&self, wanted: u8) -> usize {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let (eights, _) = self.sums.as_chunks::<8>();
        let below = |eight: &[u8; 8]| {
            // Sums of this line are below 128, so that no carry leaves their bytes. What a longer line left behind lies above
            // the first that is reached, and does not matter.
            let reached = u64::from_le_bytes(*eight).wrapping_add(LOW * u64::from(128 - wanted)) & HIGH;
            reached.trailing_zeros() as usize / 8
        };
        // Two eights without a branch: lines of up to 1 KiB.
        let (first, second) = (below(&eights[0]), below(&eights[1]));
        let mut blocks = first + if first == 8 { second } else { 0 };
        if blocks == 16 {
            for eight in &eights[2..] {
                let more = below(eight);
                blocks += more;
                if more < 8 {
                    break;
                }
            }
        }
        blocks
    }
}

/// Walks over a text block by block.
#[inline(always)]
fn walk<B, C, P, S>(processor: Processor<B, C, P, S>, text: &[u8], counter: &mut Counter)
where
    B: Fn(&[u8; BLOCK]) -> Bits,
    C: Fn(&[u8; BLOCK]) -> Option<(u64, u64)>,
    P: Fn(u64) -> u64,
    S: Fn(u64, u32) -> u32,
{
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    // Padded with line feeds: the first one ends the last line if nothing else does.
    let mut last = [b'\n'; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let mut line = Line { words: [0; WORDS], sums: [0; WORDS], used: 0, sum: 0, odd: 0 };
    let mut carry = Carry::default();
    // Where the line begins, and the block that is in.
    let (mut start, mut first) = (0, 0);
    let mut number = 0;
    loop {
        let block = loop {
            let Some(block) = blocks.get(number) else { break &last };
            let Some((quotes, spaces)) = (processor.calm)(block) else { break block };
            let quoted = (processor.parity)(quotes) ^ carry.inside;
            let (spaces, odd) = carry.step(quotes, spaces, quoted, 0);
            line.push(spaces, odd);
            number += 1;
        };
        let bits = (processor.bits)(block);
        let mut quoted = (processor.parity)(bits.quotes) ^ carry.inside;
        let mut odd = bits.backslashes;
        while bits.feeds & quoted != 0 {
            // A line ended inside quotes. The next one begins outside.
            let feed = (bits.feeds & quoted).trailing_zeros();
            quoted ^= u64::MAX << feed;
            odd |= 1 << feed;
        }
        let (spaces, misplaced) = carry.step(bits.quotes, bits.spaces, quoted, bits.feeds);
        odd |= misplaced;

        let mut mine = u64::MAX;
        let mut feeds = bits.feeds;
        while feeds != 0 {
            let to_feed = feeds ^ (feeds - 1);
            line.push(spaces & mine & to_feed, odd & mine & to_feed);
            let end = number * BLOCK + feeds.trailing_zeros() as usize;
            if end > text.len() || (end == text.len() && start >= end) {
                return;
            }
            let bytes = &text[start..end];
            let spaces = line.spaces(&processor.select, start - first * BLOCK, bytes);
            if !spaces.is_some_and(|spaces| counter.short(bytes, spaces)) {
                counter.full(bytes);
            }
            line.clear();
            (start, first) = (end + 1, number);
            mine = !to_feed;
            feeds &= feeds - 1;
        }
        line.push(spaces & mine, odd & mine);
        number += 1;
    }
}

#[cfg(test)]
mod tests;
