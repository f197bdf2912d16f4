//! The arguments of `doorward traffic` and `doorward advise`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;

use super::ListFormat;

/// Where traffic comes from.
#[derive(Debug, Args)]
pub(crate) struct TrafficSource {
    /// A folder with access logs, in AWS's layout or not, instead of S3 and CloudWatch
    #[arg(long, value_name = "DIR", conflicts_with = "all_logs")]
    pub(crate) logs: Option<PathBuf>,
    /// The saved scan that names load balancers, modes and buckets [default: the newest recorded one]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the newest scan [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// How many days back [default: traffic.days; with --logs everything there is]
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    /// The end of the window, UTC [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
    /// Read all logs of the window, also where CloudWatch's metric clears a load balancer
    #[arg(long)]
    pub(crate) all_logs: bool,
    /// What counts the logs in S3
    #[arg(long, value_enum, default_value = "embedded", value_name = "ENGINE", conflicts_with = "logs")]
    pub(crate) engine: Engine,
}

/// What counts the logs in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// This program: it fetches the logs that matter
    Embedded,
    /// Athena, where logs outgrow one machine: it scans whole days, and AWS bills the bytes
    Athena,
}

/// What to read, and how to tell.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct TrafficArguments {
    #[command(subcommand)]
    pub(crate) command: Option<TrafficCommand>,
    #[command(flatten)]
    pub(crate) source: TrafficSource,
    /// Say what would be read and what it costs; read no log
    #[arg(long, conflicts_with = "logs")]
    pub(crate) dry_run: bool,
    /// Remember the count of every log file in this folder, and read only those that are not in it: for daily runs, and to go on
    /// where a run was stopped
    #[arg(long, value_name = "DIR", conflicts_with = "logs")]
    pub(crate) state: Option<PathBuf>,
    /// Save what was found, for `doorward advise`, `doorward scan` and `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// How to tell
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// More to do with traffic.
#[derive(Debug, Subcommand)]
pub(crate) enum TrafficCommand {
    /// Compare the days before and after a change of mode with the noise of the same weekdays
    Compare(CompareArguments),
    /// Classify a captured HTTP/1 request as AWS's own library does
    Classify {
        /// The request's bytes, from its request line on
        file: PathBuf,
    },
}

/// Which change.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Saved traffic that covers the days before and after
    #[arg(long, value_name = "FILE", required_unless_present = "logs")]
    pub(crate) traffic: Option<PathBuf>,
    /// Or a folder with access logs
    #[arg(long, value_name = "DIR", conflicts_with = "traffic")]
    pub(crate) logs: Option<PathBuf>,
    /// The day of the change, UTC; it is in neither side
    #[arg(long, value_name = "DATE")]
    pub(crate) change: Date,
    /// Only load balancers whose name or id contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) balancer: Option<String>,
    /// How to tell
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// What advice stands on.
#[derive(Debug, Args)]
pub(crate) struct AdviseArguments {
    /// Traffic that `doorward traffic --save` found [default: read it now]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["logs", "all_logs", "engine"])]
    pub(crate) traffic: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: TrafficSource,
    /// How to tell
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}
