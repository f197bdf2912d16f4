//! The arguments of `doorward history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use doorward_ledger::{DiffFilter, FigureGroup, KnownNames};
use doorward_model::{PastTime, TimeSpan};
use doorward_settings::whole_number;
use doorward_sink_text::history::TrendSelection;
use jiff::Timestamp;

use super::ListFormat;
use super::filter::{check_rules, severity};
use crate::exit::{Exit, Failure};
use doorward_explain::help_examples::{DIFF_EXAMPLES, HISTORY_EXAMPLES, PRUNE_EXAMPLES};

/// Arguments of `doorward history`.
#[derive(Debug, Args)]
#[command(after_help = HISTORY_EXAMPLES)]
pub(crate) struct HistoryArguments {
    /// The ledger [default: as in the settings]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Scans that ended on or after this day or time (UTC), or within the last days or weeks: 2026-11-02, 30d, 4w
    #[arg(long, value_name = "DATE", value_parser = PastTime::parse)]
    pub(crate) since: Option<PastTime>,
    /// Scans that ended before this day or time (UTC), or longer ago than these days or weeks: 2026-11-02, 30d, 4w
    #[arg(long, value_name = "DATE", value_parser = PastTime::parse)]
    pub(crate) until: Option<PastTime>,
    /// Group by owner, ou, cost-centre, severity, rule or tag:KEY; the table then shows the newest scan, with a line for each group
    #[arg(long, value_name = "GROUP")]
    pub(crate) by: Option<FigureGroup>,
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
    /// Show only the newest N scans in the table; 0 for all. Trend and key figures always cover the whole period
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole_number::<usize>)]
    pub(crate) last: usize,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: HistoryFormat,
    /// Subcommands
    #[command(subcommand)]
    pub(crate) command: Option<HistoryCommand>,
}

impl HistoryArguments {
    /// A flag that selects a part of the trend, if one is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [
            ("--since", self.since.is_some()),
            ("--until", self.until.is_some()),
            ("--by", self.by.is_some()),
            ("--rule", self.rule.is_some()),
            ("--owner", self.owner.is_some()),
            ("--ou", self.ou.is_some()),
            ("--severity", self.severity.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    /// The part of the history that is asked for.
    pub(crate) fn selection(&self, now: Timestamp, cost_centre: Option<String>) -> Result<TrendSelection, Failure> {
        let usage = |problem: String| Failure::new(Exit::Usage, problem);
        let [since, until] = [self.since, self.until].map(|time| time.map(|time| time.at(now)));
        let one = [
            (FigureGroup::Owner, "--owner", &self.owner),
            (FigureGroup::Ou, "--ou", &self.ou),
            (FigureGroup::Severity, "--severity", &self.severity),
        ];
        let one = one.into_iter().find_map(|(by, flag, name)| Some((by, (flag, name.clone()?))));
        let (by, group) = match one {
            Some((by, group)) => (by, Some(group)),
            None => (self.by.clone().unwrap_or_default(), None),
        };
        let period = TimeSpan::new(since, until).map_err(|empty| usage(empty.to_string()))?;
        let by = by.resolved(cost_centre).map_err(usage)?;
        Ok(TrendSelection { period, by, group, rule: self.rule.clone() })
    }
}

/// Subcommands of `doorward history`.
#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Compare the findings of two scans; without ids, of the newest two
    Diff(DiffArguments),
    /// Delete raw scans that are older than `ledger.keep_months`; findings and mode changes are kept
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune {
        /// Report what would be deleted; delete nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `doorward history diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArguments {
    /// The earlier scan: its id, the beginning of its id, `latest`, or `latest~N` for N scans before it
    pub(crate) from: Option<String>,
    /// The later scan [default: latest]
    pub(crate) to: Option<String>,
    /// Only findings of this owner, as last read, and those whose owner could not be read; repeatable
    #[arg(long = "owner", value_name = "NAME")]
    owners: Vec<String>,
    /// Only load balancers in this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,
    /// Only findings of this rule; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Only findings of this severity, and those whose severity is not known; repeatable
    #[arg(long = "severity", value_name = "SEVERITY")]
    severities: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

impl DiffArguments {
    /// The part of the difference to show. Refuses what is recorded nowhere.
    pub(crate) fn filter(&self, known: &KnownNames) -> Result<DiffFilter, Failure> {
        self.severities.iter().try_for_each(|given| severity(given).map(drop))?;
        check_rules(&self.rules, &known.rules)?;
        let Self { owners, accounts, rules, severities, .. } = self;
        let [owners, accounts, rules, severities] = [owners, accounts, rules, severities].map(Clone::clone);
        let filter = DiffFilter { owners, accounts, rules, severities };
        match filter.unrecorded(known) {
            Some((flag, given, known)) => Err(Failure::unknown(flag, given, known)),
            None => Ok(filter),
        }
    }
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
