//! Reads a part line by line. Nothing of it counts before its closing line was read and agrees with what came before.

use std::collections::BTreeSet;
use std::io::{BufRead, Read as _};
use std::path::Path;

use doorward_core::discover::DiscoveredPlan;
use doorward_model::{AccountId, AccountRegion, RegionInventory, data_problem};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::part::{PART_FORMAT, PartEnd, PartHead, PartPlan, PartTotals};
use crate::part_problem::PartProblem;
use crate::part_writer::sealed;
use crate::planned_places::{PlannedPlace, identify_places};

/// How the closing line begins; no other line begins like that.
const END: &[u8] = b"{\"end\":";

/// A part that is being read.
pub struct OpenPart {
    text: Box<dyn BufRead>,
    hash: Sha256,
    line: Vec<u8>,
    number: usize,
}

/// A part that was read to its end.
pub(crate) struct ReadPart {
    pub(crate) plan: PartPlan,
    /// Its account-Regions, ordered by account and Region, each once.
    pub(crate) cells: Vec<RegionInventory>,
    pub(crate) totals: PartTotals,
    pub(crate) sha256: String,
}

/// The file of a plan, read to its end.
pub struct SavedPlan<C> {
    /// Its first line.
    pub head: PartHead<C>,
    /// Its second line.
    pub plan: PartPlan,
    /// Its account-Regions.
    pub places: BTreeSet<PlannedPlace>,
    /// The plan from which a shard reads.
    pub discovered: DiscoveredPlan,
    /// Its hash, by which its shards name it.
    pub sha256: String,
}

impl OpenPart {
    /// Opens a file.
    ///
    /// # Errors
    /// [`PartProblem::Unreadable`].
    pub fn open(path: &Path) -> Result<Self, PartProblem> {
        let text = doorward_file::input::stream(path).map_err(|e| PartProblem::Unreadable(e.to_string()))?;
        Ok(Self { text, hash: Sha256::new(), line: Vec::new(), number: 0 })
    }

    /// The first line.
    ///
    /// # Errors
    /// The file is not a part, or its format is of another version.
    pub fn head<C: DeserializeOwned>(&mut self) -> Result<PartHead<C>, PartProblem> {
        #[derive(serde::Deserialize)]
        struct Format {
            format: String,
        }
        self.next()?;
        let wrong = |error: serde_json::Error| PartProblem::NotAPart(data_problem(&error.to_string()));
        let Format { format } = serde_json::from_slice(&self.line).map_err(wrong)?;
        if format != PART_FORMAT {
            return Err(PartProblem::NotAPart(format!(
                "its format is {format:?}, but this version reads \
                 {PART_FORMAT}"
            )));
        }
        let head = serde_json::from_slice(&self.line).map_err(wrong)?;
        self.hash.update(&self.line);
        Ok(head)
    }

    /// All other lines.
    ///
    /// # Errors
    /// The file is not complete, or what it holds contradicts itself.
    pub(crate) fn rest(mut self) -> Result<ReadPart, PartProblem> {
        self.next()?;
        let plan: PartPlan = self.parsed()?;
        self.hash.update(&self.line);
        let mut cells: Vec<RegionInventory> = Vec::new();
        let end: PartEnd = loop {
            self.next()?;
            if self.line.starts_with(END) {
                break self.parsed()?;
            }
            let cell: RegionInventory = self.parsed()?;
            cell.check().map_err(PartProblem::Broken)?;
            self.hash.update(&self.line);
            cells.push(cell);
        };
        let PartEnd { end: totals, sha256 } = end;
        let sealed = sealed(std::mem::take(&mut self.hash), &totals);
        if sealed.map_err(|e| PartProblem::Broken(e.to_string()))? != sha256 {
            return Err(PartProblem::Broken("its hash does not match its content".to_owned()));
        }
        let load_balancers = cells.iter().map(|cell| cell.load_balancers.len()).sum::<usize>();
        if (cells.len(), load_balancers) != (totals.account_regions, totals.load_balancers) {
            return Err(PartProblem::Broken("its counts do not match its content".to_owned()));
        }
        if !self.text.fill_buf().map_err(|e| PartProblem::Unreadable(e.to_string()))?.is_empty() {
            return Err(PartProblem::Broken("text follows its closing line".to_owned()));
        }
        cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        let twice = |pair: &&[RegionInventory]| match pair {
            [one, other] => (&one.account, &one.region) == (&other.account, &other.region),
            _ => false,
        };
        if let Some([cell, ..]) = cells.windows(2).find(twice) {
            let region = cell.region.as_ref().map_or("", |region| region.as_str());
            return Err(PartProblem::Broken(format!("it contains account {} {region} twice", cell.account)));
        }
        Ok(ReadPart { plan, cells, totals, sha256 })
    }

