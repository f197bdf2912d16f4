//! The accounts of the organization.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_organizations::operation::list_tags_for_resource::ListTagsForResourceOutput;
use futures::StreamExt;

use doorward_aws::{Access, CallFailure, Operation, organizations_as};
use doorward_model::{
    Account, AccountId, AccountState, Gap, GapReason, Listing, Observed, Organization, OuPath, TextMap,
};

use super::known::{self, KnownOrganization};
use super::scope::Decision;
use super::units::Units;
use super::{DiscoverSettings, lost};
use crate::collect::v2::unambiguous;
use crate::pages::{self, pages};

/// The accounts of the organization as read.
pub(super) struct FoundAccounts {
    pub(super) organization: Observed<Organization>,
    pub(super) accounts: Vec<Account>,
    pub(super) listing: Listing,
    /// Accounts of an earlier scan that could not be read, with the gap.
    pub(super) unread: Vec<(Account, Gap)>,
    /// Accounts of an earlier scan that are not in the organization any more.
    pub(super) departed: Vec<Account>,
    /// Every organizational unit; absent if the tree could not be read in full.
    pub(super) units: Option<Vec<OuPath>>,
}

/// The account of the base identity only.
pub(super) fn alone(access: &Access) -> FoundAccounts {
    let account = Account {
        id: access.account().clone(),
        name: Observed::Absent,
        state: AccountState::Active,
        // Whether the account is in an organization is not read.
        ou: Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListParents.action())),
        tags: Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListTagsForResource.action())),
        regions: not_asked_regions(),
    };
    FoundAccounts {
        organization: Observed::Absent,
        accounts: vec![account],
        listing: Listing::Full,
        unread: Vec::new(),
        departed: Vec::new(),
        units: None,
    }
}

/// The whole organization. It fails only if nothing could be read: an incomplete list is kept and marked. Accounts in `known` that
/// the list lacks are described one by one.
pub(super) async fn read(
    access: &Access,
    settings: &DiscoverSettings,
    known: &[KnownOrganization],
) -> Result<FoundAccounts, Gap> {
    read_of(access, settings, known, None).await
}

/// The same, with the details of some accounts only, because those of each account cost a call.
pub(super) async fn read_of(
    access: &Access,
    settings: &DiscoverSettings,
    known: &[KnownOrganization],
    only: Option<&BTreeSet<AccountId>>,
) -> Result<FoundAccounts, Gap> {
    let organization = describe(access).await?;
    let (listed, mut listing) = list(access, &organization).await?;
    let (listed, contradiction) = once(listed);
    if listed.is_empty() && listing.is_full() {
        return Err(short(access.account(), "the account of the base identity"));
    }
    let expected = [
        (access.account(), "the account of the base identity"),
        (&organization.management_account, "the management account"),
    ];
    let lacks = |(id, _): &&(&AccountId, &str)| !listed.iter().any(|entry| entry.id == id.as_str());
    let problem = contradiction.or_else(|| expected.iter().find(lacks).map(|(id, who)| short(id, who)));
    if let (Some(problem), true) = (problem, listing.is_full()) {
        listing = Listing::Unread(Arc::new(problem));
    }
    let listed: Vec<TreeEntry> = match only {
        Some(only) => {
            listed.into_iter().filter(|entry| only.iter().any(|account| account.as_str() == entry.id)).collect()
        }
        None => listed,
    };
    let units = Units::read(access).await;
    let want_tags = settings.account_tags_wanted || settings.scope.needs_tags();
    let accounts: Vec<Result<Account, Gap>> = futures::stream::iter(listed)
        .map(|entry| account(access, &units, entry, want_tags))
        .buffered(16)
        .collect()
        .await;
    let mut found = FoundAccounts {
        organization: Observed::Known(organization),
        accounts: Vec::with_capacity(accounts.len()),
        listing,
        unread: Vec::new(),
        departed: Vec::new(),
        units: units.all(),
    };
    for account in accounts {
        match account {
            Ok(account) => found.accounts.push(account),
            Err(gap) => found.listing = Listing::Unread(Arc::new(gap)),
        }
    }
    let ids: Vec<AccountId> = found.accounts.iter().map(|account| account.id.clone()).collect();
    let mut missing = known::missing(&known::of(known, access.account(), &found.organization), &ids);
    // Accounts that the settings exclude are not part of the scan, listed or not.
    missing.retain(|account| !matches!(settings.scope.decide(account), Decision::Out(_)));
    lost::account_for(access, &units, want_tags, missing, &mut found).await;
    found.accounts.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// The gap of a list of accounts that lacks an account which must be in it.
fn short(id: &AccountId, who: &str) -> Gap {
    Gap::new(GapReason::Malformed, Operation::ListAccounts.action())
        .with_message(format!("the list of accounts does not contain {id}, {who}"))
}

/// Each account once, ordered by id. Pages may overlap. If two entries of one account contradict each other, the account is
/// scanned if either entry allows it, and the list is malformed.
fn once(mut listed: Vec<TreeEntry>) -> (Vec<TreeEntry>, Option<Gap>) {
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    let mut all: Vec<TreeEntry> = Vec::with_capacity(listed.len());
    let mut contradiction = None;
    for entry in listed {
        let Some(known) = all.last_mut().filter(|known| known.id == entry.id) else {
            all.push(entry);
            continue;
        };
        if *known == entry {
            continue;
        }
        contradiction.get_or_insert_with(|| {
            Gap::new(GapReason::Malformed, Operation::ListAccounts.action())
                .with_message(format!("the list of accounts contains {} twice, with different contents", entry.id))
        });
        known.merge(entry);
    }
    (all, contradiction)
}

/// An entry of the list of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub(super) id: String,
    name: Option<String>,
    state: Option<String>,
    paths: Vec<String>,
    /// Whether its ARN names another account or organization.
    foreign: bool,
    /// Whether the same page named the account before.
    again: bool,
}

