//! The arguments of `doorward notify`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;

/// What to tell of, and how far to go.
#[derive(Debug, Args)]
pub(crate) struct NotifyArguments {
    /// A saved scan to tell of [default: the newest recorded one, judged by the current settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger that remembers what was told [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Print what would be told to whom; read no secret, send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}
