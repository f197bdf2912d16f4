//! Published API quotas: token buckets per account and Region, refilled by the server's clock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// A bucket's capacity and its refill per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) burst: f64,
    pub(crate) per_second: f64,
}

/// Which bucket a call draws from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BucketKey {
    pub(crate) name: &'static str,
    /// The account, or `u32::MAX` for a bucket of the whole organization.
    pub(crate) account: u32,
    /// The Region, or `u16::MAX` for a global service.
    pub(crate) region: u16,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

const SHARDS: u32 = 16;

/// All token buckets; one that is not used is full and takes no memory.
#[derive(Debug)]
pub(crate) struct Quotas {
    shards: Vec<Mutex<HashMap<BucketKey, Bucket>>>,
}

impl Quotas {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Takes a token; false when the bucket is empty.
    pub(crate) fn take(&self, key: BucketKey, rate: Rate, now: Timestamp) -> bool {
        let shard = usize::try_from(key.account % SHARDS).unwrap_or(0);
        let Some(shard) = self.shards.get(shard) else { return true };
        let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: rate.burst, filled: now });
        let elapsed = now.as_millisecond().saturating_sub(bucket.filled.as_millisecond()).max(0) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + elapsed * rate.per_second).min(rate.burst);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refills_by_the_clock() {
        let quotas = Quotas::new();
        let key = BucketKey { name: "read", account: 1, region: 0 };
        let rate = Rate { burst: 3.0, per_second: 2.0 };
        let second = |n: i64| Timestamp::from_second(1_000 + n).unwrap();
        let taken = |now| (0..10).filter(|_| quotas.take(key.clone(), rate, now)).count();
        assert_eq!(taken(second(0)), 3);
        assert_eq!(taken(second(1)), 2);
        assert_eq!(taken(second(100)), 3);
    }
}
