//! What an earlier scan knew of the organization. A list may be short without a sign of it, so what was there and is not listed
//! any more has to be accounted for.

use doorward_aws::Access;
use doorward_model::{Account, AccountId, Observed, Organization, Region};

/// The organization as an earlier scan found it. This crate keeps nothing: who calls it remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The organization; absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Its accounts, with the Regions that were enabled in them.
    pub accounts: Vec<Account>,
}

/// The accounts that are known of this organization; of a lone account, where there is none.
pub(super) fn of<'a>(known: &'a [Known], access: &Access, organization: &Observed<Organization>) -> Vec<&'a Account> {
    let same = |known: &&Known| match (&known.organization, organization) {
        (Observed::Known(then), Observed::Known(now)) => then.id == now.id,
        (Observed::Absent, Observed::Absent) => known.accounts.iter().any(|account| account.id == *access.account()),
        _ => false,
    };
    known.iter().filter(same).flat_map(|known| &known.accounts).collect()
}

/// The Regions that were enabled somewhere.
pub(super) fn regions<'a>(accounts: &[&'a Account]) -> impl Iterator<Item = &'a Region> {
    accounts.iter().copied().filter_map(|account| account.regions.known()).flatten()
}

/// Those that a list of accounts lacks.
pub(super) fn missing<'a>(accounts: &[&'a Account], listed: &[AccountId]) -> Vec<&'a Account> {
    accounts.iter().filter(|account| !listed.contains(&account.id)).copied().collect()
}
