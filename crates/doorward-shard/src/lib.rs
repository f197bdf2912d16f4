//! Shards: a scan divided among processes, and the merge of their parts.
//!
//! ```text
//! scan --discover-only -> plan file --+--> scan --shard 1/n -> part 1 --+
//!                                     +--> scan --shard 2/n -> part 2 --+--> merge -> Inventory -> the pipeline of every report
//!                                     +--> ...                          |
//! ```
//!
//! [`Shares`] decides which shard reads which account-Region. A [`PartWriter`] writes what one shard read: the settings, the plan, one
//! account-Region per line, and a closing line with counts and a hash. [`merge()`] reads parts one after the other and gives the
//! inventory of one scan. What a part does not prove is not available: every account-Region of the plan is in the result, and those of
//! a part that cannot be used have the gap `part-unusable`.
//!
//! A [`PartStore`] copies parts from and to S3. What this crate deliberately does not do: read an account, judge, read the clock, or write
//! the ledger.

mod merge_notice;
mod merged_parts;
mod part;
mod part_problem;
mod part_reader;
mod part_store;
mod part_writer;
mod planned_places;
mod reference_part;
mod shard_name;
mod shard_shares;
mod shard_work;
mod share_hash;

pub use merge_notice::MergeNotice;
pub use merged_parts::{MergeError, MergeLimits, Merged, UnusedPart, merge};
pub use part::{PART_FORMAT, PartEnd, PartHead, PartPlan, PartTotals};
pub use part_problem::PartProblem;
pub use part_reader::{OpenPart, SavedPlan, read_plan};
pub use part_store::{PartFile, PartStore};
pub use part_writer::{PartWriter, WrittenPart};
pub use planned_places::{PlannedPlace, PlannedPlaces, identify_places};
pub use shard_name::{InvalidShard, Shard, expand_all, expand_numbers};
pub use shard_shares::{KnownCounts, Shares};
pub use shard_work::ShardWork;
