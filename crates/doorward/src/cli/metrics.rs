//! The arguments of `doorward metrics`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use doorward_explain::help_examples::COLLECT_EXAMPLES;
use doorward_settings::whole_number_within;

/// `doorward metrics`.
#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Read the days that the ledger does not have, for the load balancers of the newest scan
    Collect(CollectArguments),
}

/// Which days.
#[derive(Debug, Args)]
#[command(after_help = COLLECT_EXAMPLES)]
pub(crate) struct CollectArguments {
    /// The maximum number of days before today to read [default: metrics.days]
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| whole_number_within(text, &(1..=450)))]
    pub(crate) days: Option<u32>,
    /// The ledger to write to [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
}
