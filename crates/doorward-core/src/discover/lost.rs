//! Accounts of an earlier scan that the list of accounts lacks.
//!
//! An account may have left the organization, or the list may be incomplete. Each of them is described by AWS Organizations: an
//! account that exists is scanned although it was not listed, one that does not exist has left, and one that could not be read
//! is a failed line of the coverage. In the first and the last case the list of accounts is incomplete.

use std::sync::Arc;

use futures::StreamExt;

use doorward_aws::{Access, CallFailure, Operation, organizations_as};
use doorward_model::{Account, AccountId, AccountState, Gap, GapReason, Listing, Observed};

use super::organization::{FoundAccounts, TreeEntry, account};
use super::units::Units;
use crate::pages;

/// The result for an account that is not listed.
enum Fate {
    /// It is in the organization.
    Here(Box<Account>),
    /// It has left the organization.
    Left(Account),
    /// It could not be described.
    Unread(AccountId, Gap),
}

/// Adds the missing accounts to `found`, each by its result.
pub(super) async fn account_for(
    access: &Access,
    units: &Units,
    want_tags: bool,
    missing: Vec<&Account>,
    found: &mut FoundAccounts,
) {
    let Observed::Known(organization) = found.organization.clone() else { return };
    let fates: Vec<Fate> = match &found.listing {
        Listing::Full => {
            let ask = |known: &Account| {
                let (known, organization) = (known.clone(), &organization);
                async move {
                    match describe(access, &known.id).await {
                        Ok(None) => Fate::Left(known),
                        Ok(Some(entry)) => {
                            match account(access, units, TreeEntry::of(entry, organization), want_tags).await {
                                Ok(account) if account.id == known.id => Fate::Here(Box::new(account)),
                                Ok(_) => Fate::Unread(known.id, malformed("the response is about another account")),
                                Err(gap) => Fate::Unread(known.id, gap),
                            }
                        }
                        Err(gap) => Fate::Unread(known.id, gap),
                    }
                }
            };
            futures::stream::iter(missing.into_iter().map(ask)).buffered(8).collect().await
        }
        // The list is incomplete, so these are expected to be missing, and one call for each of them could be thousands.
        Listing::Unread(gap) => {
            missing.into_iter().map(|known| Fate::Unread(known.id.clone(), gap.as_ref().clone())).collect()
        }
    };
    let mut lacking: Vec<AccountId> = Vec::new();
    for fate in fates {
        match fate {
            Fate::Here(account) => {
                lacking.push(account.id.clone());
                found.accounts.push(*account);
            }
            Fate::Left(account) => found.departed.push(account),
            Fate::Unread(id, gap) => {
                lacking.push(id.clone());
                found.unread.push((unlisted(id, &gap), gap));
            }
        }
    }
    if let (Some(first), Listing::Full) = (lacking.first(), &found.listing) {
        found.listing = Listing::Unread(Arc::new(
            Gap::new(GapReason::Malformed, Operation::ListAccounts.action()).with_message(format!(
                "the list of accounts does not contain {}, which an earlier scan found in the organization; \
                 organizations:DescribeAccount does not show that it left",
                with_others(first, lacking.len())
            )),
        ));
    }
}

/// The first of several accounts, and how many others there are.
pub(super) fn with_others(first: &AccountId, all: usize) -> String {
    if all > 1 { format!("{first} and {} more", all - 1) } else { first.to_string() }
}

/// An account of which only the id is known.
pub(super) fn unlisted(id: AccountId, gap: &Gap) -> Account {
    let gap = Arc::new(gap.clone());
    Account {
        id,
        name: Observed::Unread(gap.clone()),
        state: AccountState::Other("not listed".to_owned()),
        ou: Observed::Unread(gap.clone()),
        tags: Observed::Unread(gap.clone()),
        regions: Observed::Unread(gap),
    }
}

fn malformed(what: &str) -> Gap {
    Gap::new(GapReason::Malformed, Operation::DescribeAccount.action()).with_message(what)
}

/// Describes one account; none if it is not in the organization.
async fn describe(access: &Access, id: &AccountId) -> Result<Option<aws_sdk_organizations::types::Account>, Gap> {
    let operation = Operation::DescribeAccount;
    let client = access.clients.organizations(access.home_region());
    access
        .caller
        .call(pages::home(access, operation), |credentials| {
            let request = client
                .describe_account()
                .account_id(id.as_str())
                .customize()
                .config_override(organizations_as(credentials));
            async move {
                match request.send().await {
                    Ok(answer) => match answer.account {
                        Some(account) => Ok(Some(account)),
                        None => Err(CallFailure::malformed(operation, "the response describes no account")),
                    },
                    Err(error) => {
                        let failure = CallFailure::of(operation, &error);
                        if failure.code() == Some("AccountNotFoundException") { Ok(None) } else { Err(failure) }
                    }
                }
            }
        })
        .await
}
