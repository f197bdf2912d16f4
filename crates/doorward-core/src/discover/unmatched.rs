//! What the settings name and discovery did not find. An account, organizational unit or tag that a scan was asked for and that does
//! not exist leaves coverage incomplete; an exclusion or override without effect is only named.

use std::collections::BTreeSet;

use doorward_aws::access::RoleOverride;
use doorward_model::{
    Account, AccountId, Gap, GapReason, Listing, Observed, Organization, OuPath, Region, RegionInventory,
    UnmatchedSetting,
};

use super::organization::FoundAccounts;
use super::{DiscoverSettings, ScanPlan, ScopeSettings, TagFilter};

/// The names with which settings are compared: accounts, organizational units and Regions as they were listed.
#[derive(Debug, Clone)]
pub(super) struct DiscoveredNames {
    /// The organization in sentences.
    name: String,
    /// Every organizational unit, if the tree could be read in full.
    units: Option<Vec<OuPath>>,
}

impl DiscoveredNames {
    pub(super) fn of(found: &FoundAccounts) -> Self {
        Self { name: name(&found.organization), units: found.units.clone() }
    }
}

fn name(organization: &Observed<Organization>) -> String {
    match organization {
        Observed::Known(organization) => format!("in organization {}", organization.id),
        _ => "the account of the credentials, the only one that `scope.single_account` scans".to_owned(),
    }
}

/// The accounts that `scope.include_accounts` names and that were not found, each as a failed line of the coverage: in the Regions of
/// `regions.include`, or one line for Regions that are not known.
pub(super) fn missing_accounts(
    settings: &DiscoverSettings,
    found: &FoundAccounts,
    accounts: &[Account],
) -> Vec<RegionInventory> {
    let named: BTreeSet<&AccountId> = settings.scope.include_accounts.iter().collect();
    let is_missing = |id: &AccountId| {
        !accounts.iter().any(|account| account.id == *id) && !settings.scope.exclude_accounts.contains(id)
    };
    let gap = match &found.listing {
        Listing::Full => Gap::new(GapReason::NotInOrganization, "settings")
            .with_message(format!("`scope.include_accounts` names it, and it is not {}", name(&found.organization))),
        Listing::Unread(gap) => gap.as_ref().clone(),
    };
    let included = settings.regions.include.iter().filter(|region| !settings.regions.exclude.contains(region));
    let regions: BTreeSet<Option<Region>> = included.cloned().map(Some).collect();
    let regions = if regions.is_empty() { BTreeSet::from([None]) } else { regions };
    let missing = named.into_iter().filter(|id| is_missing(id));
    missing
        .flat_map(|id| regions.iter().map(|region| RegionInventory::failed(id.clone(), region.clone(), gap.clone())))
        .collect()
}

/// What the scope and the Regions of the settings name and `plan` does not have. `regions` are all Regions of the partition, if AWS
/// listed them.
pub(super) fn of_scope(
    settings: &DiscoverSettings,
    plan: &ScanPlan,
    regions: Option<&BTreeSet<Region>>,
    partition: &str,
) -> Vec<UnmatchedSetting> {
    let ScopeSettings {
        single_account: _,
        include_accounts,
        exclude_accounts,
        include_ous,
        exclude_ous,
        include_tags,
        exclude_tags,
    } = &settings.scope;
    let mut all = Vec::new();
    let asked = |found: Vec<UnmatchedSetting>| found.into_iter().map(|one| UnmatchedSetting { asked: true, ..one });
    all.extend(asked(plan.unmatched_in("scope.include_accounts", include_accounts, &[])));
    all.extend(plan.unmatched_in("scope.exclude_accounts", exclude_accounts, &[]));
    // A unit that exists and holds no account was asked for and found.
    let exists = |unit: &str| plan.listed.units.iter().flatten().any(|known| known.is_within(unit));
    let of_units = plan.unmatched_in("scope.include_ous", &[], include_ous);
    all.extend(of_units.into_iter().map(|one| UnmatchedSetting { asked: !exists(&one.value), ..one }));
    all.extend(plan.unmatched_in("scope.exclude_ous", &[], exclude_ous));
    all.extend(asked(tags("scope.include_tags", include_tags, &plan.accounts)));
    all.extend(tags("scope.exclude_tags", exclude_tags, &plan.accounts));
    if let Some(known) = regions {
        for (setting, named) in
            [("regions.exclude", &settings.regions.exclude), ("regions.fallback", &settings.regions.fallback)]
        {
            let lacks = named.iter().filter(|region| !known.contains(region));
            let because = format!("which is not one of the {} Regions of partition {partition}", known.len());
            all.extend(lacks.map(|region| UnmatchedSetting::new(setting, region.as_str(), because.as_str())));
        }
    }
    all
}

fn tags(setting: &str, filters: &[TagFilter], accounts: &[Account]) -> Vec<UnmatchedSetting> {
    if accounts.iter().any(|account| account.tags.known().is_none()) {
        return Vec::new();
    }
    let matches = |filter: &TagFilter, account: &Account| {
        let value = account.tags.known().and_then(|tags| tags.get(&filter.key));
        value.is_some_and(|value| filter.value.matches(value))
    };
    let none = filters.iter().filter(|filter| !accounts.iter().any(|account| matches(filter, account)));
    none.map(|filter| {
        let value = format!("{} = {}", filter.key, filter.value.as_str());
        UnmatchedSetting::new(setting, value, "which no account of the organization has")
    })
    .collect()
}

impl ScanPlan {
    /// A sentence for each account that left the organization: it is no longer scanned, so its findings in the ledger do not change.
    pub fn departed_notices(&self) -> Vec<String> {
        let sentence = |account: &Account| {
            let name = account.name.known().map(|name| format!(" ({name})")).unwrap_or_default();
            format!(
                "account {}{name} was in the organization at the last scan and has left it: \
                 organizations:DescribeAccount does not find it. It is not scanned, and its findings in the ledger \
                 do not change.",
                account.id
            )
        };
        self.departed.iter().map(sentence).collect()
    }

    /// The accounts and organizational units that a setting names and that were not found. Without a full list of accounts none:
    /// what is missing then may exist.
    pub fn unmatched_in(&self, setting: &str, accounts: &[AccountId], ous: &[String]) -> Vec<UnmatchedSetting> {
        if !self.accounts_listing.is_full() {
            return Vec::new();
        }
        let because = format!("which is not {}", self.listed.name);
        let mut all = UnmatchedSetting::accounts(setting, accounts, &self.accounts, &because);
        all.extend(UnmatchedSetting::ous(setting, ous.iter().map(String::as_str), &self.accounts));
        all
    }

    /// What was not found of the scope, and of the roles that other accounts are entered with.
    pub fn unmatched_with(&self, overrides: &[RoleOverride]) -> Vec<UnmatchedSetting> {
        let of_access = overrides.iter().enumerate().flat_map(|(n, one)| {
            let accounts = self.unmatched_in(&format!("access.overrides.{n}.accounts"), &one.accounts, &[]);
            accounts.into_iter().chain(self.unmatched_in(&format!("access.overrides.{n}.ous"), &[], &one.ous))
        });
        self.unmatched.iter().cloned().chain(of_access).collect()
    }
}
