//! Merges the parts of shards into the inventory of one scan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use doorward_core::discover::PlanKnowledge;
use doorward_model::{
    Account, AccountId, Gap, GapReason, Inventory, Listing, Observed, RegionInventory, Run, UnmatchedSetting, is_ahead,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::part::{PartHead, PartPlan};
use crate::part_problem::PartProblem;
use crate::part_reader::{OpenPart, ReadPart, SavedPlan};
use crate::part_store::PartFile;
use crate::planned_places::PlannedPlace;
use crate::reference_part::{PartIdentity, reference};
use crate::shard_name::Shard;
use crate::shard_shares::Shares;

/// How old parts may be.
#[derive(Debug, Clone, Copy)]
pub struct MergeLimits {
    /// The time of the merge.
    pub now: Timestamp,
    /// The longest time since the scan of a part began.
    pub within: SignedDuration,
}

/// A scan, merged.
#[derive(Debug)]
pub struct Merged<C> {
    /// Every account-Region of the plan. The run is interrupted where a shard is missing or was stopped.
    pub inventory: Inventory,
    /// The criteria by which the scan is judged.
    pub criteria: C,
    /// Identifies the plan.
    pub plan: String,
    /// Identifies the settings that decide what is read.
    pub reads: String,
    /// How the account-Regions were planned, for what only the merging machine's ledger knows.
    pub planned: PlanKnowledge,
    /// The files that were not used.
    pub unused: Vec<UnusedPart>,
    /// The shards whose account-Regions are not available.
    pub missing: Vec<Shard>,
}

/// A file that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedPart {
    /// The file, as it was named.
    pub name: PathBuf,
    /// Its shard, as far as it could be read and is one of this scan.
    pub shard: Option<Shard>,
    /// Why.
    pub problem: PartProblem,
}

impl std::fmt::Display for UnusedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name.display(), self.problem)
    }
}

/// The parts cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// No file can be used, and without one the plan is not known.
    #[error("no part can be used, so the account-Regions of the scan are not known: {}", first_few(.0))]
    NoPart(Vec<UnusedPart>),
}

