//! The hash that decides which shard an account-Region prefers. It is part of the format of plans: every version gives the same values.

use doorward_model::{AccountId, Region};
use sha2::{Digest as _, Sha256};

/// The key of an account-Region: the first eight bytes of the SHA-256 of its name.
pub(crate) fn key(account: &AccountId, region: Option<&Region>) -> u64 {
    let name = format!("{account}/{}", region.map_or("", Region::as_str));
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// The score of a shard for a key: the shard with the highest score is preferred ("rendezvous hashing"), so that an account-Region changes
/// its shard only if that shard is no longer there.
pub(crate) fn score(key: u64, shard: u32) -> u64 {
    mix(key ^ mix(u64::from(shard)))
}

/// The finalizer of SplitMix64, which spreads every bit of its input over the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
