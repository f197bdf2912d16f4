//! The organization as an earlier scan read it. A list may be incomplete without an error, so accounts and Regions of an earlier
//! scan that it lacks are also covered.

use doorward_model::{Account, AccountId, Observed, Organization, Region};

/// The organization as an earlier scan read it. The caller stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrganization {
    /// The organization; absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Its accounts, with the Regions that were enabled in them.
    pub accounts: Vec<Account>,
}

/// The known accounts of this organization or, without one, of the single account `own`.
pub(super) fn of<'a>(
    known: &'a [KnownOrganization],
    own: &AccountId,
    organization: &Observed<Organization>,
) -> Vec<&'a Account> {
    let same = |known: &&KnownOrganization| match (&known.organization, organization) {
        (Observed::Known(then), Observed::Known(now)) => then.id == now.id,
        (Observed::Absent, Observed::Absent) => known.accounts.iter().any(|account| account.id == *own),
        _ => false,
    };
    known.iter().filter(same).flat_map(|known| &known.accounts).collect()
}

/// The Regions that were enabled in any account.
pub(super) fn regions<'a>(accounts: &[&'a Account]) -> impl Iterator<Item = &'a Region> {
    accounts.iter().copied().filter_map(|account| account.regions.known()).flatten()
}

/// The known accounts that a list of accounts lacks.
pub(super) fn missing<'a>(accounts: &[&'a Account], listed: &[AccountId]) -> Vec<&'a Account> {
    accounts.iter().filter(|account| !listed.contains(&account.id)).copied().collect()
}