impl TreeEntry {
    pub(super) fn of(entry: aws_sdk_organizations::types::Account, organization: &Organization) -> Self {
        let id = entry.id.unwrap_or_default();
        let named = entry.arn.as_deref().and_then(|arn| Some(arn.split_once(":account/")?.1.to_owned()));
        let foreign = named.is_some_and(|named| named != format!("{}/{id}", organization.id));
        Self {
            id,
            name: entry.name,
            // `State` replaced `Status`, which retired on 2026-09-09 and may still be all that an older partition sends.
            state: entry.state.map(|s| s.as_str().to_owned()).or_else(|| legacy_state(entry.status.as_ref())),
            paths: entry.paths.unwrap_or_default(),
            foreign,
            again: false,
        }
    }

    /// Merges another entry of the same account: values that differ become unknown.
    fn merge(&mut self, other: Self) {
        let inactive =
            |state: &Option<String>| state.as_deref().is_some_and(|state| AccountState::from_aws(state).is_inactive());
        if self.state != other.state {
            // An account is inactive only if both entries agree.
            self.state = match (inactive(&self.state), inactive(&other.state)) {
                (true, true) => Some("SUSPENDED".to_owned()),
                (true, false) => other.state,
                (false, _) => self.state.take(),
            };
        }
        self.name = self.name.take().filter(|name| Some(name) == other.name.as_ref());
        if self.paths != other.paths {
            // With more than one path the organizational unit is unknown.
            self.paths = self.paths.drain(..).chain(other.paths).collect::<BTreeSet<_>>().into_iter().collect();
        }
        self.foreign |= other.foreign;
    }
}

async fn describe(access: &Access) -> Result<Organization, Gap> {
    let operation = Operation::DescribeOrganization;
    let client = access.clients.organizations(access.home_region());
    access
        .caller
        .call(pages::home(access, operation), |credentials| {
            let request = client.describe_organization().customize().config_override(organizations_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                let organization =
                    answer.organization().ok_or_else(|| CallFailure::malformed(operation, "the response is empty"))?;
                let management = organization.master_account_id().and_then(|id| AccountId::new(id).ok());
                match (organization.id(), management) {
                    (Some(id), Some(management_account)) => Ok(Organization { id: id.to_owned(), management_account }),
                    _ => Err(CallFailure::malformed(operation, "the response lacks the id or the management account")),
                }
            }
        })
        .await
}

