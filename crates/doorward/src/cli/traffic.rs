//! The arguments of `doorward traffic` and `doorward advise`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::ListFormat;
use doorward_explain::help_examples::{ADVISE_EXAMPLES, CLASSIFY_EXAMPLES, TRAFFIC_COMPARE_EXAMPLES, TRAFFIC_EXAMPLES};

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
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    /// The start of the window, UTC: a date, a time, or a length before now such as 30d or 12h
    #[arg(long, value_name = "TIME", value_parser = since, conflicts_with = "days")]
    pub(crate) since: Option<Since>,
    /// The end of the window, UTC: a time, or a date, whose day is in the window [default: now]
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub(crate) until: Option<Timestamp>,
    /// Read all logs of the window, even if CloudWatch counts no non-compliant request
    #[arg(long)]
    pub(crate) all_logs: bool,
    /// The engine that counts the logs in S3
    #[arg(long, value_enum, default_value = "embedded", value_name = "ENGINE", conflicts_with = "logs")]
    pub(crate) engine: Engine,
}

/// The start of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// A time.
    At(Timestamp),
    /// So long before now.
    Before(SignedDuration),
}

/// The longest time that a window may lie back: the service is not as old.
const LONGEST_DAYS: u32 = 10_000;

/// Reads a date, a time or a length of time before now.
fn since(text: &str) -> Result<Since, String> {
    let text = text.trim();
    if let Some(length) = text.strip_suffix(['d', 'D', 'h', 'H']) {
        let number: u32 = length.trim().parse().map_err(|_| not_a_time(text))?;
        let hours = if text.ends_with(['d', 'D']) { number.checked_mul(24) } else { Some(number) };
        let hours = hours.filter(|hours| (1..=LONGEST_DAYS * 24).contains(hours));
        let hours = hours.ok_or_else(|| format!("{text:?} is not between 1h and {LONGEST_DAYS}d"))?;
        return Ok(Since::Before(SignedDuration::from_hours(i64::from(hours))));
    }
    if let Ok(date) = text.parse::<Date>()
        && is_date(text)
    {
        return start_of(date).map(Since::At).ok_or_else(|| not_a_time(text));
    }
    text.parse().map(Since::At).map_err(|_| not_a_time(text))
}

/// Reads a time, or a date, of which it is the end.
fn until(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>()
        && is_date(text)
    {
        return date.checked_add(1.day()).ok().and_then(start_of).ok_or_else(|| not_a_time(text));
    }
    text.parse().map_err(|_| not_a_time(text))
}

/// A time begins with a date as well.
fn is_date(text: &str) -> bool {
    !text.contains(['T', 't', ' ', ':'])
}

fn start_of(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

fn not_a_time(text: &str) -> String {
    format!("{text:?} is neither a date (2026-10-25) nor a time with its zone (2026-10-25T06:00:00Z)")
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
    #[arg(long, value_name = "DATE")]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn dates_times_and_lengths_are_understood() {
        for (text, end) in [
            ("2026-10-25", "2026-10-26T00:00:00Z"),
            (" 2026-10-25 ", "2026-10-26T00:00:00Z"),
            ("2026-10-25T06:30:00Z", "2026-10-25T06:30:00Z"),
            ("2026-10-25T06:30:00+02:00", "2026-10-25T04:30:00Z"),
            ("2026-12-31", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(until(text), Ok(at(end)), "{text}");
        }
        assert_eq!(since("2026-10-25"), Ok(Since::At(at("2026-10-25T00:00:00Z"))));
        assert_eq!(since("2026-10-25T06:30:00Z"), Ok(Since::At(at("2026-10-25T06:30:00Z"))));
        assert_eq!(since("30d"), Ok(Since::Before(SignedDuration::from_hours(720))));
        assert_eq!(since("12h"), Ok(Since::Before(SignedDuration::from_hours(12))));
        for wrong in [
            "",
            "yesterday",
            "2026-02-30",
            "30",
            "d",
            "0d",
            "-1d",
            "99999d",
            "4294967295d",
            "2026-10-25T06:30:00",
            "25.10.2026",
        ] {
            assert!(since(wrong).is_err(), "{wrong}");
            assert!(until(wrong).is_err(), "{wrong}");
        }
    }
}
