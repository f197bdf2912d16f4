//! Accounts and Regions that a ledger has from an earlier scan and that the plan of a merged scan lacks.
//!
//! A scan with the ledger asks AWS for them. Shards that were planned without it did not, and a merge asks AWS for nothing: whether such an
//! account left the organization or the list of accounts was incomplete is not known, so it is a failed line of the coverage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_aws::Operation;
use doorward_model::{Account, AccountId, Gap, GapReason, Inventory, Listing, Observed, Region, RegionInventory};

use super::known::{self, KnownOrganization};
use super::lost::{unlisted, with_others};
use super::reference::Reference;
use super::scope::Decision;
use super::{DiscoverSettings, Rest, inactive};

/// How the account-Regions of a merged scan were planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanKnowledge {
    /// The settings of the discovery; absent in parts of versions that did not write them.
    pub discovered_by: Option<DiscoverSettings>,
    /// Accounts of an earlier scan of which AWS stated that they left the organization.
    pub departed: Vec<AccountId>,
}

/// Adds the accounts and enabled Regions of an earlier scan that the plan lacks, each as not read, and returns those accounts. The list of
/// accounts is then incomplete. Nothing changes where the plan was made with the same knowledge.
pub fn add_unplanned(
    inventory: &mut Inventory,
    settings: &DiscoverSettings,
    known: &[KnownOrganization],
    departed: &[AccountId],
) -> Vec<AccountId> {
    let remembered = known::of(known, &inventory.run.account, &inventory.organization);
    let regions: BTreeSet<Region> = known::regions(&remembered).cloned().collect();
    let listed: BTreeSet<&AccountId> = inventory.accounts.iter().map(|account| &account.id).collect();
    // The account of a scan of one account is in its plan.
    let of_organization = remembered.into_iter().filter(|_| inventory.organization.known().is_some());
    let missing: BTreeMap<&AccountId, &Account> = of_organization
        .filter(|account| !listed.contains(&account.id) && !departed.contains(&account.id))
        .filter(|account| !matches!(settings.scope.decide(account), Decision::Out(_)))
        .map(|account| (&account.id, account))
        .collect();
    let missing: Vec<AccountId> = missing.into_keys().cloned().collect();
    let mut cells = regions_unplanned(inventory, settings, &regions);
    if let Some(first) = missing.first() {
        let gap = match &inventory.accounts_listing {
            Listing::Full => {
                Gap::new(GapReason::NotPlanned, Operation::DescribeAccount.action()).with_message(format!(
                    "the list of accounts does not contain {}, which an earlier scan in the ledger found; the shards \
                 were planned without this ledger, so Doorward did not ask AWS whether it left the organization",
                    with_others(first, missing.len())
                ))
            }
            Listing::Unread(gap) => gap.as_ref().clone(),
        };
        let reference = reference(inventory, settings, &regions);
        for id in &missing {
            let outcome = reference.fail(&settings.regions, unlisted(id.clone(), &gap), &gap);
            cells.extend(outcome.settled);
            inventory.accounts.push(outcome.account);
        }
        inventory.accounts.sort_by(|a, b| a.id.cmp(&b.id));
        if inventory.accounts_listing.is_full() {
            inventory.accounts_listing = Listing::Unread(Arc::new(gap));
        }
    }
    if !cells.is_empty() {
        inventory.cells.append(&mut cells);
        inventory.cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    }
    missing
}

/// The Regions of accounts of which nothing is known: those of every other account or, where a list of Regions could not be read and the
/// settings are all there is, those of the settings.
fn reference(inventory: &Inventory, settings: &DiscoverSettings, remembered: &BTreeSet<Region>) -> Reference {
    let from_settings = inventory.cells.iter().any(|cell| cell.region.is_none());
    let regions: BTreeSet<Region> = match from_settings {
        true => settings.regions.include.iter().chain(&settings.regions.fallback).cloned().collect(),
        false => {
            let planned = inventory.cells.iter().filter_map(|cell| cell.region.as_ref());
            planned.collect::<BTreeSet<_>>().into_iter().chain(remembered).cloned().collect()
        }
    };
    Reference { regions: Some(regions.into_iter().collect()), from_settings }
}

/// The account-Regions of planned accounts in Regions that were enabled in an earlier scan and are not planned.
fn regions_unplanned(
    inventory: &Inventory,
    settings: &DiscoverSettings,
    remembered: &BTreeSet<Region>,
) -> Vec<RegionInventory> {
    let mut planned: BTreeMap<&AccountId, Vec<&RegionInventory>> = BTreeMap::new();
    for cell in &inventory.cells {
        planned.entry(&cell.account).or_default().push(cell);
    }
    let mut added = Vec::new();
    for account in &inventory.accounts {
        let own = planned.get(&account.id).map_or(&[][..], Vec::as_slice);
        // An entry without a Region represents all that are not named.
        if own.iter().any(|cell| cell.region.is_none()) {
            continue;
        }
        let covered: BTreeSet<&Region> = own.iter().filter_map(|cell| cell.region.as_ref()).collect();
        let mut lacking = remembered.iter().filter(|region| !covered.contains(region)).peekable();
        if lacking.peek().is_some() {
            let rest = rest_of(account, own, settings);
            added.extend(lacking.map(|region| rest.cell(&settings.regions, &account.id, region)));
        }
    }
    added
}

/// The state of a planned account with regard to its other Regions.
fn rest_of(account: &Account, own: &[&RegionInventory], settings: &DiscoverSettings) -> Rest {
    if let Observed::Known(_) = account.regions {
        return Rest::Lacks;
    }
    let excluded = || match settings.scope.decide(account) {
        Decision::Out(why) => Some(why),
        _ => None,
    };
    if let Some(why) = inactive(account).or_else(excluded) {
        return Rest::Skip(why);
    }
    // Where no Region was entered, each has the same gap; where the list of Regions failed, that is the gap of the list.
    let of_list = account.regions.gap().filter(|gap| gap.reason != GapReason::NotAsked);
    let of_cell = || own.iter().filter(|cell| cell.skipped.is_none()).find_map(|cell| cell.listing.gap());
    match of_list.map(AsRef::as_ref).or_else(of_cell) {
        Some(gap) => Rest::Fail(gap.clone()),
        None => Rest::Lacks,
    }
}
