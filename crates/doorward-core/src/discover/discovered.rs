//! A plan without its sessions: what one process discovers and others read from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_aws::{Access, Session};
use doorward_model::{
    Account, AccountId, AccountRegion, Gap, GapReason, Listing, Observed, Organization, Region, RegionInventory,
    UnmatchedSetting,
};

use super::{ScanPlan, Target};
use crate::actions::scan_role_grants;

/// A plan that can be written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredPlan {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// The account-Regions to read, each with whether the account's own list contains the Region as enabled.
    pub targets: Vec<(AccountRegion, bool)>,
    /// The account-Regions whose outcome is known without reading.
    pub settled: Vec<RegionInventory>,
    /// Accounts of an earlier scan of which AWS stated that they are not in the organization any more.
    pub departed: Vec<AccountId>,
    /// Entries of the settings that discovery did not find.
    pub unmatched: Vec<UnmatchedSetting>,
}

impl DiscoveredPlan {
    /// Every account-Region exactly once.
    pub fn places(&self) -> BTreeSet<(AccountId, Option<Region>)> {
        let targets = self.targets.iter().map(|(place, _)| (place.account.clone(), Some(place.region.clone())));
        targets.chain(self.settled.iter().map(|cell| (cell.account.clone(), cell.region.clone()))).collect()
    }

    /// The targets, each with a session of its account, interleaved as in a plan; and the account-Regions in which no session can be
    /// opened, as failed. A session asks for credentials with its first call.
    pub fn enter(&self, access: &Access) -> (Vec<Target>, Vec<RegionInventory>) {
        let grants = scan_role_grants();
        let accounts: BTreeMap<&AccountId, &Account> = self.accounts.iter().map(|one| (&one.id, one)).collect();
        let unlisted = || Gap::new(GapReason::Malformed, "settings").with_message("the plan lacks the account");
        let mut sessions: BTreeMap<&AccountId, Result<Arc<Session>, Gap>> = BTreeMap::new();
        let (mut targets, mut failed) = (Vec::with_capacity(self.targets.len()), Vec::new());
        for (place, region_enabled) in &self.targets {
            let session = sessions.entry(&place.account).or_insert_with(|| {
                let account = accounts.get(&place.account).ok_or_else(unlisted)?;
                access.session(&account.id, &account.ou, &grants)
            });
            match session {
                Ok(session) => {
                    let (place, session) = (place.clone(), session.clone());
                    targets.push(Target { place, region_enabled: *region_enabled, session });
                }
                Err(gap) => {
                    let region = Some(place.region.clone());
                    failed.push(RegionInventory::failed(place.account.clone(), region, gap.clone()));
                }
            }
        }
        super::interleave(&mut targets);
        (targets, failed)
    }
}

impl ScanPlan {
    /// The plan without its sessions.
    pub fn discovered(&self) -> DiscoveredPlan {
        let targets = self.targets.iter().map(|target| (target.place.clone(), target.region_enabled));
        DiscoveredPlan {
            organization: self.organization.clone(),
            accounts: self.accounts.clone(),
            accounts_listing: self.accounts_listing.clone(),
            targets: targets.collect(),
            settled: self.settled.clone(),
            departed: self.departed.iter().map(|account| account.id.clone()).collect(),
            unmatched: self.unmatched.clone(),
        }
    }
}
