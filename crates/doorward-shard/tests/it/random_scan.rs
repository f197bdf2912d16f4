//! A scan as chance makes it: accounts, Regions, load balancers and gaps.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use doorward_model::{
    Account, AccountId, AccountState, Arn, Evidence, Gap, GapReason, Inventory, Kind, Listing, Observed, Organization,
    RawLoadBalancer, Region, RegionInventory, Run,
};
use doorward_shard::{
    KnownCounts, PART_FORMAT, PartHead, PartPlan, PartWriter, PlannedPlace, PlannedPlaces, Shard, Shares,
    identify_places,
};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The criteria by which the scan is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Criteria {
    pub(crate) policy: String,
    pub(crate) settings: String,
}

pub(crate) type Head = PartHead<Criteria>;

pub(crate) struct RandomScan {
    pub(crate) inventory: Inventory,
    pub(crate) criteria: Criteria,
    counts: KnownCounts,
}

const REGIONS: [&str; 6] = ["eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "eu-central-1", "me-south-1"];

pub(crate) fn organization(id: &str) -> Observed<Organization> {
    let management_account = "100000000001".parse().unwrap();
    Observed::Known(Organization { id: id.to_owned(), management_account })
}

impl RandomScan {
    pub(crate) fn new(random: &mut Rng) -> Self {
        let accounts = random.u64(1..=30);
        Self::of(random, accounts)
    }

    pub(crate) fn small(random: &mut Rng) -> Self {
        Self::of(random, 8)
    }

    fn of(random: &mut Rng, accounts: u64) -> Self {
        let started: Timestamp = "2026-11-02T09:00:00.25Z".parse().unwrap();
        let ids: Vec<AccountId> =
            (0..accounts).map(|n| format!("{:012}", 100_000_000_001 + n * 7).parse().unwrap()).collect();
        let mut cells = Vec::new();
        for id in &ids {
            if random.u8(0..12) == 0 {
                cells.push(RegionInventory::failed(id.clone(), None, gap(random)));
                continue;
            }
            let mut regions = REGIONS.to_vec();
            random.shuffle(&mut regions);
            regions.truncate(random.usize(1..=regions.len()));
            regions.sort_unstable();
            cells.extend(regions.into_iter().map(|region| cell(id, region, started, random)));
        }
        cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
        let accounts = ids.iter().map(|id| account(id, random)).collect();
        let run = Run {
            id: format!("{}-100000000001", started.strftime("%Y%m%dT%H%M%S.%6fZ")),
            tool_version: "0.1.0".to_owned(),
            started,
            finished: started + SignedDuration::from_mins(9),
            caller: Arn::new("arn:aws:iam::100000000001:user/me").unwrap(),
            account: "100000000001".parse().unwrap(),
            partition: "aws".to_owned(),
            home_region: "eu-west-1".parse().unwrap(),
            clock_offset: None,
            interrupted: false,
            only: None,
            unmatched: Vec::new(),
        };
        let known = cells.iter().filter_map(|cell| {
            let count = u64::try_from(cell.load_balancers.len()).unwrap();
            Some((cell.account.clone(), cell.region.clone()?, count))
        });
        let counts = if random.bool() { KnownCounts::new(known) } else { KnownCounts::default() };
        let accounts_listing = if random.u8(0..8) == 0 { unread(random) } else { Listing::Full };
        let organization = organization("o-acme000001");
        let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
        inventory.check().expect("a scan");
        let criteria = Criteria { policy: "defensive".to_owned(), settings: "[policy]\n".to_owned() };
        Self { inventory, criteria, counts }
    }

    fn places(&self) -> BTreeSet<PlannedPlace> {
        self.inventory.cells.iter().map(|cell| (cell.account.clone(), cell.region.clone())).collect()
    }

    pub(crate) fn shares(&self, of: u32) -> Shares {
        Shares::divide(&self.places(), of, &self.counts)
    }

    /// The positions of a shard's account-Regions.
    pub(crate) fn cells_of(&self, shares: &Shares, shard: Shard) -> Vec<usize> {
        let own = |cell: &RegionInventory| shares.owns(shard, &cell.account, cell.region.as_ref());
        let cells = self.inventory.cells.iter().enumerate();
        cells.filter(|(_, cell)| own(cell)).map(|(at, _)| at).collect()
    }

    /// Writes every part; `change` may change its first line.
    pub(crate) fn write(&self, folder: &Path, of: u32, change: impl Fn(Shard, Head) -> Head) -> Vec<PathBuf> {
        let shares = self.shares(of);
        let write = |shard: Shard| {
            let path = folder.join(format!("part-{}.json", shard.number()));
            self.write_cells(&path, change(shard, self.head(shard)), &self.cells_of(&shares, shard));
            path
        };
        Shard::all(of).map(write).collect()
    }

    pub(crate) fn write_one(&self, path: &Path, shard: Shard, change: impl FnOnce(Head) -> Head) {
        self.write_cells(path, change(self.head(shard)), &self.cells_of(&self.shares(shard.of()), shard));
    }

    /// Writes a part with the account-Regions of another shard.
    pub(crate) fn write_as(&self, path: &Path, shard: Shard, other: Shard) {
        self.write_cells(path, self.head(shard), &self.cells_of(&self.shares(shard.of()), other));
    }

    fn head(&self, shard: Shard) -> Head {
        let mut run = self.inventory.run.clone();
        run.finished = run.started;
        PartHead {
            format: PART_FORMAT.to_owned(),
            shard: Some(shard),
            run,
            organization: self.inventory.organization.clone(),
            plan: identify_places(&self.places()),
            counts: self.counts.fingerprint(),
            reads: "reads".to_owned(),
            plan_file: None,
            criteria: self.criteria.clone(),
        }
    }

    fn write_cells(&self, path: &Path, head: Head, cells: &[usize]) {
        let plan = PartPlan {
            accounts: self.inventory.accounts.clone(),
            accounts_listing: self.inventory.accounts_listing.clone(),
            unmatched: Vec::new(),
            discovered_by: None,
            departed: Vec::new(),
            places: PlannedPlaces::of(&self.places()),
            tried: PlannedPlaces::default(),
            counts: self.counts.clone(),
        };
        let mut part = PartWriter::begin(File::create(path).unwrap(), &head, &plan).unwrap();
        // A shard writes what it reads as it arrives.
        for at in cells.iter().rev() {
            part.add(&self.inventory.cells[*at]).unwrap();
        }
        part.finish(self.inventory.run.finished, false).unwrap();
    }
}

fn gap(random: &mut Rng) -> Gap {
    let reasons = [GapReason::AccessDenied, GapReason::Throttled, GapReason::RoleMissing, GapReason::TimedOut];
    let reason = reasons[random.usize(..reasons.len())];
    Gap::new(reason, "elasticloadbalancing:DescribeLoadBalancers").with_message("as AWS writes it: \"é\"\n")
}

fn unread(random: &mut Rng) -> Listing {
    Listing::Unread(std::sync::Arc::new(gap(random)))
}

fn account(id: &AccountId, random: &mut Rng) -> Account {
    Account {
        id: id.clone(),
        name: if random.u8(0..9) == 0 { Observed::unread(gap(random)) } else { Observed::Known(format!("n-{id}")) },
        state: AccountState::Active,
        ou: Observed::Absent,
        tags: Observed::Known([("owner".to_owned(), "é 支 \u{202e}".to_owned())].into()),
        regions: Observed::unread(gap(random)),
    }
}

fn cell(account: &AccountId, region: &str, started: Timestamp, random: &mut Rng) -> RegionInventory {
    let region: Region = region.parse().unwrap();
    match random.u8(0..10) {
        0 => return RegionInventory::skipped(account.clone(), Some(region), Gap::new(GapReason::Excluded, "settings")),
        1 => return RegionInventory::failed(account.clone(), Some(region), gap(random)),
        _ => {}
    }
    let count = if random.u8(0..3) == 0 { random.usize(0..20) } else { 0 };
    let mut load_balancers: Vec<RawLoadBalancer> = (0..count)
        .map(|number| {
            let arn = format!(
                "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/lb-{number:02}/{number:016x}"
            );
            load_balancer(&arn, number, started, random)
        })
        .collect();
    load_balancers.sort_by(|a, b| a.arn.cmp(&b.arn));
    RegionInventory {
        account: account.clone(),
        region: Some(region),
        read_at: Some(started + SignedDuration::from_millis(random.i64(0..500_000))),
        skipped: None,
        listing: if random.u8(0..9) == 0 { unread(random) } else { Listing::Full },
        classic_listing: Listing::Full,
        load_balancers,
        gone: Vec::new(),
        gaps: Vec::new(),
    }
}

fn load_balancer(arn: &str, number: usize, started: Timestamp, random: &mut Rng) -> RawLoadBalancer {
    let modes = ["monitor", "defensive", "strictest", "Defensive"];
    let attributes = [("routing.http.desync_mitigation_mode".to_owned(), modes[random.usize(..4)].to_owned())];
    let evidence = Evidence {
        operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
        at: started + SignedDuration::from_nanos(random.i64(0..1_000_000_000)),
        request_id: Some(format!("{:x}", random.u64(..))),
    };
    let denied = random.u8(0..6) == 0;
    RawLoadBalancer {
        arn: Arn::new(arn).unwrap(),
        name: format!("lb-{number:02}"),
        kind: Kind::Application,
        scheme: Some("internal".into()),
        vpc: None,
        dns_name: Some("x.example".to_owned()),
        created: Some(started),
        state: Some("active".into()),
        security_groups: vec!["sg-1".into()],
        zones: Vec::new(),
        attributes: if denied { Observed::unread(gap(random)) } else { Observed::Known(attributes.into()) },
        evidence: (!denied).then_some(evidence),
        tags: Observed::Absent,
        listeners: Observed::Absent,
        vended_logs: Observed::Absent,
        target_groups: Observed::Absent,
        reached_through: Observed::Absent,
        vpc_origins: Observed::Absent,
        api_integrations: Observed::Absent,
    }
}
