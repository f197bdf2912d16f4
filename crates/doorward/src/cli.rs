//! The command line: what can be said, with examples first.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use doorward_rules::exceptions::Moment;
use figment::value::Value;

use crate::exit::{Exit, Failure};
use crate::output::Format;
use crate::settings::{FailOn, ReportSettings};

const EXAMPLES: &str = "\
Examples:
  doorward demo                                  see it all, no AWS account needed
  doorward scan                                  scan the organization of the current AWS credentials
  doorward scan --role-name audit --ou /Prod     another role, one unit
  doorward scan --format table --format json-v1=scan.json --save scan.saved
  doorward report --from scan.saved              render a saved scan again, offline
  doorward explain desync-mode-below-required    what a rule asks, and why
  doorward explain exit-codes                    what the exit code says";

/// Which desync mitigation mode is every load balancer of an AWS Organization in, and which should it be in?
#[derive(Debug, Parser)]
#[command(name = "doorward", version, before_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The settings file [default: doorward.toml here or above, then in the XDG configuration folder]
    #[arg(long, global = true, env = "DOORWARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Say less: no progress, no closing line
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more; repeat for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Colour,

    /// How log lines on stderr are written
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at the organization and write reports
    Scan(Box<ScanArguments>),
    /// Scan an emulated organization: all of it, no AWS account needed
    Demo(DemoArguments),
    /// Render a saved scan again, offline
    Report(ReportArguments),
    /// Trend, key figures and differences over the recorded scans
    History(Box<HistoryArguments>),
    /// List, check, add and renew the exceptions of the register
    #[command(subcommand)]
    Exceptions(Box<ExceptionsCommand>),
    /// Explain a rule, a reason code, or the exit codes
    Explain {
        /// A rule id, a reason code, or `exit-codes`; without one, the list of topics
        topic: Option<String>,
    },
    /// Print the JSON Schema of the settings or of an output
    Schema {
        /// Which schema
        #[arg(value_enum)]
        kind: SchemaKind,
    },
    /// Show the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

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
    /// One line per owner, ou, or tag:KEY instead of one per scan
    #[arg(long, value_name = "GROUP")]
    pub(crate) by: Option<String>,
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

/// What to do with the exception register.
#[derive(Debug, Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// Every exception and where it stands in its term, those that end first first
    List {
        /// For people or for programs
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Check the register; with a saved scan, also whether each exception covers what it should
    Check {
        /// The saved scan to hold it against
        #[arg(long, value_name = "FILE")]
        scan: Option<PathBuf>,
    },
    /// Add an exception, keeping the file's comments and format
    Add(Box<AddArguments>),
    /// Renew an exception, keeping the file's comments and format
    Renew(Box<RenewArguments>),
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// A new exception.
#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// Names it, once over all files
    #[arg(long)]
    pub(crate) id: String,
    /// The rule that may be failed
    #[arg(long)]
    pub(crate) rule: String,
    /// Why the rule cannot be met
    #[arg(long)]
    pub(crate) reason: String,
    /// Who asked for it
    #[arg(long)]
    pub(crate) requester: String,
    /// Who allowed it
    #[arg(long)]
    pub(crate) approver: String,
    /// The last day on which it holds, or an exact time with its offset
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Moment,
    /// The first day [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<Moment>,
    /// When somebody looks at it again
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Moment>,
    /// What may happen meanwhile
    #[arg(long)]
    pub(crate) risk: Option<String>,
    /// What is done against it instead
    #[arg(long)]
    pub(crate) compensating_control: Option<String>,
    /// Where it was recorded
    #[arg(long)]
    pub(crate) ticket: Option<String>,
    /// Covers this load balancer; repeatable. All kinds of criteria given must hold
    #[arg(long = "arn", value_name = "ARN")]
    pub(crate) arns: Vec<String>,
    /// Covers this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    pub(crate) accounts: Vec<String>,
    /// Covers this unit and what is below it; repeatable
    #[arg(long = "ou", value_name = "UNIT")]
    pub(crate) ous: Vec<String>,
    /// Covers load balancers with this tag; repeatable
    #[arg(long = "tag", value_name = "KEY=GLOB")]
    pub(crate) tags: Vec<String>,
    /// Covers load balancers with such a name; repeatable
    #[arg(long = "name", value_name = "GLOB")]
    pub(crate) names: Vec<String>,
    /// It is meant to cover many load balancers
    #[arg(long)]
    pub(crate) many: bool,
    /// The file to add it to [default: the first of `exceptions.files`]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// A new term for an exception.
#[derive(Debug, Args)]
pub(crate) struct RenewArguments {
    /// The exception
    pub(crate) id: String,
    /// The last day of the new term, or an exact time with its offset
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Moment,
    /// Who allows it this time
    #[arg(long)]
    pub(crate) approver: String,
    /// Where that is recorded
    #[arg(long)]
    pub(crate) ticket: String,
    /// The first day of the new term [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<Moment>,
    /// When somebody looks at it again
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Moment>,
}

/// Which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// The settings file.
    Config,
    /// The output `json-v1`.
    JsonV1,
    /// A line of the output `ndjson-v1`.
    NdjsonV1,
    /// A saved scan.
    Saved,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective settings
    Show {
        /// Say where each value came from
        #[arg(long)]
        origin: bool,
    },
}

