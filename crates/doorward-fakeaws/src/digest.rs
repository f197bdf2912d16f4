//! Deterministic digests for ids, tokens and random decisions that are the same in every run.

/// FNV-1a over the parts, with a separator between them, then mixed so that nearby inputs look unrelated.
pub(crate) fn digest(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain(std::iter::once(0xff)) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    mix(hash)
}

/// Finalizer of SplitMix64: a bijection in which every input bit reaches every output bit.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// `length` characters of `alphabet` drawn from `seed`.
pub(crate) fn spell(seed: u64, alphabet: &[u8], length: usize) -> String {
    let mut state = seed;
    let size = alphabet.len().max(1) as u64;
    (0..length)
        .map(|_| {
            state = mix(state);
            let index = usize::try_from(state % size).unwrap_or(0);
            alphabet.get(index).copied().map_or('0', char::from)
        })
        .collect()
}

/// Lower-case letters and digits, as AWS uses in organization ids.
pub(crate) const BASE36: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// The alphabet of access key ids.
pub(crate) const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The alphabet of secrets and session tokens.
pub(crate) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A UUID-shaped request id for a sequence number.
pub(crate) fn request_id(sequence: u64) -> String {
    let (high, low) = (mix(sequence), mix(sequence ^ 0x5bd1_e995_0000_0000));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
