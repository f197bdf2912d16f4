//! Discover: reads the organization and plans every account-Region exactly once.
//!
//! Accounts that are closed, excluded by the settings, or whose role cannot be assumed get their outcome here, for the Regions of
//! a reference list; all others become targets of collect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_aws::{Access, Operation, Session, Stop};
use doorward_model::{
    Account, AccountId, AccountRegion, Gap, GapReason, Listing, Observed, Organization, Region, RegionInventory,
    UnmatchedSetting,
};

use crate::actions::scan_role_grants;

mod discovered;
mod known;
mod lost;
mod members;
mod organization;
mod reference;
mod regions;
mod scope;
mod single_account;
mod units;
mod unmatched;
mod unplanned;

pub use discovered::DiscoveredPlan;
pub use known::KnownOrganization;
pub use members::{Members, members};
use reference::Reference;
use regions::RegionState;
use scope::Decision;
pub use scope::{RegionSettings, ScopeSettings, TagFilter};
pub use single_account::{ScopeDecision, Single, enter_one};
pub use unplanned::{PlanKnowledge, add_unplanned};

/// The accounts and Regions to discover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverSettings {
    /// The accounts.
    pub scope: ScopeSettings,
    /// The Regions.
    pub regions: RegionSettings,
    /// Whether account tags are read although no filter needs them, because owners may come from them.
    pub account_tags_wanted: bool,
}

/// One account-Region to collect from.
#[derive(Clone)]
pub struct Target {
    /// The account and the Region.
    pub place: AccountRegion,
    /// Whether the account's own list contains the Region as enabled.
    pub(crate) region_enabled: bool,
    pub(crate) session: Arc<Session>,
}

/// The organization, with every account-Region either a target or already settled.
pub struct ScanPlan {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// Account-Regions to collect from. Neighbours are different accounts in different Regions, so that neither an unreachable
    /// Region nor a throttled account fills the queue.
    pub targets: Vec<Target>,
    /// Account-Regions whose outcome is already known.
    pub settled: Vec<RegionInventory>,
    /// Accounts of an earlier scan that are not in the organization any more, as that scan read them.
    pub departed: Vec<Account>,
    /// Entries of `scope` and `regions` in the settings that discovery did not find.
    pub unmatched: Vec<UnmatchedSetting>,
    /// The names with which other settings are compared.
    listed: unmatched::DiscoveredNames,
}

/// The organization cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The organization could not be read at all.
    #[error("the organization could not be read as {caller}: {}; run it from the management account or a delegated administrator, or scan one account with --single-account", .gap.in_full())]
    Organization {
        /// The base identity.
        caller: String,
        /// The gap.
        gap: Box<Gap>,
    },
    /// The settings name a Region that does not exist in the partition.
    #[error("`regions.include` names {region}, which is not one of the {} Regions of partition {partition}", known.len())]
    UnknownRegion {
        /// The Region.
        region: Region,
        /// The Regions of the partition.
        known: Vec<Region>,
        /// The partition.
        partition: String,
    },
    /// The scan was stopped before the organization was listed.
    #[error("stopped before the organization was listed ({0}); nothing was scanned")]
    Stopped(GapReason),
}

