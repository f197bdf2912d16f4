//! Discover: the organization becomes a plan in which every account-Region appears exactly once.
//!
//! Accounts that cannot be entered, are closed, or are left out by the settings are settled here, over the Regions that
//! a reference list names; the rest become targets for collect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{
    Account, AccountId, AccountRegion, Gap, GapReason, Listing, Observed, Organization, Region, RegionInventory,
};

use crate::Stop;
use crate::access::{Access, Session};
use crate::actions::Operation;

mod known;
mod lost;
mod members;
mod organization;
mod regions;
mod scope;
mod single;
mod units;

pub use known::Known;
pub use members::{Members, members};
use regions::RegionState;
use scope::Decision;
pub use scope::{RegionSettings, ScopeSettings, TagFilter};
pub use single::{ScopeDecision, Single, enter_one};

/// Where discover looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverSettings {
    /// Which accounts.
    pub scope: ScopeSettings,
    /// Which Regions.
    pub regions: RegionSettings,
    /// Whether account tags are read although no filter needs them: owners may come from them.
    pub account_tags_wanted: bool,
}

/// One account-Region to collect from.
#[derive(Clone)]
pub struct Target {
    /// The account and the Region.
    pub place: AccountRegion,
    /// Whether the account itself said that the Region is enabled.
    pub(crate) told_enabled: bool,
    pub(crate) session: Arc<Session>,
}

/// The organization, divided into what will be looked at and what will not.
pub struct Plan {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// Account-Regions to collect from, in an order in which neighbours are different accounts in different Regions: a
    /// silent Region or a throttled account must not fill the queue.
    pub targets: Vec<Target>,
    /// Account-Regions whose outcome is known already.
    pub settled: Vec<RegionInventory>,
    /// Accounts of an earlier scan that AWS says are not in the organization any more, as that scan found them.
    pub departed: Vec<Account>,
}

/// Nothing to scan.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The organization could not be read at all.
    #[error("the organization could not be read as {caller}: {gap}{}; run it from the management account or a delegated administrator, or scan one account with --single-account", .gap.message.as_deref().map(|m| format!(": {m}")).unwrap_or_default())]
    Organization {
        /// The base identity.
        caller: String,
        /// What AWS answered.
        gap: Box<Gap>,
    },
    /// The settings name a Region that does not exist here.
    #[error("`regions.include` names {region}, which is not among the {known} Regions of partition {partition}")]
    UnknownRegion {
        /// The Region.
        region: Region,
        /// How many Regions are known.
        known: usize,
        /// The partition.
        partition: String,
    },
    /// Stopped before there was anything to report.
    #[error("stopped before the organization was listed ({0}); nothing was scanned")]
    Stopped(GapReason),
}

