//! The short way with AVX2, carry-less multiplication and bit deposits.
//!
//! All unsafe code of the crate is in here, two expressions. One enters a function that is compiled for instructions which
//! not every processor has; [`Present`] is the proof that this one has them, and nothing else makes it. The other loads
//! 32 bytes from an array of 32 bytes.

use core::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_prefetch, _mm_set1_epi8,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8, _pdep_u64,
};

use super::{BLOCK, Bits, Processor, walk};
use crate::count::Counter;

/// How far ahead the next bytes are called for: they were unpacked too long ago to still be near.
const AHEAD: usize = 4096;

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
        let (low, high) = load(block);
        let find = |wanted: u8| mask(equal(low, wanted), equal(high, wanted));
        Bits { quotes: find(b'"'), spaces: find(b' '), feeds: find(b'\n'), backslashes: find(b'\\') }
    };
    let parity = |bits: u64| {
        // Multiplying by all ones without carries adds up, modulo 2, every bit and all below it.
        let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(bits as i64), _mm_set1_epi8(-1));
        _mm_cvtsi128_si64(product) as u64
    };
    let select = |bits: u64, below: u32| _pdep_u64(1 << below, bits).trailing_zeros();
    walk(Processor { bits, parity, select }, text, counter);
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(half: __m256i, wanted: u8) -> __m256i {
    _mm256_cmpeq_epi8(half, _mm256_set1_epi8(wanted as i8))
}

/// The top bits of 64 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn mask(low: __m256i, high: __m256i) -> u64 {
    u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vectors are loaded by pointer")]
fn load(block: &[u8; BLOCK]) -> (__m256i, __m256i) {
    let (halves, _) = block.as_chunks::<{ BLOCK / 2 }>();
    let ahead = block.as_ptr().wrapping_add(AHEAD);
    // SAFETY: each load reads 32 bytes from any address, and each half has 32. A prefetch reads nothing.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
        (_mm256_loadu_si256(halves[0].as_ptr().cast()), _mm256_loadu_si256(halves[1].as_ptr().cast()))
    }
}
