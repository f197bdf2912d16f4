//! The arguments of `doorward notify`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;
use doorward_explain::help_examples::NOTIFY_EXAMPLES;

/// Arguments of `doorward notify`.
#[derive(Debug, Args)]
#[command(after_help = NOTIFY_EXAMPLES)]
pub(crate) struct NotifyArguments {
    /// The saved scan to report [default: the newest recorded scan, judged by the current settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the state of deliveries [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Show what would be sent to which recipient; read no secret, send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}