/// Lists accounts and Regions and opens a session in every account that is to be scanned. `on_account` is told the
/// number of accounts settled so far and the number of all. What `known` has of this organization, from an earlier scan, and AWS
/// does not list any more is accounted for: no account and no Region leaves the plan in silence.
pub async fn discover(
    access: &Access,
    settings: &DiscoverSettings,
    known: &[Known],
    stop: &Stop,
    on_account: &(dyn Fn(usize, usize) + Sync),
) -> Result<Plan, DiscoverError> {
    let read = async {
        if settings.scope.single_account {
            return Ok(organization::alone(access));
        }
        organization::read(access, settings, known)
            .await
            .map_err(|gap| DiscoverError::Organization { caller: access.identity().to_string(), gap: Box::new(gap) })
    };
    let found = tokio::select! {
        found = read => found?,
        gap = stop.stopped(Operation::ListAccounts.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    let reference = tokio::select! {
        reference = Reference::read(access, &settings.regions) => reference,
        gap = stop.stopped(Operation::ListRegions.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    reference.check(access, &settings.regions)?;

    let all = found.accounts.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let mut outcomes: Vec<Outcome> = futures::stream::iter(found.accounts)
        .map(|account| async {
            let outcome = settle(access, settings, &reference, account, stop).await;
            on_account(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, all);
            outcome
        })
        .buffer_unordered(64)
        .collect()
        .await;
    outcomes.extend(found.unread.into_iter().map(|(account, gap)| reference.fail(&settings.regions, account, &gap)));
    outcomes.sort_by(|a, b| a.account.id.cmp(&b.account.id));
    let remembered = known::of(known, access, &found.organization);
    let regions = reference.all(&settings.regions, &outcomes, known::regions(&remembered));
    for outcome in &mut outcomes {
        outcome.complete(&settings.regions, &regions);
    }

    let mut plan = Plan {
        organization: found.organization,
        accounts: Vec::with_capacity(all),
        accounts_listing: found.listing,
        targets: Vec::new(),
        settled: Vec::new(),
        departed: found.departed,
    };
    for outcome in outcomes {
        plan.accounts.push(outcome.account);
        plan.targets.extend(outcome.targets);
        plan.settled.extend(outcome.settled);
    }
    interleave(&mut plan.targets);
    Ok(plan)
}

/// Sorts along the diagonals of accounts by Regions.
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

/// What becomes of the Regions that an account's part of the plan does not have, and something else names.
enum Rest {
    /// The account is left out, and they with it.
    Skip(Gap),
    /// The account could not be read, nor could they.
    Fail(Gap),
    /// The account listed its Regions without them.
    Lacks,
    /// A line without a Region stands for them.
    Unnamed,
}

impl Outcome {
    /// The Regions that have a line.
    fn regions(&self) -> BTreeSet<Region> {
        let settled = self.settled.iter().filter_map(|cell| cell.region.clone());
        self.targets.iter().map(|target| target.place.region.clone()).chain(settled).collect()
    }

    /// Gives every Region of the partition a line. AWS lists all of them to every account, enabled or not, so a list without
    /// one is not whole.
    fn complete(&mut self, settings: &RegionSettings, all: &BTreeSet<Region>) {
        if matches!(self.rest, Rest::Unnamed) {
            return;
        }
        let id = &self.account.id;
        for region in all.difference(&self.regions()) {
            let place = Some(region.clone());
            let skipped = match (settings.decide(region, RegionState::Enabled), &self.rest) {
                (Decision::Out(why), _) => Some(why),
                (_, Rest::Skip(why)) => Some(why.clone()),
                _ => None,
            };
            let failed = || match &self.rest {
                Rest::Fail(gap) => gap.clone(),
                _ => Gap::new(GapReason::Malformed, Operation::ListRegions.action()).with_message(
                    "the account's list of Regions lacks this one, which another account, an earlier scan or \
                     `regions.include` names",
                ),
            };
            let cell = match skipped {
                Some(why) => RegionInventory::skipped(id.clone(), place, why),
                None => RegionInventory::failed(id.clone(), place, failed()),
            };
            self.settled.push(cell);
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

async fn enter(access: &Access, settings: &DiscoverSettings, reference: &Reference, mut account: Account) -> Outcome {
    if account.state.is_inactive() {
        let why = Gap::new(GapReason::AccountInactive, Operation::ListAccounts.action())
            .with_message(format!("the account is {}", account.state));
        return reference.skip(&settings.regions, account, &why);
    }
    match settings.scope.decide(&account) {
        Decision::In => {}
        Decision::Out(why) => return reference.skip(&settings.regions, account, &why),
        Decision::Unclear(gap) => return reference.fail(&settings.regions, account, &gap),
    }
    let session = match access.session(&account.id, &account.ou) {
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
                // Which of them are enabled here is not known, so all are tried.
                Some(names) => {
                    let tried = names.iter().map(|r| (r.clone(), RegionState::Untold)).collect();
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
                let told_enabled = state == RegionState::Enabled;
                outcome.targets.push(Target { place, told_enabled, session: session.clone() });
            }
            Decision::Out(why) => outcome.settled.push(RegionInventory::skipped(id.clone(), Some(region), why)),
            Decision::Unclear(gap) => outcome.settled.push(RegionInventory::failed(id.clone(), Some(region), gap)),
        }
    }
    if let Some(gap) = complete {
        outcome.settled.push(RegionInventory::failed(
            id,
            None,
            gap.with_message("the account's further Regions could not be listed"),
        ));
    }
    outcome
}

/// The Regions over which an account is accounted for when it cannot be asked itself: those of the base identity's
/// own account (which lists every Region of the partition), else those the settings name.
struct Reference {
    regions: Option<Vec<Region>>,
    from_settings: bool,
}

impl Reference {
    async fn read(access: &Access, settings: &RegionSettings) -> Self {
        if let Ok(listed) = regions::list(access, access.base()).await {
            return Self {
                regions: Some(listed.into_iter().map(|(region, _)| region).collect()),
                from_settings: false,
            };
        }
        let named: BTreeSet<Region> = settings.include.iter().chain(&settings.fallback).cloned().collect();
        Self { regions: (!named.is_empty()).then(|| named.into_iter().collect()), from_settings: true }
    }

    fn check(&self, access: &Access, settings: &RegionSettings) -> Result<(), DiscoverError> {
        let Some(known) = self.regions.as_deref().filter(|_| !self.from_settings) else { return Ok(()) };
        match settings.include.iter().find(|region| !known.contains(region)) {
            Some(region) => Err(DiscoverError::UnknownRegion {
                region: region.clone(),
                known: known.len(),
                partition: access.partition().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Every Region that something names: the reference list if AWS gave it, the settings, an account's own list, and what an
    /// earlier scan found enabled. Regions that are only tried are not among them.
    fn all<'a>(
        &self,
        settings: &RegionSettings,
        outcomes: &[Outcome],
        remembered: impl Iterator<Item = &'a Region>,
    ) -> BTreeSet<Region> {
        let listed = outcomes.iter().filter(|outcome| matches!(outcome.rest, Rest::Lacks)).flat_map(Outcome::regions);
        let reference = self.regions.iter().flatten().filter(|_| !self.from_settings);
        reference.cloned().chain(settings.include.iter().cloned()).chain(remembered.cloned()).chain(listed).collect()
    }

    /// Whether there may be Regions beyond the list: it is the settings' fallback, and they do not name all Regions.
    fn is_open(&self, settings: &RegionSettings) -> bool {
        self.from_settings && settings.include.is_empty()
    }

    fn skip(&self, settings: &RegionSettings, account: Account, why: &Gap) -> Outcome {
        self.spread(settings, account, Rest::Skip(why.clone()), |id, region| {
            RegionInventory::skipped(id, region, why.clone())
        })
    }

    fn fail(&self, settings: &RegionSettings, account: Account, why: &Gap) -> Outcome {
        self.spread(settings, account, Rest::Fail(why.clone()), |id, region| {
            RegionInventory::failed(id, region, why.clone())
        })
    }

    fn spread(
        &self,
        settings: &RegionSettings,
        account: Account,
        rest: Rest,
        cell: impl Fn(AccountId, Option<Region>) -> RegionInventory,
    ) -> Outcome {
        let id = account.id.clone();
        let known = self.regions.iter().flatten().map(|region| match settings.decide(region, RegionState::Enabled) {
            Decision::Out(why) => RegionInventory::skipped(id.clone(), Some(region.clone()), why),
            _ => cell(id.clone(), Some(region.clone())),
        });
        // A list that is only the settings' guess leaves Regions that nobody can name.
        let unnamed = self.is_open(settings).then(|| cell(id.clone(), None));
        let settled = known.chain(unnamed).collect();
        let rest = if self.is_open(settings) { Rest::Unnamed } else { rest };
        Outcome { account, targets: Vec::new(), settled, rest }
    }
}
