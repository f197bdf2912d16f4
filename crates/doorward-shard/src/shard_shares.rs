//! Which shard reads which account-Region.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{AccountId, Region, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::planned_places::PlannedPlace;
use crate::shard_name::Shard;
use crate::share_hash::{key, score};

/// How many load balancers each account-Region had, as far as an earlier scan found any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCounts(BTreeMap<AccountId, BTreeMap<Region, u64>>);

impl KnownCounts {
    /// Keeps the counts above zero.
    pub fn new(counts: impl IntoIterator<Item = (AccountId, Region, u64)>) -> Self {
        let mut all: BTreeMap<AccountId, BTreeMap<Region, u64>> = BTreeMap::new();
        for (account, region, count) in counts.into_iter().filter(|(.., count)| *count > 0) {
            all.entry(account).or_default().insert(region, count);
        }
        Self(all)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls that an account-Region is expected to cost: two lists, and one for each load balancer.
    fn cost(&self, (account, region): &PlannedPlace) -> u64 {
        let count = || self.0.get(account)?.get(region.as_ref()?).copied();
        2 + count().unwrap_or(0)
    }

    /// Identifies the counts, or states that there are none.
    pub fn fingerprint(&self) -> String {
        match serde_json::to_string(&self.0) {
            _ if self.is_empty() => "none".to_owned(),
            Ok(text) => sha256_hex(text.as_bytes()),
            Err(error) => format!("not serializable: {error}"),
        }
    }
}

/// How much more than the average a shard may be expected to cost, in hundredths.
const SLACK: u64 = 10;

/// The shard of every account-Region of a plan.
#[derive(Debug, Clone)]
pub struct Shares(BTreeMap<PlannedPlace, u32>);

impl Shares {
    /// Divides account-Regions among shards, by nothing but their names, the number of shards and the counts.
    ///
    /// Without counts each account-Region goes to the shard that it prefers, whatever else is in the plan: an account that joins or leaves
    /// moves no other. With counts the expensive ones choose first, and a shard that is full is passed over ("bounded loads"): no shard
    /// costs more than a tenth above the average, a single large account-Region aside, and few account-Regions move.
    pub fn divide(places: &BTreeSet<PlannedPlace>, of: u32, counts: &KnownCounts) -> Self {
        let preferred = |place: &PlannedPlace| {
            let key = key(&place.0, place.1.as_ref());
            (1..=of).max_by_key(|shard| score(key, *shard)).unwrap_or(1)
        };
        if counts.is_empty() {
            return Self(places.iter().map(|place| (place.clone(), preferred(place))).collect());
        }
        let mut ordered: Vec<(u64, &PlannedPlace)> = places.iter().map(|place| (counts.cost(place), place)).collect();
        // A stable sort: places of one cost stay in their order.
        ordered.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        let all: u64 = ordered.iter().map(|(cost, _)| cost).sum();
        let limit = (all * (100 + SLACK)).div_ceil(100 * u64::from(of.max(1)));
        let mut loads: Vec<u64> = vec![0; of as usize];
        let load = |loads: &[u64], shard: u32| loads.get(shard as usize - 1).copied().unwrap_or(u64::MAX);
        let mut shares = BTreeMap::new();
        for (cost, place) in ordered {
            let key = key(&place.0, place.1.as_ref());
            let has_room = |shard: &u32| load(&loads, *shard) + cost <= limit;
            let roomy = (1..=of).filter(has_room).max_by_key(|shard| score(key, *shard));
            // None has room for one that is larger than the limit: the emptiest takes it.
            let shard = roomy.or_else(|| (1..=of).min_by_key(|shard| (load(&loads, *shard), *shard))).unwrap_or(1);
            if let Some(load) = loads.get_mut(shard as usize - 1) {
                *load += cost;
            }
            shares.insert(place.clone(), shard);
        }
        Self(shares)
    }

    /// Whether a shard reads an account-Region. An account-Region that is not in the plan belongs to none.
    pub fn owns(&self, shard: Shard, account: &AccountId, region: Option<&Region>) -> bool {
        self.0.get(&(account.clone(), region.cloned())) == Some(&shard.number())
    }

    /// Every account-Region with the number of its shard, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (&PlannedPlace, u32)> {
        self.0.iter().map(|(place, shard)| (place, *shard))
    }

