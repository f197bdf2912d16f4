//! The short way with AVX2, carry-less multiplication and bit deposits.
//!
//! The one unsafe expression of the crate is in here: entering a function that is compiled for instructions which not every
//! processor has. [`Present`] is the proof that this one has them, and nothing else can make it.

use core::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm256_cmpeq_epi8, _mm256_movemask_epi8,
    _mm256_set_epi64x, _mm256_set1_epi8, _pdep_u64,
};

use super::{BLOCK, Bits, Processor, walk};
use crate::count::Counter;

/// Proof that this processor has the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Present(());

impl Present {
    pub(super) fn look() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        all.then_some(Self(()))
    }
}

pub(super) fn count(_: Present, text: &[u8], counter: &mut Counter) {
    #[expect(unsafe_code, reason = "the compiler does not know that `Present` is the proof")]
    // SAFETY: a `Present` is only made where all of the instructions were found.
    unsafe {
        with_vectors(text, counter);
    }
}

#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn with_vectors(text: &[u8], counter: &mut Counter) {
    let bits = |block: &[u8; BLOCK]| {
        let halves = [half(block, 0), half(block, 4)];
        let equal = |wanted: u8| {
            let wanted = _mm256_set1_epi8(wanted as i8);
            let [low, high] = halves.map(|half| _mm256_movemask_epi8(_mm256_cmpeq_epi8(half, wanted)) as u32);
            u64::from(low) | u64::from(high) << 32
        };
        Bits { quotes: equal(b'"'), spaces: equal(b' '), feeds: equal(b'\n'), backslashes: equal(b'\\') }
    };
    let parity = |bits: u64| {
        // Multiplying by all ones without carries adds up, modulo 2, every bit and all below it.
        let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set_epi64x(0, -1));
        _mm_cvtsi128_si64(product) as u64
    };
    let select = |bits: u64, below: u32| _pdep_u64(1 << below, bits).trailing_zeros();
    walk(Processor { bits, parity, select }, text, counter);
}

/// Half a block as a vector. Built of words, because a load by pointer would be unsafe; it compiles to that load.
#[target_feature(enable = "avx2")]
fn half(block: &[u8; BLOCK], first: usize) -> __m256i {
    let (words, _) = block.as_chunks::<8>();
    let word = |number: usize| i64::from_le_bytes(words[first + number]);
    _mm256_set_epi64x(word(3), word(2), word(1), word(0))
}
