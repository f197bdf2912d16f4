//! The arguments of `doorward merge`.

use std::path::PathBuf;

use clap::Args;

use super::{LedgerArguments, OutputArguments};
use doorward_explain::help_examples::MERGE_EXAMPLES;

/// The parts to merge, and what a report is joined with.
#[derive(Debug, Args)]
#[command(after_help = MERGE_EXAMPLES)]
pub(crate) struct MergeArguments {
    /// The parts, as `doorward scan --shard` saved them; {1..16} in a name stands for the numbers
    #[arg(value_name = "PART", required = true)]
    pub(crate) parts: Vec<String>,
    /// The plan that the shards were read by, as `doorward scan --discover-only` saved it
    #[arg(long, value_name = "FILE")]
    pub(crate) discovered: Option<PathBuf>,
    /// Record the scan although parts of it are missing: their account-Regions are then recorded as not read
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) accept_missing: bool,
    /// Outputs
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Save the merged scan for `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Add the traffic evidence in this file, which `doorward traffic --save` wrote, to the report
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// A billing export with the charges of load balancers: FOCUS 1.x or CUR 2.0, as CSV, also compressed with gzip
    #[arg(long, value_name = "FILE")]
    pub(crate) cost: Option<PathBuf>,
    /// Files or folders that declare load balancers, as for `doorward check`, for the declarations in reports; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) iac: Vec<PathBuf>,
    /// Deliver the scan to Security Hub, as `doorward publish` does; a scan with missing parts is not delivered
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) publish: bool,
    /// The ledger
    #[command(flatten)]
    pub(crate) ledger: LedgerArguments,
}