    fn next(&mut self) -> Result<(), PartProblem> {
        self.line.clear();
        let mut limited = (&mut self.text).take(doorward_file::input::DOCUMENT);
        limited.read_until(b'\n', &mut self.line).map_err(|e| PartProblem::Unreadable(e.to_string()))?;
        self.number += 1;
        if self.line.last() == Some(&b'\n') { Ok(()) } else { Err(PartProblem::Truncated(self.number)) }
    }

    fn parsed<T: DeserializeOwned>(&self) -> Result<T, PartProblem> {
        serde_json::from_slice(&self.line).map_err(|e| PartProblem::Broken(format!("line {}: {e}", self.number)))
    }
}

impl PartPlan {
    /// The account-Regions, if they are those that a head names and every account has at least one.
    pub(crate) fn checked_places<C>(&self, head: &PartHead<C>) -> Result<BTreeSet<PlannedPlace>, PartProblem> {
        let broken = |what: &str| Err(PartProblem::Broken(what.to_owned()));
        let places = self.places.places();
        if identify_places(&places) != head.plan || self.counts.fingerprint() != head.counts {
            return broken("its plan does not match its first line");
        }
        let covered: BTreeSet<&AccountId> = places.iter().map(|(account, _)| account).collect();
        if !self.accounts.iter().all(|account| covered.contains(&account.id)) {
            return broken("an account of its plan has no account-Region");
        }
        Ok(places)
    }
}

/// Reads the file of a plan.
///
/// # Errors
/// As for a part; [`PartProblem::NotAPart`] where it is the part of a shard.
pub fn read_plan<C: DeserializeOwned>(path: &Path) -> Result<SavedPlan<C>, PartProblem> {
    let mut open = OpenPart::open(path)?;
    let head: PartHead<C> = open.head()?;
    if let Some(shard) = head.shard {
        return Err(PartProblem::NotAPart(format!("it is the part of shard {shard}; name the file of the plan")));
    }
    let ReadPart { plan, cells, totals, sha256 } = open.rest()?;
    let places = plan.checked_places(&head)?;
    let settled: BTreeSet<PlannedPlace> =
        cells.iter().map(|cell| (cell.account.clone(), cell.region.clone())).collect();
    if !settled.is_subset(&places) || totals.interrupted {
        return Err(PartProblem::Broken("the plan is not complete".to_owned()));
    }
    let tried = plan.tried.places();
    let target = |place: &PlannedPlace| {
        let region_enabled = !tried.contains(place);
        let (account, region) = place.clone();
        Some((AccountRegion { account, region: region? }, region_enabled))
    };
    let open_places = places.difference(&settled);
    if let Some((account, _)) = open_places.clone().find(|(_, region)| region.is_none()) {
        return Err(PartProblem::Broken(format!("account {account} has neither Regions nor a reason")));
    }
    let discovered = DiscoveredPlan {
        organization: head.organization.clone(),
        accounts: plan.accounts.clone(),
        accounts_listing: plan.accounts_listing.clone(),
        targets: open_places.filter_map(target).collect(),
        settled: cells,
        departed: plan.departed.clone(),
        unmatched: plan.unmatched.clone(),
    };
    Ok(SavedPlan { head, plan, places, discovered, sha256 })
}
