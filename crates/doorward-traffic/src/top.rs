//! The most frequent sources in bounded memory, with an error bound that is carried along (Misra and Gries).
//!
//! Until more than [`Top::keep`] different keys were seen every count is exact and the bound is 0. After that, a key's true
//! count lies between its count here and that plus the bound, and a key that is not here was seen at most as often as the
//! bound says. The bound never exceeds the total divided by `keep` + 1. Tables merge, and the bounds add up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often something was seen, and how often a target answered it well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Weight {
    /// Requests.
    pub requests: u64,
    /// Requests that a target answered with a status below 400.
    pub served: u64,
}

/// An entry of a [`Top`], with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Entry<K> {
    key: K,
    #[serde(flatten)]
    weight: Weight,
}

/// The most frequent keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Stored<K>", into = "Stored<K>")]
#[schemars(with = "Stored<K>")]
#[serde(bound(serialize = "K: Ord + Clone + Serialize", deserialize = "K: Ord + Clone + Deserialize<'de>"))]
pub struct Top<K: Ord + Clone> {
    keep: usize,
    /// Requests counted, whatever became of their keys.
    total: u64,
    bound: u64,
    entries: BTreeMap<K, Weight>,
}

/// How a [`Top`] is written: the most frequent first.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Top")]
struct Stored<K> {
    /// How many keys are kept at least.
    keep: usize,
    /// Requests counted.
    total: u64,
    /// By how much any count may be too low.
    bound: u64,
    /// The keys, the most frequent first.
    entries: Vec<Entry<K>>,
}

impl<K: Ord + Clone> From<Stored<K>> for Top<K> {
    fn from(stored: Stored<K>) -> Self {
        let entries = stored.entries.into_iter().map(|entry| (entry.key, entry.weight)).collect();
        Self { keep: stored.keep.max(1), total: stored.total, bound: stored.bound, entries }
    }
}

impl<K: Ord + Clone> From<Top<K>> for Stored<K> {
    fn from(top: Top<K>) -> Self {
        let (keep, total, bound) = (top.keep, top.total, top.bound);
        let entries = top.ranked().into_iter().map(|(key, weight)| Entry { key: key.clone(), weight }).collect();
        Self { keep, total, bound, entries }
    }
}

impl<K: Ord + Clone> Default for Top<K> {
    fn default() -> Self {
        Self::new(256)
    }
}

impl<K: Ord + Clone> Top<K> {
    /// An empty table that keeps at least this many keys, and at most twice as many.
    pub fn new(keep: usize) -> Self {
        Self { keep: keep.max(1), total: 0, bound: 0, entries: BTreeMap::new() }
    }

    /// A table that was counted elsewhere: `bound` is the highest count of any missing key.
    pub(crate) fn counted(keep: usize, total: u64, bound: u64, entries: impl IntoIterator<Item = (K, Weight)>) -> Self {
        Self { keep: keep.max(1), total, bound, entries: entries.into_iter().collect() }
    }

    /// Counts a request.
    pub fn add(&mut self, key: K, served: bool) {
        self.put(key, Weight { requests: 1, served: u64::from(served) });
        self.total += 1;
        self.shrink();
    }

    /// Adds what another table counted.
    pub fn merge(&mut self, other: &Self) {
        self.keep = self.keep.min(other.keep);
        for (key, weight) in &other.entries {
            self.put(key.clone(), *weight);
        }
        self.total += other.total;
        self.bound += other.bound;
        self.shrink();
    }

    /// The same counts under other keys; those of keys that become equal are added.
    pub(crate) fn with_keys(&self, key_of: impl Fn(&K) -> K) -> Self {
        let mut renamed = Self { entries: BTreeMap::new(), ..self.clone() };
        for (key, weight) in &self.entries {
            renamed.put(key_of(key), *weight);
        }
        renamed
    }

    fn put(&mut self, key: K, weight: Weight) {
        let entry = self.entries.entry(key).or_default();
        entry.requests += weight.requests;
        entry.served += weight.served;
    }

    /// Takes the weight of the strongest key beyond `keep` from all, which empties it and all that are weaker.
    fn shrink(&mut self) {
        if self.entries.len() <= 2 * self.keep {
            return;
        }
        let mut weights: Vec<u64> = self.entries.values().map(|weight| weight.requests).collect();
        let (_, taken, _) = weights.select_nth_unstable_by(self.keep, |a, b| b.cmp(a));
        let taken = *taken;
        self.entries.retain(|_, weight| {
            weight.requests = weight.requests.saturating_sub(taken);
            weight.served = weight.served.saturating_sub(taken);
            weight.requests > 0
        });
        self.bound += taken;
    }

    /// Requests counted, whatever became of their keys.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By how much any count may be too low, and how often a key that is missing may have been seen.
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys with their weights, the most frequent first; equals in the order of their keys.
    pub fn ranked(&self) -> Vec<(&K, Weight)> {
        let mut ranked: Vec<(&K, Weight)> = self.entries.iter().map(|(key, weight)| (key, *weight)).collect();
        ranked.sort_by(|a, b| b.1.requests.cmp(&a.1.requests).then_with(|| a.0.cmp(b.0)));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(keys: &[u8], keep: usize) -> Top<u8> {
        let mut top = Top::new(keep);
        for key in keys {
            top.add(*key, key % 2 == 0);
        }
        top
    }

    fn holds(top: &Top<u8>, keys: &[u8], keep: usize) -> Result<(), TestCaseError> {
        prop_assert!(top.len() <= 2 * keep);
        prop_assert_eq!(top.total(), keys.len() as u64);
        prop_assert!(top.bound() <= top.total() / (keep as u64 + 1));
        for key in 0..=u8::MAX {
            let seen = keys.iter().filter(|seen| **seen == key).count() as u64;
            let weight = top.entries.get(&key).copied().unwrap_or_default();
            prop_assert!(weight.requests <= seen && seen <= weight.requests + top.bound(), "{} {:?}", key, top);
            let served = if key % 2 == 0 { seen } else { 0 };
            prop_assert!(weight.served <= served && served <= weight.served + top.bound());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn every_count_is_within_the_bound(keys in prop::collection::vec(0_u8..40, 0..400), keep in 1_usize..12) {
            holds(&count(&keys, keep), &keys, keep)?;
        }

        #[test]
        fn merged_tables_keep_the_bound(
            parts in prop::collection::vec(prop::collection::vec(0_u8..40, 0..120), 0..6), keep in 1_usize..12,
        ) {
            let mut merged = Top::new(keep);
            for part in &parts {
                merged.merge(&count(part, keep));
            }
            holds(&merged, &parts.concat(), keep)?;
        }

        #[test]
        fn few_keys_are_counted_exactly(keys in prop::collection::vec(0_u8..20, 0..400)) {
            prop_assert_eq!(count(&keys, 20).bound(), 0);
        }

        #[test]
        fn survives_its_serialized_form(keys in prop::collection::vec(0_u8..40, 0..200)) {
            let top = count(&keys, 5);
            let text = serde_json::to_string(&top).expect("serializes");
            prop_assert_eq!(serde_json::from_str::<Top<u8>>(&text).expect("reads back"), top);
        }
    }
}
