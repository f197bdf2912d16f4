//! The arguments of `doorward history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListFormat;

/// Arguments of `doorward history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The ledger [default: as in the settings]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Scans that ended on or after this day or time (UTC)
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    /// Scans that ended before this day or time (UTC)
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// Group by owner, ou or tag:KEY; the table then has a line for each group, of the newest scan
    #[arg(long, value_name = "GROUP")]
    pub(crate) by: Option<String>,
    /// Key figures of the findings of one rule [default: of all rules, and of each]
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Number of newest scans in the table; 0 for all. Trend and key figures cover the whole period
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) last: usize,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: HistoryFormat,
    /// Subcommands
    #[command(subcommand)]
    pub(crate) command: Option<HistoryCommand>,
}

/// Subcommands of `doorward history`.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Compare the findings of two scans
    Diff {
        /// The id of the earlier scan
        from: String,
        /// The id of the later scan
        to: String,
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Delete raw scans that are older than `ledger.keep_months`; findings and mode changes are kept
    Prune {
        /// Report what would be deleted; delete nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// The format of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryFormat {
    /// A table for people
    Table,
    /// JSON for programs
    #[value(alias = "json-v1")]
    Json,
    /// CSV for spreadsheets
    Csv,
    /// OpenMetrics text for a metrics collector; the newest scan only
    Openmetrics,
}