/// All accounts. An empty page need not be the last one. A failure before the first account is an error, a later one a gap.
async fn list(access: &Access, organization: &Organization) -> Result<(Vec<TreeEntry>, Listing), Gap> {
    let operation = Operation::ListAccounts;
    let client = access.clients.organizations(access.home_region());
    let send = |credentials, token| {
        let request = client.list_accounts().max_results(20).set_next_token(token);
        request.customize().config_override(organizations_as(credentials)).send()
    };
    let (all, gap) = pages(access, pages::home(access, operation), "accounts", send, |response| {
        // Pages may overlap when accounts come and go; one page names none twice.
        let mut named = BTreeSet::new();
        let mut entry = |account| {
            let entry = TreeEntry::of(account, organization);
            TreeEntry { again: !named.insert(entry.id.clone()), ..entry }
        };
        (response.accounts.map(|accounts| accounts.into_iter().map(&mut entry).collect()), response.next_token)
    })
    .await;
    match gap {
        Some(gap) if all.is_empty() => Err(gap),
        Some(gap) => Ok((all, Listing::Unread(Arc::new(gap)))),
        None => Ok((all, Listing::Full)),
    }
}

fn legacy_state(status: Option<&aws_sdk_organizations::types::AccountStatus>) -> Option<String> {
    status.map(|s| s.as_str().to_owned())
}

pub(super) async fn account(access: &Access, units: &Units, entry: TreeEntry, want_tags: bool) -> Result<Account, Gap> {
    let malformed = |what: String| Gap::new(GapReason::Malformed, Operation::ListAccounts.action()).with_message(what);
    let id = AccountId::new(&entry.id).map_err(|e| malformed(e.to_string()))?;
    if entry.foreign {
        return Err(malformed(format!(
            "the list of accounts contains {id} under the ARN of another account or organization"
        )));
    }
    let tags = if want_tags {
        account_tags(access, &id).await
    } else {
        Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListTagsForResource.action()))
    };
    Ok(Account {
        ou: units.path_of(access, &id, &entry.paths).await,
        name: Observed::from_answer(entry.name),
        state: AccountState::from_aws(entry.state.as_deref().unwrap_or("(no state)")),
        tags,
        regions: not_asked_regions(),
        id,
    })
}

async fn account_tags(access: &Access, id: &AccountId) -> Observed<TextMap> {
    let operation = Operation::ListTagsForResource;
    let client = access.clients.organizations(access.home_region());
    let send = |credentials, token| {
        let request = client.list_tags_for_resource().resource_id(id.as_str()).set_next_token(token);
        request.customize().config_override(organizations_as(credentials)).send()
    };
    let take = |response: ListTagsForResourceOutput| (response.tags, response.next_token);
    let (tags, gap) = pages(access, pages::home(access, operation), "tags", send, take).await;
    if let Some(gap) = gap {
        return Observed::unread(gap);
    }
    // The SDK returns an empty text in the place of a missing key, which is not a key.
    match unambiguous(tags.into_iter().map(|tag| (Some(tag.key), Some(tag.value)))) {
        Ok(tags) => Observed::Known(tags),
        Err(problem) => Observed::unread(Gap::new(GapReason::Malformed, operation.action()).with_message(problem)),
    }
}

fn not_asked_regions<T>() -> Observed<T> {
    Observed::unread(Gap::new(GapReason::NotAsked, Operation::ListRegions.action()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, name: &str, state: &str, path: &str) -> TreeEntry {
        let (name, state) = (Some(name.to_owned()), Some(state.to_owned()));
        TreeEntry { id: id.into(), name, state, paths: vec![path.into()], ..TreeEntry::default() }
    }

    #[test]
    fn an_account_that_is_listed_twice_is_looked_at_and_the_list_is_not_whole() {
        let one = |state: &str| entry("111122223333", "shop", state, "o-1/r-1/111122223333/");
        for (first, second, state, whole) in [
            ("ACTIVE", "ACTIVE", "ACTIVE", true),
            ("SUSPENDED", "ACTIVE", "ACTIVE", false),
            ("ACTIVE", "SUSPENDED", "ACTIVE", false),
            ("CLOSED", "SUSPENDED", "SUSPENDED", false),
            ("PENDING_CLOSURE", "NEWER", "NEWER", false),
        ] {
            let (all, contradiction) = once(vec![one(first), one(second)]);
            assert_eq!((all.len(), all[0].state.as_deref()), (1, Some(state)), "{first} {second}");
            assert_eq!(contradiction.is_none(), whole, "{first} {second}");
        }
        let (all, contradiction) = once(vec![
            entry("111122223333", "shop", "ACTIVE", "o-1/r-1/ou-1/111122223333/"),
            entry("111122223333", "till", "ACTIVE", "o-1/r-1/ou-2/111122223333/"),
        ]);
        assert!(contradiction.is_some() && all[0].name.is_none() && all[0].paths.len() == 2, "{all:?}");
    }
}
