//! The part of a shard as a file: lines of JSON, one after the other.
//!
//! The first line is the [`PartHead`], the second the [`PartPlan`]. One line for each account-Region of the shard follows, and at the end a
//! [`PartEnd`] with counts and the SHA-256 of everything. A file without its last line proves nothing. The file of a plan has the
//! same form: it has no shard, and its account-Regions are those that need no reading.

use doorward_core::discover::DiscoverSettings;
use doorward_model::{Account, AccountId, Listing, Observed, Organization, Run, UnmatchedSetting};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::planned_places::PlannedPlaces;
use crate::shard_name::Shard;
use crate::shard_shares::KnownCounts;

/// The name and version of the format.
pub const PART_FORMAT: &str = "doorward-part-v1";

/// The first line: what the part belongs to. `C` is what the scan is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartHead<C> {
    /// [`PART_FORMAT`].
    pub format: String,
    /// The shard; absent in the file of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The run as it began; all shards of one plan file have the same.
    pub run: Run,
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Identifies the account-Regions of the plan: [`identify_places`](crate::identify_places) of them.
    pub plan: String,
    /// Identifies the counts by which the plan is divided, or `none`.
    pub counts: String,
    /// Identifies the settings that decide what is read.
    pub reads: String,
    /// The hash of the plan file that the shard was read by; absent where the shard discovered the organization itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_file: Option<String>,
    /// The criteria by which the scan is judged.
    pub criteria: C,
}

/// The second line: the plan, whole in each part, so that what is missing has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPlan {
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Whether the list of accounts arrived in full.
    pub accounts_listing: Listing,
    /// Entries of the settings that discovery did not find.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<UnmatchedSetting>,
    /// The settings of the discovery, by which a merge decides on accounts that only its ledger knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovered_by: Option<DiscoverSettings>,
    /// Accounts that the discovery knew from a ledger and of which AWS stated that they left the organization.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departed: Vec<AccountId>,
    /// Every account-Region.
    pub places: PlannedPlaces,
    /// The account-Regions of which it is not known whether the Region is enabled.
    pub tried: PlannedPlaces,
    /// The counts by which the account-Regions are divided.
    pub counts: KnownCounts,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEnd {
    /// The totals; the name of the member marks the line.
    pub end: PartTotals,
    /// The SHA-256 of all bytes before this line and of `end` as JSON without spaces, in hexadecimal.
    pub sha256: String,
}

/// The totals of a complete part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartTotals {
    /// When the last account-Region was settled, UTC.
    pub finished: Timestamp,
    /// Whether the shard was stopped before it had read everything.
    pub interrupted: bool,
    /// The number of account-Regions.
    pub account_regions: usize,
    /// The number of load balancers in them.
    pub load_balancers: usize,
}
