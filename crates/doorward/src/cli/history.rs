//! The arguments of `doorward history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListFormat;

/// What of the history to show.
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
    /// Per owner, ou or tag:KEY; the table then has a line for each, of the newest scan
    #[arg(long, value_name = "GROUP")]
    pub(crate) by: Option<String>,
    /// How many of the newest scans the table shows, one line each; 0 shows all. Trend and figures are of the whole period
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) last: usize,
    /// table, json, csv or openmetrics
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: HistoryFormat,
    /// Something else than the trend
    #[command(subcommand)]
    pub(crate) command: Option<HistoryCommand>,
}

/// Something else than the trend.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// What became of the findings between two scans
    Diff {
        /// The earlier scan, by its id
        from: String,
        /// The later scan, by its id
        to: String,
        /// For people or for programs
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Drop raw scans that are older than `ledger.keep_months`; findings and mode changes stay
    Prune {
        /// Say what would be dropped, and drop nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// What history is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For a metrics collector's text file; the newest scan only.
    Openmetrics,
}
