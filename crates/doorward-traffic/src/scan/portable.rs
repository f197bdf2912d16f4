//! The short way in plain arithmetic on words of eight bytes, for processors without the vectors.

use super::{Bits, Processor, walk};
use crate::count::Counter;

pub(super) fn count(text: &[u8], counter: &mut Counter) {
    let bits = |block: &_| {
        let block: &[u8; super::BLOCK] = block;
        let mut bits = Bits { quotes: 0, spaces: 0, feeds: 0, backslashes: 0 };
        for (number, word) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let place = 8 * number;
            bits.quotes |= equal(word, b'"') << place;
            bits.spaces |= equal(word, b' ') << place;
            bits.feeds |= equal(word, b'\n') << place;
            bits.backslashes |= equal(word, b'\\') << place;
        }
        bits
    };
    walk(Processor { bits, parity, select }, text, counter);
}

fn parity(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |parity, shift| parity ^ (parity << shift))
}

fn select(mut bits: u64, below: u32) -> u32 {
    for _ in 0..below {
        bits &= bits.wrapping_sub(1);
    }
    bits.trailing_zeros()
}

/// One bit for each of eight bytes that equals the wanted one.
#[inline(always)]
fn equal(word: u64, wanted: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differs = word ^ (LOW * u64::from(wanted));
    // The top bit of every byte that is zero, exactly: no carry leaves a byte.
    let zero = !(((differs & SEVEN) + SEVEN) | differs | SEVEN);
    (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}
