//! The accounts of the organization.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;

use doorward_model::{Account, AccountId, AccountState, Gap, GapReason, Listing, Observed, Organization};

use super::DiscoverSettings;
use super::units::Units;
use crate::access::{Access, organizations_as};
use crate::actions::Operation;
use crate::call::Route;
use crate::failure::Failure;
use crate::pace::Family;

/// What Organizations told.
pub(super) struct Found {
    pub(super) organization: Observed<Organization>,
    pub(super) accounts: Vec<Account>,
    pub(super) listing: Listing,
}

/// The base identity's own account and no other.
pub(super) fn alone(access: &Access) -> Found {
    let account = Account {
        id: access.account().clone(),
        name: Observed::Absent,
        state: AccountState::Active,
        // The account stands somewhere in an organization, or in none: nobody asked.
        ou: Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListParents.action())),
        tags: Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListTagsForResource.action())),
        regions: not_asked_regions(),
    };
    Found { organization: Observed::Absent, accounts: vec![account], listing: Listing::Full }
}

/// The whole organization. Fails only where there is nothing to go on: a list that ends early is kept and marked.
pub(super) async fn read(access: &Access, settings: &DiscoverSettings) -> Result<Found, Gap> {
    read_of(access, settings, None).await
}

/// The same, with the details of some accounts alone: those of the others would cost a call each, and are left out.
pub(super) async fn read_of(
    access: &Access,
    settings: &DiscoverSettings,
    only: Option<&BTreeSet<AccountId>>,
) -> Result<Found, Gap> {
    let organization = describe(access).await?;
    let (mut listed, mut listing) = list(access).await?;
    if !listed.iter().any(|a| a.id == access.account().as_str()) && listing.is_full() {
        let gap = Gap::new(GapReason::Malformed, Operation::ListAccounts.action())
            .with_message(format!("the list of accounts lacks {}, the account that asked", access.account()));
        if listed.is_empty() {
            return Err(gap);
        }
        listing = Listing::Unread(Arc::new(gap));
    }
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    listed.dedup_by(|a, b| a.id == b.id);
    if let Some(only) = only {
        listed.retain(|told| only.iter().any(|account| account.as_str() == told.id));
    }
    let units = Units::read(access).await;
    let want_tags = settings.account_tags_wanted || settings.scope.needs_tags();
    let accounts: Vec<Result<Account, Gap>> =
        futures::stream::iter(listed).map(|told| account(access, &units, told, want_tags)).buffered(16).collect().await;
    let mut good = Vec::with_capacity(accounts.len());
    for account in accounts {
        match account {
            Ok(account) => good.push(account),
            Err(gap) => listing = Listing::Unread(Arc::new(gap)),
        }
    }
    Ok(Found { organization: Observed::Known(organization), accounts: good, listing })
}

struct Told {
    id: String,
    name: Option<String>,
    state: Option<String>,
    paths: Vec<String>,
}

async fn describe(access: &Access) -> Result<Organization, Gap> {
    let operation = Operation::DescribeOrganization;
    let client = access.clients.organizations(access.home_region());
    let route = Route {
        session: access.base(),
        region: access.home_region(),
        told_enabled: true,
        family: Family::OrganizationAccounts,
        operation,
    };
    access
        .caller
        .call(route, |credentials| {
            let request = client.describe_organization().customize().config_override(organizations_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| Failure::of(operation, &e))?;
                let told = answer.organization().ok_or_else(|| Failure::malformed(operation, "the answer is empty"))?;
                let management = told.master_account_id().and_then(|id| AccountId::new(id).ok());
                match (told.id(), management) {
                    (Some(id), Some(management_account)) => Ok(Organization { id: id.to_owned(), management_account }),
                    _ => Err(Failure::malformed(operation, "the answer lacks the id or the management account")),
                }
            }
        })
        .await
}

/// All accounts. Pages may be empty and still not the last one. An error with nothing listed is an error; later it is a gap.
async fn list(access: &Access) -> Result<(Vec<Told>, Listing), Gap> {
    let operation = Operation::ListAccounts;
    let client = access.clients.organizations(access.home_region());
    let route = Route {
        session: access.base(),
        region: access.home_region(),
        told_enabled: true,
        family: Family::OrganizationAccounts,
        operation,
    };
    let (pages, gap) = access
        .caller
        .pages(route, |credentials, token| {
            let request = client
                .list_accounts()
                .max_results(20)
                .set_next_token(token)
                .customize()
                .config_override(organizations_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| Failure::of(operation, &e))?;
                let accounts =
                    answer.accounts.ok_or_else(|| Failure::malformed(operation, "the answer lists no accounts"))?;
                Ok((accounts, answer.next_token))
            }
        })
        .await;
    let all: Vec<Told> = pages
        .into_iter()
        .map(|a| Told {
            id: a.id.unwrap_or_default(),
            name: a.name,
            // `State` replaced `Status`, which retired on 2026-09-09 and may still be all that an older partition sends.
            state: a.state.map(|s| s.as_str().to_owned()).or_else(|| legacy_state(a.status.as_ref())),
            paths: a.paths.unwrap_or_default(),
        })
        .collect();
    match gap {
        Some(gap) if all.is_empty() => Err(gap),
        Some(gap) => Ok((all, Listing::Unread(Arc::new(gap)))),
        None => Ok((all, Listing::Full)),
    }
}

fn legacy_state(status: Option<&aws_sdk_organizations::types::AccountStatus>) -> Option<String> {
    status.map(|s| s.as_str().to_owned())
}

async fn account(access: &Access, units: &Units, told: Told, want_tags: bool) -> Result<Account, Gap> {
    let id = AccountId::new(&told.id)
        .map_err(|e| Gap::new(GapReason::Malformed, Operation::ListAccounts.action()).with_message(e.to_string()))?;
    let tags = if want_tags {
        account_tags(access, &id).await
    } else {
        Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListTagsForResource.action()))
    };
    Ok(Account {
        ou: units.path_of(access, &id, &told.paths).await,
        name: Observed::from_answer(told.name),
        state: AccountState::from_aws(told.state.as_deref().unwrap_or("(not told)")),
        tags,
        regions: not_asked_regions(),
        id,
    })
}

async fn account_tags(access: &Access, id: &AccountId) -> Observed<BTreeMap<String, String>> {
    let operation = Operation::ListTagsForResource;
    let client = access.clients.organizations(access.home_region());
    let route = Route {
        session: access.base(),
        region: access.home_region(),
        told_enabled: true,
        family: Family::OrganizationTags,
        operation,
    };
    let (pages, gap) = access
        .caller
        .pages(route, |credentials, token| {
            let request = client
                .list_tags_for_resource()
                .resource_id(id.as_str())
                .set_next_token(token)
                .customize()
                .config_override(organizations_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| Failure::of(operation, &e))?;
                let tags = answer.tags.ok_or_else(|| Failure::malformed(operation, "the answer lists no tags"))?;
                Ok((tags, answer.next_token))
            }
        })
        .await;
    match gap {
        None => Observed::Known(pages.into_iter().map(|tag| (tag.key, tag.value)).collect()),
        Some(gap) => Observed::unread(gap),
    }
}

fn not_asked_regions<T>() -> Observed<T> {
    Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListRegions.action()))
}
