//! The account-Regions of a plan: what a merge has to account for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use doorward_model::{AccountId, Region, sha256_hex};
use serde::{Deserialize, Serialize};

/// An account-Region, or the Regions of an account that could not be listed.
pub type PlannedPlace = (AccountId, Option<Region>);

/// Account-Regions, written once per list of Regions: most accounts have the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPlaces(Vec<AccountsOfRegions>);

/// Accounts that have the same Regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsOfRegions {
    /// The Regions; null stands for Regions that could not be listed.
    regions: Vec<Option<Region>>,
    accounts: Vec<AccountId>,
}

impl PlannedPlaces {
    /// Groups account-Regions.
    pub fn of(places: &BTreeSet<PlannedPlace>) -> Self {
        let mut by_account: Vec<(&AccountId, Vec<Option<Region>>)> = Vec::new();
        for (account, region) in places {
            match by_account.last_mut().filter(|(last, _)| *last == account) {
                Some((_, regions)) => regions.push(region.clone()),
                None => by_account.push((account, vec![region.clone()])),
            }
        }
        let mut groups: Vec<AccountsOfRegions> = Vec::new();
        let mut known = std::collections::BTreeMap::new();
        for (account, regions) in by_account {
            let group = *known.entry(regions.clone()).or_insert_with(|| {
                groups.push(AccountsOfRegions { regions, accounts: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(group) {
                group.accounts.push(account.clone());
            }
        }
        Self(groups)
    }

    /// Every account-Region once, ordered.
    pub fn places(&self) -> BTreeSet<PlannedPlace> {
        let pairs = |group: &AccountsOfRegions| {
            let accounts = group.accounts.iter();
            accounts.flat_map(|account| group.regions.iter().map(|region| (account.clone(), region.clone()))).collect()
        };
        self.0.iter().flat_map(|group: &AccountsOfRegions| -> Vec<PlannedPlace> { pairs(group) }).collect()
    }
}

/// Identifies account-Regions: their number and the SHA-256 of their names.
pub fn identify_places(places: &BTreeSet<PlannedPlace>) -> String {
    let mut names = String::new();
    for (account, region) in places {
        let _ = writeln!(names, "{account}/{}", region.as_ref().map_or("", Region::as_str));
    }
    format!("{} account-Regions, {}", places.len(), sha256_hex(names.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_and_read_back() {
        let place = |account: u64, region: Option<&str>| {
            let account = AccountId::new(&format!("{account:012}")).expect("an account");
            (account, region.map(|region| Region::new(region).expect("a Region")))
        };
        let mut places: BTreeSet<PlannedPlace> =
            (1..500).flat_map(|n| [place(n, Some("eu-west-1")), place(n, Some("us-east-1"))]).collect();
        places.insert(place(700, None));
        places.insert(place(3, Some("ap-south-1")));
        let planned = PlannedPlaces::of(&places);
        let text = serde_json::to_string(&planned).expect("JSON");
        assert!(text.len() < 500 * 16, "{} bytes", text.len());
        let read: PlannedPlaces = serde_json::from_str(&text).expect("reads");
        assert_eq!(read.places(), places);
        assert!(identify_places(&places).starts_with("1000 account-Regions, "));
    }
}
