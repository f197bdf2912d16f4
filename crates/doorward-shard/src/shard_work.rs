//! What a process reads of a divided scan, and how its file begins.

use doorward_aws::Access;
use doorward_core::discover::{DiscoverSettings, DiscoveredPlan, ScanPlan, Target};
use doorward_model::{RegionInventory, Run};
use jiff::{SignedDuration, Timestamp};

use crate::{KnownCounts, PART_FORMAT, PartHead, PartPlan, PlannedPlaces, SavedPlan, Shard, Shares, identify_places};

impl<C: PartialEq> SavedPlan<C> {
    /// Why a shard with these settings cannot use the plan. `reads` identifies the settings of reading; a plan may be as old as `within`.
    ///
    /// # Errors
    /// It is of another version or of other settings, or too old.
    pub fn check(
        &self,
        (criteria, reads): (&C, &str),
        version: &str,
        now: Timestamp,
        within: SignedDuration,
    ) -> Result<(), String> {
        let PartHead { run, criteria: planned_by, reads: planned_reads, .. } = &self.head;
        if run.tool_version != version {
            let written_by = &run.tool_version;
            return Err(format!("it was written by version {written_by} of Doorward; use one version for all shards"));
        }
        if planned_by != criteria || planned_reads != reads {
            let problem = "it was written with different settings; use the same settings, exceptions and flags for \
                 the plan and its shards";
            return Err(problem.to_owned());
        }
        if now.duration_since(run.started) > within {
            return Err(format!("it is older than {within:#} (scan.resume_within); discover again"));
        }
        Ok(())
    }
}

/// The work of a shard, and the scan to which it belongs.
pub struct ShardWork {
    /// The run of the whole scan.
    pub run: Run,
    /// The hash of the plan's file, if another process discovered.
    pub plan_file: Option<String>,
    /// Everything that was discovered, for the whole scan.
    pub discovered: DiscoveredPlan,
    /// The counts that shares are made by.
    pub counts: KnownCounts,
    /// The account-Regions to read.
    pub targets: Vec<Target>,
    /// The account-Regions of the share that need no reading.
    pub settled: Vec<RegionInventory>,
}

impl ShardWork {
    /// The share of a plan that another process made; everything without a shard.
    ///
    /// # Errors
    /// The plan was made with credentials of another account.
    pub fn of_plan<C>(plan: SavedPlan<C>, shard: Option<Shard>, access: &Access) -> Result<Self, String> {
        let SavedPlan { head, plan, places, mut discovered, sha256 } = plan;
        if (&head.run.account, head.run.partition.as_str()) != (access.account(), access.partition()) {
            return Err(format!(
                "the plan was written with credentials of account {}, but these are of account {}",
                head.run.account,
                access.account()
            ));
        }
        let whole = discovered.clone();
        if let Some(shard) = shard {
            let shares = Shares::divide(&places, shard.of(), &plan.counts);
            discovered.targets.retain(|(place, _)| shares.owns(shard, &place.account, Some(&place.region)));
            discovered.settled.retain(|cell| shares.owns(shard, &cell.account, cell.region.as_ref()));
        }
        let (targets, failed) = discovered.enter(access);
        let mut settled = discovered.settled;
        settled.extend(failed);
        let (run, plan_file, counts) = (head.run, Some(sha256), plan.counts);
        Ok(Self { run, plan_file, discovered: whole, counts, targets, settled })
    }

    /// The share of what this process discovered. Without a shard nothing is read: a plan holds what needs no reading, and shards read the
    /// rest.
    pub fn of_discovery(mut plan: ScanPlan, mut run: Run, counts: KnownCounts, shard: Option<Shard>) -> Self {
        run.unmatched.clone_from(&plan.unmatched);
        let discovered = plan.discovered();
        match shard {
            Some(shard) => {
                let shares = Shares::divide(&discovered.places(), shard.of(), &counts);
                plan.retain(|account, region| shares.owns(shard, account, region));
            }
            None => plan.targets.clear(),
        }
        let (targets, settled) = (plan.targets, plan.settled);
        Self { run, plan_file: None, discovered, counts, targets, settled }
    }

    /// The first two lines of the file.
    pub fn head<C>(
        &self,
        shard: Option<Shard>,
        (criteria, reads): (C, String),
        discovered_by: DiscoverSettings,
    ) -> (PartHead<C>, PartPlan) {
        let places = self.discovered.places();
        let tried = self.discovered.targets.iter().filter(|(_, region_enabled)| !region_enabled);
        let tried = tried.map(|(place, _)| (place.account.clone(), Some(place.region.clone()))).collect();
        let head = PartHead {
            format: PART_FORMAT.to_owned(),
            shard,
            run: self.run.clone(),
            organization: self.discovered.organization.clone(),
            plan: identify_places(&places),
            counts: self.counts.fingerprint(),
            reads,
            plan_file: self.plan_file.clone(),
            criteria,
        };
        let plan = PartPlan {
            accounts: self.discovered.accounts.clone(),
            accounts_listing: self.discovered.accounts_listing.clone(),
            unmatched: self.discovered.unmatched.clone(),
            discovered_by: Some(discovered_by),
            departed: self.discovered.departed.clone(),
            places: PlannedPlaces::of(&places),
            tried: PlannedPlaces::of(&tried),
            counts: self.counts.clone(),
        };
        (head, plan)
    }
}
