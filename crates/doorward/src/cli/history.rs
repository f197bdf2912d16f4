//! The arguments of `doorward history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use doorward_ledger::By;
use doorward_model::PastTime;

use super::ListFormat;

const EXAMPLES: &str = "\
Examples:
  doorward history                        trend and key figures
  doorward history --since 30d            of the last 30 days
  doorward history --by owner             a line for each owner
  doorward history --owner payments       one owner
  doorward history diff                   what changed between the newest two scans
  doorward history diff latest~3 latest   what changed since three scans before
  doorward history --format openmetrics   for a metrics collector";

/// Arguments of `doorward history`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoryArguments {
    /// The ledger [default: as in the settings]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Scans that ended on or after this day or time (UTC), or within the last days or weeks: 2026-11-02, 30d, 4w
    #[arg(long, value_name = "DATE", value_parser = PastTime::parse)]
    pub(crate) since: Option<PastTime>,
    /// Scans that ended before this day or time (UTC), or before so many days or weeks ago
    #[arg(long, value_name = "DATE", value_parser = PastTime::parse)]
    pub(crate) until: Option<PastTime>,
    /// Group by owner, ou, cost-centre, severity, rule or tag:KEY; the table then has a line for each group, of the newest scan
    #[arg(long, value_name = "GROUP")]
    pub(crate) by: Option<By>,
    /// Key figures of the findings of one rule [default: of all rules, and of each]
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only this owner, as `--by owner` shows it
    #[arg(long, value_name = "NAME", conflicts_with = "by")]
    pub(crate) owner: Option<String>,
    /// Only this organizational unit, as `--by ou` shows it
    #[arg(long, value_name = "PATH", conflicts_with_all = ["by", "owner"])]
    pub(crate) ou: Option<String>,
    /// Only findings of this severity, as `--by severity` shows it
    #[arg(long, value_name = "SEVERITY", conflicts_with_all = ["by", "owner", "ou"])]
    pub(crate) severity: Option<String>,
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

impl HistoryArguments {
    /// How figures are grouped, and the one group that a filter selects, with its flag.
    pub(crate) fn grouping(&self) -> (By, Option<(&'static str, &str)>) {
        let one = [
            (By::Owner, "--owner", &self.owner),
            (By::Ou, "--ou", &self.ou),
            (By::Severity, "--severity", &self.severity),
        ];
        one.into_iter()
            .find_map(|(by, flag, name)| Some((by, Some((flag, name.as_deref()?)))))
            .unwrap_or_else(|| (self.by.clone().unwrap_or_default(), None))
    }
}

/// Subcommands of `doorward history`.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Compare the findings of two scans; without ids, of the newest two
    Diff {
        /// The earlier scan: its id, the beginning of its id, `latest`, or `latest~N` for N scans before it
        from: Option<String>,
        /// The later scan [default: latest]
        to: Option<String>,
        /// Only load balancers in this account; repeatable
        #[arg(long = "account", value_name = "ID")]
        accounts: Vec<String>,
        /// Only findings of this rule; repeatable
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
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