/// Lists accounts and Regions and opens a session in every account to scan. `on_account` receives the number of accounts that are
/// settled and the number of all accounts. Accounts and Regions of an earlier scan (`known`) that AWS does not list any more are
/// also in the plan.
///
/// # Errors
///
/// The organization could not be read at all, the settings name a Region that does not exist, or the scan was stopped.
pub async fn discover(
    access: &Access,
    settings: &DiscoverSettings,
    known: &[KnownOrganization],
    stop: &Stop,
    on_account: &(dyn Fn(usize, usize) + Sync),
) -> Result<ScanPlan, DiscoverError> {
    let read = async {
        if settings.scope.single_account {
            return Ok(organization::alone(access));
        }
        organization::read(access, settings, known)
            .await
            .map_err(|gap| DiscoverError::Organization { caller: access.identity().to_string(), gap: Box::new(gap) })
    };
    let mut found = tokio::select! {
        found = read => found?,
        gap = stop.stopped(Operation::ListAccounts.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    let reference = tokio::select! {
        reference = Reference::read(access, &settings.regions) => reference,
        gap = stop.stopped(Operation::ListRegions.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    reference.check(access, &settings.regions)?;

    let listed = unmatched::DiscoveredNames::of(&found);
    let all = found.accounts.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let mut outcomes: Vec<Outcome> = futures::stream::iter(found.accounts.drain(..))
        .map(|account| async {
            let outcome = settle(access, settings, &reference, account, stop).await;
            on_account(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, all);
            outcome
        })
        .buffer_unordered(64)
        .collect()
        .await;
    outcomes.extend(found.unread.drain(..).map(|(account, gap)| reference.fail(&settings.regions, account, &gap)));
    outcomes.sort_by(|a, b| a.account.id.cmp(&b.account.id));
    let remembered = known::of(known, access.account(), &found.organization);
    let regions = reference.all(&settings.regions, &outcomes, known::regions(&remembered));
    for outcome in &mut outcomes {
        outcome.complete(&settings.regions, &regions);
    }

    let is_listed = !reference.from_settings || outcomes.iter().any(|outcome| matches!(outcome.rest, Rest::Lacks));
    let mut accounts = Vec::with_capacity(all);
    let (mut targets, mut settled) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        accounts.push(outcome.account);
        targets.extend(outcome.targets);
        settled.extend(outcome.settled);
    }
    settled.extend(unmatched::missing_accounts(settings, &found, &accounts));
    let mut plan = ScanPlan {
        organization: found.organization,
        accounts,
        accounts_listing: found.listing,
        targets,
        settled,
        departed: found.departed,
        unmatched: Vec::new(),
        listed,
    };
    plan.unmatched = unmatched::of_scope(settings, &plan, is_listed.then_some(&regions), access.partition());
    interleave(&mut plan.targets);
    let (accounts, targets, settled) = (plan.accounts.len(), plan.targets.len(), plan.settled.len());
    tracing::info!(accounts, to_read = targets, settled, "discovered");
    Ok(plan)
}

impl ScanPlan {
    /// Keeps the account-Regions that `wanted` accepts. The accounts stay.
    pub fn retain(&mut self, wanted: impl Fn(&AccountId, Option<&Region>) -> bool) {
        self.targets.retain(|target| wanted(&target.place.account, Some(&target.place.region)));
        self.settled.retain(|cell| wanted(&cell.account, cell.region.as_ref()));
    }
}

/// Sorts along the diagonals of the matrix of accounts and Regions.
fn interleave(targets: &mut [Target]) {
    let rank = |all: BTreeSet<String>| -> BTreeMap<String, usize> { all.into_iter().zip(0..).collect() };
    let accounts = rank(targets.iter().map(|t| t.place.account.to_string()).collect());
    let regions = rank(targets.iter().map(|t| t.place.region.to_string()).collect());
    targets.sort_by_cached_key(|target| {
        let account = accounts.get(target.place.account.as_str()).copied().unwrap_or(0);
        let region = regions.get(target.place.region.as_str()).copied().unwrap_or(0);
        ((account + region) % regions.len().max(1), account)
    });
}

struct Outcome {
    account: Account,
    targets: Vec<Target>,
    settled: Vec<RegionInventory>,
    rest: Rest,
}

/// The outcome of Regions that another source names and that the account's part of the plan lacks.
enum Rest {
    /// The account is excluded, and so are they.
    Skip(Gap),
    /// The account could not be read, and neither could they.
    Fail(Gap),
    /// The account listed its Regions without them.
    Lacks,
    /// An entry without a Region represents them.
    Unnamed,
}

impl Outcome {
    /// The Regions of the account's part of the plan.
    fn regions(&self) -> BTreeSet<Region> {
        let settled = self.settled.iter().filter_map(|cell| cell.region.clone());
        self.targets.iter().map(|target| target.place.region.clone()).chain(settled).collect()
    }

    /// Adds the missing Regions of the partition. AWS lists all of them to every account, enabled or not, so a list that lacks
    /// one is incomplete.
    fn complete(&mut self, settings: &RegionSettings, all: &BTreeSet<Region>) {
        if matches!(self.rest, Rest::Unnamed) {
            return;
        }
        let id = &self.account.id;
        for region in all.difference(&self.regions()) {
            self.settled.push(self.rest.cell(settings, id, region));
        }
    }
}

impl Rest {
    /// The outcome of one such Region.
    fn cell(&self, settings: &RegionSettings, id: &AccountId, region: &Region) -> RegionInventory {
        let place = Some(region.clone());
        let skipped = match (settings.decide(region, RegionState::Enabled), self) {
            (Decision::Out(why), _) => Some(why),
            (_, Self::Skip(why)) => Some(why.clone()),
            _ => None,
        };
        let failed = || match self {
            Self::Fail(gap) => gap.clone(),
            _ => Gap::new(GapReason::Malformed, Operation::ListRegions.action()).with_message(
                "the account's list of Regions does not contain this one, which another account, an earlier scan or \
                 `regions.include` names",
            ),
        };
        match skipped {
            Some(why) => RegionInventory::skipped(id.clone(), place, why),
            None => RegionInventory::failed(id.clone(), place, failed()),
        }
    }
}

async fn settle(
    access: &Access,
    settings: &DiscoverSettings,
    reference: &Reference,
    account: Account,
    stop: &Stop,
) -> Outcome {
    tokio::select! {
        outcome = enter(access, settings, reference, account.clone()) => outcome,
        gap = stop.stopped(Operation::AssumeRole.action()) => reference.fail(&settings.regions, account, &gap),
    }
}

/// Why an account is not entered, if it is not in use.
fn inactive(account: &Account) -> Option<Gap> {
    let why = || Gap::new(GapReason::AccountInactive, Operation::ListAccounts.action());
    account.state.is_inactive().then(|| why().with_message(format!("the account is {}", account.state)))
}

async fn enter(access: &Access, settings: &DiscoverSettings, reference: &Reference, mut account: Account) -> Outcome {
    if let Some(why) = inactive(&account) {
        return reference.skip(&settings.regions, account, &why);
    }
    match settings.scope.decide(&account) {
        Decision::In => {}
        Decision::Out(why) => return reference.skip(&settings.regions, account, &why),
        Decision::Unclear(gap) => return reference.fail(&settings.regions, account, &gap),
    }
    let session = match access.session(&account.id, &account.ou, &scan_role_grants()) {
        Ok(session) => session,
        Err(gap) => return reference.fail(&settings.regions, account, &gap),
    };
    if let Err(gap) = session.credentials(&access.caller).await {
        return reference.fail(&settings.regions, account, &gap);
    }
    let (listed, complete) = match regions::list(access, &session).await {
        Ok(listed) => {
            account.regions = Observed::Known(
                listed.iter().filter(|(_, state)| state.is_enabled()).map(|(r, _)| r.clone()).collect(),
            );
            (listed, None)
        }
        Err(gap) => {
            account.regions = Observed::unread(gap.clone());
            match &reference.regions {
                // Which of them are enabled in the account is unknown, so all are tried.
                Some(names) => {
                    let tried = names.iter().map(|r| (r.clone(), RegionState::Unknown)).collect();
                    (tried, reference.is_open(&settings.regions).then_some(gap))
                }
                None => (Vec::new(), Some(gap)),
            }
        }
    };
    let rest = match (&account.regions, &complete) {
        (Observed::Known(_), _) => Rest::Lacks,
        (Observed::Unread(gap), None) => Rest::Fail(gap.as_ref().clone()),
        _ => Rest::Unnamed,
    };
    let mut outcome = Outcome { targets: Vec::new(), settled: Vec::new(), rest, account };
    let id = outcome.account.id.clone();
    for (region, state) in listed {
        match settings.regions.decide(&region, state) {
            Decision::In => {
                let place = AccountRegion { account: id.clone(), region };
                let region_enabled = state == RegionState::Enabled;
                outcome.targets.push(Target { place, region_enabled, session: session.clone() });
            }
            Decision::Out(why) => outcome.settled.push(RegionInventory::skipped(id.clone(), Some(region), why)),
            Decision::Unclear(gap) => outcome.settled.push(RegionInventory::failed(id.clone(), Some(region), gap)),
        }
    }
    if let Some(gap) = complete {
        outcome.settled.push(RegionInventory::failed(
            id,
            None,
            gap.with_message("the other Regions of the account could not be listed"),
        ));
    }
    outcome
}