    /// How many account-Regions a shard reads.
    pub fn size(&self, shard: Shard) -> usize {
        self.0.values().filter(|owner| **owner == shard.number()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(accounts: std::ops::Range<u64>, regions: &[&str]) -> BTreeSet<PlannedPlace> {
        let region = |name: &&str| Some(Region::new(name).expect("a Region"));
        let account = |n: u64| AccountId::new(&format!("{n:012}")).expect("an account");
        accounts.flat_map(|n| regions.iter().map(move |name| (account(n), region(name)))).collect()
    }

    const REGIONS: [&str; 5] = ["eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "eu-central-1"];

    #[test]
    fn accounts_that_join_or_leave_move_no_other() {
        let (before, after) = (places(1..400, &REGIONS), places(50..500, &REGIONS));
        for of in [1, 2, 7, 16, 64] {
            let (one, other) = (
                Shares::divide(&before, of, &KnownCounts::default()),
                Shares::divide(&after, of, &KnownCounts::default()),
            );
            let other: BTreeMap<&PlannedPlace, u32> = other.iter().collect();
            assert!(one.iter().all(|(place, shard)| other.get(place).is_none_or(|there| *there == shard)), "{of}");
            let sizes: Vec<usize> = Shard::all(of).map(|shard| one.size(shard)).collect();
            assert_eq!(sizes.iter().sum::<usize>(), before.len());
            let average = before.len() as f64 / f64::from(of);
            // Beyond five standard deviations of a fair division.
            assert!(sizes.iter().all(|size| (*size as f64 - average).abs() < 5.0 * average.sqrt() + 1.0), "{sizes:?}");
        }
    }

    #[test]
    fn more_shards_take_from_all_and_exchange_nothing() {
        let places = places(1..300, &REGIONS);
        let (few, many) =
            (Shares::divide(&places, 8, &KnownCounts::default()), Shares::divide(&places, 9, &KnownCounts::default()));
        let both = few.iter().zip(many.iter()).map(|((_, before), (_, after))| (before, after));
        let moved: Vec<(u32, u32)> = both.filter(|(before, after)| before != after).collect();
        assert!(moved.iter().all(|(_, after)| *after == 9));
        assert!(moved.len() < places.len() / 6);
    }

    #[test]
    fn known_counts_balance_the_shards() {
        let all = places(1..200, &REGIONS);
        let mut random = fastrand::Rng::with_seed(7);
        let counts = KnownCounts::new(all.iter().filter_map(|(account, region)| {
            let count = if random.u8(0..10) == 0 { random.u64(1..400) } else { 0 };
            Some((account.clone(), region.clone()?, count))
        }));
        for of in [2, 5, 16] {
            let shares = Shares::divide(&all, of, &counts);
            let mut loads = vec![0; of as usize];
            shares.iter().for_each(|(place, shard)| loads[shard as usize - 1] += counts.cost(place));
            let (all, most) = (loads.iter().sum::<u64>(), loads.iter().copied().max().unwrap_or(0));
            assert!(most <= (all * 110).div_ceil(100 * u64::from(of)), "{of}: {loads:?}");
            // The same again, and mostly the same without one account.
            let again = Shares::divide(&places(2..200, &REGIONS), of, &counts);
            let again: BTreeMap<&PlannedPlace, u32> = again.iter().collect();
            let moved =
                shares.iter().filter(|(place, shard)| again.get(place).is_some_and(|there| there != shard)).count();
            assert!(moved * 5 < shares.iter().count(), "{of}: {moved} moved");
        }
        assert_eq!(KnownCounts::default().fingerprint(), "none");
        assert_ne!(counts.fingerprint(), "none");
    }

    #[test]
    fn one_that_is_larger_than_a_share_is_read_by_the_emptiest() {
        let all = places(1..4, &REGIONS[..1]);
        let (account, region) = all.iter().next().cloned().expect("one");
        let counts = KnownCounts::new([(account, region.expect("a Region"), 10_000)]);
        let shares = Shares::divide(&all, 4, &counts);
        assert_eq!(shares.iter().count(), 3);
    }

    #[test]
    fn the_shard_of_an_account_region_never_changes() {
        let shares =
            Shares::divide(&places(111_122_223_333..111_122_223_337, &REGIONS[..2]), 16, &KnownCounts::default());
        let shards: Vec<u32> = shares.iter().map(|(_, shard)| shard).collect();
        // Parts of an older version are merged by this one.
        assert_eq!(shards, [6, 3, 14, 11, 15, 12, 5, 2]);
    }
}
