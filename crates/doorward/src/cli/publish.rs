//! The arguments of `doorward publish`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;
use doorward_explain::help_examples::PUBLISH_EXAMPLES;

/// What to deliver, and how.
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_EXAMPLES)]
pub(crate) struct PublishArguments {
    /// A saved scan to deliver [default: the newest recorded one, judged by the current settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with what was sent [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Show what would be sent, and why; send nothing
    #[arg(long, conflicts_with = "reconcile")]
    pub(crate) dry_run: bool,
    /// Compare the ledger with Security Hub and list every difference; change nothing
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}