/// What a scan can be told; each flag stands for a setting.
#[derive(Debug, Args)]
pub(crate) struct ScanArguments {
    /// Start from this profile of the shared AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Assume this role in every account
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// The external id that the role's trust policy asks for
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Scan the account of the current credentials only, without asking Organizations
    #[arg(long)]
    single_account: bool,
    /// Scan only these accounts; repeatable
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,
    /// Leave these accounts out; repeatable
    #[arg(long = "exclude-account", value_name = "ID")]
    exclude_accounts: Vec<String>,
    /// Scan only these organizational units and what is below them, by path or id; repeatable
    #[arg(long = "ou", value_name = "UNIT")]
    ous: Vec<String>,
    /// Leave these organizational units out; repeatable
    #[arg(long = "exclude-ou", value_name = "UNIT")]
    exclude_ous: Vec<String>,
    /// Scan only these Regions; repeatable
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<String>,
    /// Leave these Regions out; repeatable
    #[arg(long = "exclude-region", value_name = "REGION")]
    exclude_regions: Vec<String>,
    /// Requests in flight at once
    #[arg(long, value_name = "N")]
    concurrency: Option<i64>,
    /// What to write where
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Save the raw scan, to be rendered or judged again by `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Go on with the scan that was interrupted
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) resume: bool,
    /// Keep history in this file
    #[arg(long, value_name = "FILE", conflicts_with = "no_ledger")]
    ledger: Option<PathBuf>,
    /// Keep no history of this scan
    #[arg(long)]
    no_ledger: bool,
}

/// What to write where, and when it is bad news.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// table, json-v1 or ndjson-v1, to stdout or a file; repeatable [default: table]
    #[arg(long = "format", value_name = "KIND[=PATH]")]
    pub(crate) formats: Vec<Format>,
    /// The lowest severity of a failure that makes the exit code 3, or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// The least share, in percent, that must be read and known; below it the exit code is 4
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<f64>,
}

/// What the demo can be told.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// A folder with an org.toml (and a doorward.toml) to emulate instead of the built-in organization
    pub(crate) world: Option<PathBuf>,
    /// Where the outputs are written
    #[arg(long, default_value = "doorward-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// What a saved scan can be rendered with.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The saved scan
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Judge by the current settings instead of the ones saved with the scan
    #[arg(long)]
    pub(crate) judge_again: bool,
    /// What to write where
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

type Overrides = Vec<(String, Value)>;

impl ScanArguments {
    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut all = self.output.overrides();
        let mut text = |key: &str, value: &Option<String>| {
            all.extend(value.iter().map(|value| (key.to_owned(), Value::from(value.as_str()))));
        };
        text("access.profile", &self.profile);
        text("access.role_name", &self.role_name);
        text("access.external_id", &self.external_id);
        for (key, values) in [
            ("scope.include_accounts", &self.accounts),
            ("scope.exclude_accounts", &self.exclude_accounts),
            ("scope.include_ous", &self.ous),
            ("scope.exclude_ous", &self.exclude_ous),
            ("regions.include", &self.regions),
            ("regions.exclude", &self.exclude_regions),
        ] {
            if !values.is_empty() {
                all.push((key.to_owned(), Value::from(values.clone())));
            }
        }
        all.extend(
            self.ledger.iter().map(|path| ("ledger.path".to_owned(), Value::from(path.to_string_lossy().as_ref()))),
        );
        if self.no_ledger {
            all.push(("ledger.enabled".to_owned(), Value::from(false)));
        }
        if self.single_account {
            all.push(("scope.single_account".to_owned(), Value::from(true)));
        }
        all.extend(self.concurrency.map(|n| ("calls.concurrency".to_owned(), Value::from(n))));
        all
    }
}

impl OutputArguments {
    /// Lets the flags win over settings that come from elsewhere than the settings file.
    pub(crate) fn overlay(&self, report: &mut ReportSettings) -> Result<(), Failure> {
        if let Some(text) = &self.fail_on {
            report.fail_on = FailOn::from_str(text, true)
                .map_err(|e| Failure::new(Exit::Usage, format!("--fail-on {text}: {e}")))?;
        }
        if let Some(percent) = self.min_coverage {
            if !(0.0..=100.0).contains(&percent) {
                return Err(Failure::new(Exit::Usage, format!("--min-coverage {percent}: not a percentage")));
            }
            report.minimum_coverage = percent;
        }
        Ok(())
    }

    /// The flags as settings.
    pub(crate) fn overrides(&self) -> Overrides {
        let fail_on = self.fail_on.iter().map(|text| ("report.fail_on".to_owned(), Value::from(text.as_str())));
        let coverage = self.min_coverage.map(|percent| ("report.minimum_coverage".to_owned(), Value::from(percent)));
        fail_on.chain(coverage).collect()
    }
}

impl Cli {
    /// Whether text on stdout is coloured.
    pub(crate) fn colour_on_stdout(&self) -> bool {
        self.colour(std::io::stdout().is_terminal())
    }

    /// Whether text on stderr is coloured.
    pub(crate) fn colour_on_stderr(&self) -> bool {
        self.colour(std::io::stderr().is_terminal())
    }

    fn colour(&self, terminal: bool) -> bool {
        match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }
}
