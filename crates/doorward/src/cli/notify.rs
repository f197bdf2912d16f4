//! The arguments of `doorward notify`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;

/// Arguments of `doorward notify`.
#[derive(Debug, Args)]
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
