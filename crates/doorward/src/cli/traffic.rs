//! The arguments of `doorward traffic` and `doorward advise`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use doorward_model::PastTime;
use jiff::Timestamp;
use jiff::civil::Date;

use super::ListFormat;
use doorward_explain::help_examples::{ADVISE_EXAMPLES, CLASSIFY_EXAMPLES, TRAFFIC_COMPARE_EXAMPLES, TRAFFIC_EXAMPLES};
use doorward_settings::whole_number;

/// The source of traffic.
#[derive(Debug, Args)]
pub(crate) struct TrafficSource {
    /// A folder with access logs, in AWS's layout or not, instead of S3 and CloudWatch
    #[arg(long, value_name = "DIR", conflicts_with = "all_logs")]
    pub(crate) logs: Option<PathBuf>,
    /// The saved scan with the load balancers, their modes and their log buckets [default: the newest recorded scan]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the newest scan [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Number of days [default: traffic.days; with --logs all]
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>)]
    pub(crate) days: Option<u32>,
    /// The start of the window, UTC: a date, a time, or a length before now such as 12h, 30d or 4w
    #[arg(long, value_name = "TIME", value_parser = PastTime::parse, conflicts_with = "days")]
    pub(crate) since: Option<PastTime>,
    /// The end of the window, UTC: a time, or a date, whose day is in the window [default: now]
    #[arg(long, value_name = "TIME", value_parser = PastTime::parse_end)]
    pub(crate) until: Option<Timestamp>,
    /// Read all logs of the window, even if CloudWatch counts no non-compliant request
    #[arg(long)]
    pub(crate) all_logs: bool,
    /// The engine that counts the logs in S3
    #[arg(long, value_enum, default_value = "embedded", value_name = "ENGINE", conflicts_with = "logs")]
    pub(crate) engine: Engine,
}

/// The engine that counts the logs in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Doorward: it fetches the logs that matter
    Embedded,
    /// Athena, for logs that are too large for one machine: it scans whole days, and AWS bills the bytes
    Athena,
}

/// Arguments of `doorward traffic`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = TRAFFIC_EXAMPLES)]
pub(crate) struct TrafficArguments {
    #[command(subcommand)]
    pub(crate) command: Option<TrafficCommand>,
    #[command(flatten)]
    pub(crate) source: TrafficSource,
    /// Report what would be read and what it costs; read no log
    #[arg(long, conflicts_with = "logs")]
    pub(crate) dry_run: bool,
    /// Cache the count of every log file in this folder, and read only files that are not cached: for daily runs, and to continue a
    /// stopped run
    #[arg(long, value_name = "DIR", conflicts_with = "logs")]
    pub(crate) state: Option<PathBuf>,
    /// Save the evidence, for `doorward advise`, `doorward scan` and `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// Subcommands of `doorward traffic`.
#[derive(Debug, Subcommand)]
pub(crate) enum TrafficCommand {
    /// Compare the days before and after a change of mode, given the usual variation of the same weekdays
    Compare(CompareArguments),
    /// Classify a captured HTTP/1 request with AWS's own library
    #[command(after_help = CLASSIFY_EXAMPLES)]
    Classify {
        /// The bytes of the request, from its request line
        file: PathBuf,
    },
}

/// Arguments of `doorward traffic compare`.
#[derive(Debug, Args)]
#[command(after_help = TRAFFIC_COMPARE_EXAMPLES)]
pub(crate) struct CompareArguments {
    /// Saved traffic that covers the days before and after
    #[arg(long, value_name = "FILE", required_unless_present = "logs")]
    pub(crate) traffic: Option<PathBuf>,
    /// A folder with access logs, instead of saved traffic
    #[arg(long, value_name = "DIR", conflicts_with = "traffic")]
    pub(crate) logs: Option<PathBuf>,
    /// The day of the change, UTC; the day itself is not counted
    #[arg(long, value_name = "DATE", value_parser = PastTime::parse_day)]
    pub(crate) change: Date,
    /// Only load balancers whose name or id contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) load_balancer: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// Arguments of `doorward advise`.
#[derive(Debug, Args)]
#[command(after_help = ADVISE_EXAMPLES)]
pub(crate) struct AdviseArguments {
    /// Evidence saved by `doorward traffic --save` [default: read the traffic now]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["logs", "all_logs", "engine"])]
    pub(crate) traffic: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: TrafficSource,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}
