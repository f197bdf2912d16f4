//! The doctor: what a scan, traffic analysis and publishing could not read, and the policy changes that fix it. It reads only.
//!
//! It assumes roles, lists Regions and reads load balancers by the code of the scan, so that its coverage comes about exactly as the
//! scan's coverage does.

use doorward_aws::{Access, Stop, WayInLine};
use doorward_core::collect::CollectSettings;
use doorward_core::collect::{beyond, rehearse, tried};
use doorward_core::discover::Target;
use doorward_core::normalize::Normalized;
use doorward_ledger::Preflight;
use doorward_model::{Account, AccountId, CoverageStatus, GapReason, Region, RegionInventory};
use futures::StreamExt as _;
use jiff::Timestamp;

mod examination;
mod gap_groups;
mod gaps;
mod policy_fix;
mod render;
mod security_hub;
mod traffic;

pub use examination::{Examination, ExaminationObserver};
pub use gaps::{PlacedGap, Stage, of_scan};
pub use policy_fix::{PolicyChange, policy_changes};
pub use render::{ExitMeaning, json, json_without_access, table, way_in_table};
pub use security_hub::probe_security_hub;
pub use traffic::{TrafficPlan, TrafficProbe, probe_traffic};

/// Bytes that a scan may write to its ledger: the first scan of 50,000 load balancers takes about a third of it.
const LEDGER_BYTES: u64 = 200_000_000;

/// Accounts, Security Hub Regions or log prefixes that are read at the same time. Each has its own rate limits at AWS, so that the
/// number bounds sockets and memory only.
const CONCURRENCY: usize = 32;

/// Everything that the doctor found.
pub struct Diagnosis {
    /// When it started.
    pub at: Timestamp,
    /// How AWS is called.
    pub way_in: Vec<WayInLine>,
    /// The inventory that a scan would collect, with its coverage.
    pub scan: Normalized,
    /// Account-Regions in which reading from Security Hub was tried; none if that was not asked for.
    pub security_hub: Option<usize>,
    /// How many metrics and log prefixes were tried; none if that was not asked for.
    pub traffic: Option<TrafficProbe>,
    /// Everything that could not be read, ordered by stage.
    pub gaps: Vec<PlacedGap>,
    /// Where a scan would be recorded, or why it could not be; none without a ledger.
    pub ledger: Option<Result<Preflight, String>>,
    /// Requests to AWS.
    pub requests: u64,
    /// How long the doctor ran.
    pub seconds: i64,
}

/// The result of the doctor, from which the exit code follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything that was tried could be read.
    Complete,
    /// Something could not be read.
    Incomplete,
    /// A scan would not start.
    CannotStart,
}

impl Conclusion {
    /// One clause that explains the exit code.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "every check succeeded",
            Self::Incomplete => "something could not be read",
            Self::CannotStart => "a scan would not start",
        }
    }
}

impl Diagnosis {
    /// Whether a scan would start, and whether everything could be read. A permission that is only needed later changes neither.
    pub fn conclusion(&self) -> Conclusion {
        let in_scope = self.scan.coverage.lines.iter().any(|line| line.status != CoverageStatus::Skipped);
        if self.ledger_problem().is_some() {
            Conclusion::CannotStart
        } else if !in_scope || self.gaps.iter().any(|gap| gap.stage != Stage::Optional) {
            Conclusion::Incomplete
        } else {
            Conclusion::Complete
        }
    }

    /// Load balancers that can parse HTTP, and how many of them were read in detail.
    fn load_balancers(&self) -> (usize, usize) {
        let able = || self.scan.load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
        let is_read =
            |gap: Option<&std::sync::Arc<doorward_model::Gap>>| gap.is_none_or(|gap| gap.reason != GapReason::NotAsked);
        (able().count(), able().filter(|lb| is_read(lb.attributes.gap())).count())
    }

    /// Why a scan could not be recorded in its ledger.
    fn ledger_problem(&self) -> Option<String> {
        match self.ledger.as_ref()? {
            Err(problem) => Some(problem.clone()),
            Ok(prospect) if prospect.free < LEDGER_BYTES => Some(format!(
                "{}: only {} MB are free, but a scan may need {} MB; free disk space, or choose another path with \
                 --ledger",
                prospect.path.display(),
                prospect.free / 1_000_000,
                LEDGER_BYTES / 1_000_000
            )),
            Ok(_) => None,
        }
    }
}

/// Reads every target as a scan would, but few load balancers of each in detail. `progress` gets the number of finished targets.
pub async fn rehearse_scan(
    access: &Access,
    collect: CollectSettings,
    targets: Vec<Target>,
    stop: &Stop,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<RegionInventory> {
    let mut cells = Vec::with_capacity(targets.len());
    let mut stream = std::pin::pin!(rehearse(access, collect, targets, stop));
    while let Some(cell) = stream.next().await {
        cells.push(cell);
        progress(cells.len());
    }
    cells
}

/// Calls that a scan has no reason to make today, made once in every account with a fully listed Region: the refused ones.
pub async fn optional_permissions(
    access: &Access,
    collect: CollectSettings,
    accounts: &[Account],
    cells: &[RegionInventory],
    targets: &[Target],
    stop: &Stop,
) -> Vec<PlacedGap> {
    let asked = accounts.iter().filter_map(|account| {
        let own = || cells.iter().filter(|cell| cell.account == account.id);
        let listed = own().find(|cell| cell.listing.is_full() && cell.region.is_some())?;
        let target = targets.iter().find(|target| {
            target.place.account == account.id && Some(&target.place.region) == listed.region.as_ref()
        })?;
        Some((account, target, own().flat_map(tried).collect()))
    });
    let asked: Vec<_> = asked.collect();
    let answers = futures::stream::iter(asked).map(|(account, target, seen)| async move {
        let refused = beyond(access, collect, target, &seen, stop).await;
        refused.into_iter().map(move |gap| gaps::optional(access, account, target, gap)).collect::<Vec<_>>()
    });
    answers.buffered(CONCURRENCY).concat().await
}

/// Account and Region for display.
fn place_name(account: &AccountId, region: Option<&Region>) -> String {
    format!("{account} {}", region.map_or("(Regions not listed)", |region| region.as_str()))
}