/// Some of the files, for a sentence.
fn first_few(unused: &[UnusedPart]) -> String {
    let named: Vec<String> = unused.iter().take(3).map(ToString::to_string).collect();
    let more = unused.len().saturating_sub(named.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", named.join("; "))
}

/// A file whose first line could be read.
struct Candidate {
    /// As it was named.
    name: PathBuf,
    local: PathBuf,
    shard: Shard,
    started: Timestamp,
    plan_file: Option<String>,
}

/// The parts that were merged so far.
struct Frame<C> {
    head: PartHead<C>,
    plan: PartPlan,
    shares: Shares,
}

/// Merges parts; with the file of their plan, only parts of it. One part at a time is read, and its account-Regions are kept only if it
/// proves to be complete.
///
/// # Errors
/// No part can be used and no plan was given.
pub fn merge<C: Serialize + DeserializeOwned>(
    files: &[PartFile],
    plan: Option<SavedPlan<C>>,
    limits: MergeLimits,
) -> Result<Merged<C>, MergeError> {
    let mut unused: Vec<UnusedPart> = Vec::new();
    let mut found: Vec<(PartIdentity, Candidate)> = Vec::new();
    for file in files {
        match candidate::<C>(file) {
            Ok(one) => found.push(one),
            Err(problem) => unused.push(UnusedPart { name: file.name.clone(), shard: None, problem }),
        }
    }
    let expected = match &plan {
        Some(plan) => {
            let own = found.iter().filter(|(_, one)| one.plan_file.as_deref() == Some(&plan.sha256));
            let of = most_frequent(own.map(|(_, one)| one.shard.of())).or(Some(1));
            let identity = PartIdentity::of(&plan.head, of, Some(&plan.sha256));
            Some((identity, of))
        }
        None => {
            // Parts that are too old decide only where there are no others.
            let weighed = |old: bool| -> Vec<(PartIdentity, Timestamp)> {
                let of_age = found.iter().filter(|(_, one)| limits.problem(one.started).is_some() == old);
                of_age.map(|(identity, one)| (identity.clone(), one.started)).collect()
            };
            reference(&weighed(false)).or_else(|| reference(&weighed(true))).map(|identity| (identity, None))
        }
    };
    let mut candidates: BTreeMap<Shard, Vec<Candidate>> = BTreeMap::new();
    for (identity, one) in found {
        let (name, shard, started) = (one.name.clone(), one.shard, one.started);
        let foreign = expected.as_ref().and_then(|(expected, _)| expected.difference(&identity));
        match foreign.or_else(|| limits.problem(started)) {
            Some(problem @ PartProblem::Foreign(_)) => unused.push(UnusedPart { name, shard: None, problem }),
            Some(problem) => unused.push(UnusedPart { name, shard: Some(shard), problem }),
            None => candidates.entry(shard).or_default().push(one),
        }
    }
    let mut of = expected.and_then(|(_, of)| of).or_else(|| candidates.keys().next().map(|shard| shard.of()));
    let mut frame = plan.map(|plan| {
        let shares = Shares::divide(&plan.places, of.unwrap_or(1), &plan.plan.counts);
        Frame { head: plan.head, plan: plan.plan, shares }
    });
    let from_plan = frame.is_some();
    let (mut cells, mut used, mut run) = (Vec::new(), BTreeSet::new(), None::<Run>);
    for (shard, mut given) in candidates {
        if given.len() > 1 {
            unused.extend(repeated(shard, &given));
            continue;
        }
        let Some(Candidate { name, local, .. }) = given.pop() else { continue };
        match part(&local, shard, &mut frame) {
            Ok((part_run, part_cells, first)) => {
                of = of.or(Some(shard.of()));
                used.insert(shard);
                cells.extend(part_cells);
                run = Some(joined(run, part_run));
                if let (Some(frame), Some(plan)) = (&mut frame, first.filter(|_| !from_plan)) {
                    combine(&mut frame.plan, plan);
                }
            }
            Err(problem) => unused.push(UnusedPart { name, shard: Some(shard), problem }),
        }
    }
    let Some(Frame { head, plan, shares }) = frame else { return Err(MergeError::NoPart(unused)) };
    let missing: Vec<Shard> = Shard::all(of.unwrap_or(1)).filter(|shard| !used.contains(shard)).collect();
    cells.extend(unread(&shares, &missing, &unused));
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    let mut run = run.unwrap_or_else(|| head.run.clone());
    run.interrupted |= !missing.is_empty();
    run.unmatched.clone_from(&plan.unmatched);
    let PartPlan { accounts, accounts_listing, discovered_by, departed, .. } = plan;
    let planned = PlanKnowledge { discovered_by, departed };
    let inventory = Inventory { run, organization: head.organization, accounts, accounts_listing, cells };
    Ok(Merged { inventory, criteria: head.criteria, plan: head.plan, reads: head.reads, planned, unused, missing })
}

/// The files of one shard, none of which counts.
fn repeated(shard: Shard, given: &[Candidate]) -> Vec<UnusedPart> {
    let one = |(at, file): (usize, &Candidate)| {
        let other = given.get(if at == 0 { 1 } else { 0 }).map(|other| other.name.display().to_string());
        let problem = PartProblem::Twice { shard: shard.to_string(), other: other.unwrap_or_default() };
        UnusedPart { name: file.name.clone(), shard: Some(shard), problem }
    };
    given.iter().enumerate().map(one).collect()
}

fn most_frequent(values: impl Iterator<Item = u32>) -> Option<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts.into_iter().max_by_key(|(value, count)| (*count, *value)).map(|(value, _)| value)
}

impl MergeLimits {
    fn problem(self, started: Timestamp) -> Option<PartProblem> {
        if is_ahead(started, self.now) {
            return Some(PartProblem::Ahead(started));
        }
        let stale = self.now.duration_since(started) > self.within;
        stale.then_some(PartProblem::Stale { started, limit: self.within })
    }
}

/// The first line of a file.
fn candidate<C: Serialize + DeserializeOwned>(file: &PartFile) -> Result<(PartIdentity, Candidate), PartProblem> {
    let (name, local) = (file.name.clone(), file.local.clone()?);
    let head: PartHead<C> = OpenPart::open(&local)?.head()?;
    let Some(shard) = head.shard else { return Err(PartProblem::Plan) };
    let identity = PartIdentity::of(&head, Some(shard.of()), head.plan_file.as_deref());
    Ok((identity, Candidate { name, local, shard, started: head.run.started, plan_file: head.plan_file }))
}

