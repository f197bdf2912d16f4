//! Every account-Region exactly once, with what happened there.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Cell, Gap, GapReason, Listing, Region};

/// What became of one account-Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CoverageStatus {
    /// Everything was read.
    Complete,
    /// Something was listed, and something was not read.
    Partial,
    /// Left out on purpose, or known to be closed.
    Skipped,
    /// Nothing could be listed.
    Failed,
}

impl std::fmt::Display for CoverageStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        })
    }
}

/// One account-Region of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageLine {
    /// The account.
    pub account: AccountId,
    /// The Region; absent on the one line that stands for Regions that could not be listed.
    pub region: Option<Region>,
    /// What happened there.
    pub status: CoverageStatus,
    /// When its first list was asked for, UTC: everything read there was read then or later. Absent where nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Whether every list of load balancers arrived in full. Only then may something be called gone.
    pub fully_listed: bool,
    /// How many load balancers were found.
    pub load_balancers: usize,
    /// How many were deleted while the scan ran.
    pub gone: usize,
    /// Why it is not complete: each distinct gap once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl CoverageLine {
    /// Reads a cell's coverage off what it contains.
    pub fn of(cell: &Cell) -> Self {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut note = |gap: &Gap| {
            let seen = gaps.iter().any(|g| g.is_mended_with(gap));
            if !seen {
                gaps.push(gap.clone());
            }
        };
        for listing in [&cell.listing, &cell.classic_listing] {
            if let Listing::Unread(gap) = listing {
                note(gap);
            }
        }
        cell.gaps.iter().for_each(&mut note);
        for lb in &cell.load_balancers {
            let unread = [lb.attributes.gap(), lb.tags.gap(), lb.listeners.gap(), lb.vended_logs.gap()];
            // What was deliberately not asked for leaves no hole in what was to be read; a verdict that would have
            // needed it is unknown and says so itself.
            unread.into_iter().flatten().filter(|gap| gap.reason != GapReason::NotAsked).for_each(|gap| note(gap));
        }
        let fully_listed = cell.listing.is_full() && cell.classic_listing.is_full();
        let status = if cell.skipped.is_some() {
            CoverageStatus::Skipped
        } else if fully_listed && gaps.is_empty() {
            CoverageStatus::Complete
        } else if cell.listing.is_full() || cell.classic_listing.is_full() || !cell.load_balancers.is_empty() {
            CoverageStatus::Partial
        } else {
            CoverageStatus::Failed
        };
        Self {
            account: cell.account.clone(),
            region: cell.region.clone(),
            status,
            read_at: cell.read_at,
            fully_listed,
            load_balancers: cell.load_balancers.len(),
            gone: cell.gone.len(),
            gaps,
        }
    }
}

/// How many account-Regions ended in which way. `complete + partial + skipped + failed = all`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageCounts {
    /// All account-Regions.
    pub all: usize,
    /// Read completely.
    pub complete: usize,
    /// Read in part.
    pub partial: usize,
    /// Left out on purpose, or known to be closed.
    pub skipped: usize,
    /// Not read at all.
    pub failed: usize,
}

impl CoverageCounts {
    /// The account-Regions that should have been read: all but the skipped ones. The denominator of every percentage.
    pub fn in_scope(&self) -> usize {
        self.all - self.skipped
    }
}

/// The coverage of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The counts.
    pub counts: CoverageCounts,
    /// Every account-Region exactly once, ordered by account and Region.
    pub lines: Vec<CoverageLine>,
    /// Whether the list of accounts itself arrived in full. If not, nobody knows what is missing here.
    pub accounts_listing: Listing,
}

impl Coverage {
    /// Counts lines that are already in order.
    pub fn new(lines: Vec<CoverageLine>, accounts_listing: Listing) -> Self {
        let mut counts = CoverageCounts { all: lines.len(), ..CoverageCounts::default() };
        for line in &lines {
            match line.status {
                CoverageStatus::Complete => counts.complete += 1,
                CoverageStatus::Partial => counts.partial += 1,
                CoverageStatus::Skipped => counts.skipped += 1,
                CoverageStatus::Failed => counts.failed += 1,
            }
        }
        Self { counts, lines, accounts_listing }
    }
}
