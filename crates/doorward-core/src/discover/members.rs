//! The accounts of the organization, for a command that acts in some of them: read as by a scan, with the details of those accounts
//! only.

use std::collections::BTreeSet;

use doorward_aws::{Access, Operation, Stop};
use doorward_model::{Account, AccountId, Gap, GapReason, Listing, Observed, Organization};

use super::{DiscoverError, DiscoverSettings, organization};

/// The organization, and those of the requested accounts that are in it.
pub struct Members {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// The requested accounts that are in it, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub listing: Listing,
}

/// Reads the organization of the base identity and selects accounts in it. No session is opened.
///
/// # Errors
///
/// The organization could not be read, or the command was stopped.
pub async fn members(
    access: &Access,
    settings: &DiscoverSettings,
    wanted: &BTreeSet<AccountId>,
    stop: &Stop,
) -> Result<Members, DiscoverError> {
    let read = async {
        if settings.scope.single_account {
            let mut alone = organization::alone(access);
            alone.accounts.retain(|account| wanted.contains(&account.id));
            return Ok(alone);
        }
        organization::read_of(access, settings, &[], Some(wanted))
            .await
            .map_err(|gap| DiscoverError::Organization { caller: access.identity().to_string(), gap: Box::new(gap) })
    };
    let found = tokio::select! {
        found = read => found?,
        gap = stop.stopped(Operation::ListAccounts.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    Ok(Members { organization: found.organization, accounts: found.accounts, listing: found.listing })
}

impl Members {
    /// The account, if it is in the organization and active.
    ///
    /// # Errors
    ///
    /// A gap if no role may be assumed there: the account is not in the organization, or that could not be read.
    pub fn account(&self, id: &AccountId) -> Result<&Account, Gap> {
        let operation = Operation::ListAccounts.action();
        let known = self.accounts.iter().find(|account| account.id == *id);
        match (known, &self.listing) {
            (Some(account), _) if account.state.is_inactive() => Err(Gap::new(GapReason::AccountInactive, operation)
                .with_message(format!("account {id} is {}", account.state))),
            (Some(account), _) => Ok(account),
            (None, Listing::Full) => Err(Gap::new(GapReason::Excluded, operation)
                .with_message(format!("account {id} is not in {}; no role is assumed there", self.name()))),
            (None, Listing::Unread(gap)) => Err(Gap::new(gap.reason, operation)
                .with_message(format!("it could not be read whether account {id} is in {}: {gap}", self.name()))),
        }
    }

    /// The organization, for sentences.
    pub fn name(&self) -> String {
        match &self.organization {
            Observed::Known(organization) => format!("organization {}", organization.id),
            _ => "the one account of `scope.single_account`".to_owned(),
        }
    }
}