/// Reads a part to its end. The first that is complete gives the frame, if none is known yet; of the others the plan is returned.
fn part<C: Serialize + DeserializeOwned>(
    path: &Path,
    shard: Shard,
    frame: &mut Option<Frame<C>>,
) -> Result<(Run, Vec<RegionInventory>, Option<PartPlan>), PartProblem> {
    let mut open = OpenPart::open(path)?;
    let head: PartHead<C> = open.head()?;
    if head.shard != Some(shard) {
        return Err(PartProblem::Broken("it was replaced while it was read".to_owned()));
    }
    let ReadPart { plan, cells, totals, .. } = open.rest()?;
    let run = Run { finished: totals.finished, interrupted: totals.interrupted, ..head.run.clone() };
    let own_shares = match frame {
        Some(_) => None,
        None => Some(Shares::divide(&plan.checked_places(&head)?, shard.of(), &plan.counts)),
    };
    let shares = own_shares.as_ref().or(frame.as_ref().map(|frame| &frame.shares));
    let complete = shares.is_some_and(|shares| {
        let own = |cell: &RegionInventory| shares.owns(shard, &cell.account, cell.region.as_ref());
        cells.len() == shares.size(shard) && cells.iter().all(own)
    });
    if !complete {
        return Err(PartProblem::Broken("its account-Regions are not those of its shard".to_owned()));
    }
    match own_shares {
        Some(shares) => {
            *frame = Some(Frame { head, plan, shares });
            Ok((run, cells, None))
        }
        None => Ok((run, cells, Some(plan))),
    }
}

/// The run of two parts: it began with the earlier one and ended with the later one.
fn joined(known: Option<Run>, other: Run) -> Run {
    let Some(known) = known else { return other };
    let (finished, interrupted) = (known.finished.max(other.finished), known.interrupted || other.interrupted);
    let earlier = if other.started < known.started { other } else { known };
    Run { finished, interrupted, ..earlier }
}

/// Adds what a part knows of the organization: each part lists it by itself, and a value that one of them could not read another may
/// have read.
fn combine(known: &mut PartPlan, other: PartPlan) {
    // One that asked has the answer, whatever the others knew.
    let departed: BTreeSet<AccountId> = known.departed.drain(..).chain(other.departed).collect();
    known.departed.extend(departed);
    let same = known.accounts == other.accounts && known.unmatched == other.unmatched;
    if same && known.accounts_listing == other.accounts_listing {
        return;
    }
    if let (true, Listing::Unread(_)) = (known.accounts_listing.is_full(), &other.accounts_listing) {
        known.accounts_listing = other.accounts_listing;
    }
    let new: Vec<UnmatchedSetting> = other.unmatched.into_iter().filter(|one| !known.unmatched.contains(one)).collect();
    known.unmatched.extend(new);
    let mut others: BTreeMap<_, Account> = other.accounts.into_iter().map(|one| (one.id.clone(), one)).collect();
    for account in &mut known.accounts {
        if let Some(Account { name, ou, tags, regions, .. }) = others.remove(&account.id) {
            read_once(&mut account.name, name);
            read_once(&mut account.ou, ou);
            read_once(&mut account.tags, tags);
            read_once(&mut account.regions, regions);
        }
    }
    known.accounts.extend(others.into_values());
    known.accounts.sort_by(|a, b| a.id.cmp(&b.id));
}

fn read_once<T>(known: &mut Observed<T>, other: Observed<T>) {
    if matches!((&*known, &other), (Observed::Unread(_), Observed::Known(_) | Observed::Absent)) {
        *known = other;
    }
}

/// The account-Regions of shards without a part, each with the reason.
fn unread<'a>(
    shares: &'a Shares,
    missing: &'a [Shard],
    unused: &'a [UnusedPart],
) -> impl Iterator<Item = RegionInventory> + 'a {
    let unassigned: Vec<UnusedPart> = unused.iter().filter(|one| one.shard.is_none()).cloned().collect();
    let gaps: BTreeMap<u32, Gap> =
        missing.iter().map(|shard| (shard.number(), gap(*shard, unused, &unassigned))).collect();
    let of_missing = move |(place, shard): (&PlannedPlace, u32)| {
        let gap = gaps.get(&shard)?;
        Some(RegionInventory::failed(place.0.clone(), place.1.clone(), gap.clone()))
    };
    shares.iter().filter_map(of_missing)
}

fn gap(shard: Shard, unused: &[UnusedPart], unassigned: &[UnusedPart]) -> Gap {
    let own: Vec<UnusedPart> = unused.iter().filter(|one| one.shard == Some(shard)).cloned().collect();
    let message = match (own.as_slice(), unassigned) {
        ([], []) => "no part was passed for it".to_owned(),
        ([], others) => format!("its part cannot be used ({})", first_few(others)),
        (own, _) => first_few(own),
    };
    Gap::new(GapReason::PartUnusable, format!("shard {shard}")).with_message(message)
}
