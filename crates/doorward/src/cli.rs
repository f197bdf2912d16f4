//! The command line: what can be said, with examples first.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::output::Format;

mod change;
mod check;
mod doctor;
mod event;
mod exceptions;
mod history;
mod notify;
mod overrides;
mod publish;
mod scope;
mod setup;
mod traffic;
mod verify;

pub(crate) use change::{ApplyArguments, ChangeRunArguments, PlanArguments, RollbackArguments, VerifyChangeArguments};
pub(crate) use check::CheckArguments;
pub(crate) use doctor::{DoctorArguments, Part};
pub(crate) use event::EventArguments;
pub(crate) use exceptions::{AddArguments, ExceptionsCommand, RenewArguments};
pub(crate) use history::{HistoryArguments, HistoryCommand, HistoryFormat};
pub(crate) use notify::NotifyArguments;
pub(crate) use publish::PublishArguments;
pub(crate) use scope::ScopeArguments;
pub(crate) use setup::{Capability, SetupCommand, SetupEvents, SetupRoles, SetupRules};
pub(crate) use traffic::{AdviseArguments, CompareArguments, Engine, TrafficArguments, TrafficCommand, TrafficSource};
pub(crate) use verify::VerifyArguments;

const EXAMPLES: &str = "\
Examples:
  doorward demo                                  see it all, no AWS account needed
  doorward doctor                                what a scan would leave unread, and what would mend it
  doorward scan                                  scan the organization of the current AWS credentials
  doorward scan --role-name audit --ou /Prod     another role, one unit
  doorward scan --format table --format json-v1=scan.json --save scan.saved
  doorward setup stackset                        the role to deploy to every account
  doorward traffic --from scan.saved --save traffic.json   what the requests say, read from S3 and CloudWatch
  doorward advise --logs FOLDER                  the mode each load balancer should be in, from a folder of logs
  doorward plan --from-advice                    what to change, in which order: a file to review
  doorward apply change-plan.json --watch 30m    change it in waves, canary first; roll back what does harm
  doorward check plan.json templates/            the same rules for what is not deployed yet
  doorward publish --dry-run                     what Security Hub would be told, and why
  doorward notify --dry-run                      what owners would be told
  doorward event < event.json                    look at once at the load balancer that an event names
  doorward report --from scan.saved              render a saved scan again, offline
  doorward scan --format evidence=evidence       audit evidence, one pack per scan
  doorward verify evidence --key public.pem      is that evidence as it was written?
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
    /// Say what a scan would leave unread and what would mend it, before a scan; reads only
    Doctor(Box<DoctorArguments>),
    /// Scan an emulated organization: all of it, no AWS account needed
    Demo(DemoArguments),
    /// Render a saved scan again, offline
    Report(ReportArguments),
    /// Trend, key figures and differences over the recorded scans
    History(Box<HistoryArguments>),
    /// Deliver the newest scan, or a saved one, to Security Hub
    Publish(PublishArguments),
    /// What the requests say, from access logs and CloudWatch, and what each mode would do
    Traffic(Box<TrafficArguments>),
    /// The mode that each load balancer should be in by its traffic, with the evidence
    Advise(Box<AdviseArguments>),
    /// Plan a change of modes from the newest scan, or a saved one: a file to review
    Plan(Box<PlanArguments>),
    /// Change modes by a plan, in waves, journalled
    Apply(ApplyArguments),
    /// Give the load balancers of a change the modes they had before
    Rollback(RollbackArguments),
    /// Is a change still as it was made, and did it do harm? Without a change, list all
    VerifyChange(VerifyChangeArguments),
    /// Judge Terraform, CloudFormation, Kubernetes, Pulumi and ECS declarations by the same rules, before they are deployed
    Check(Box<CheckArguments>),
    /// Tell owners what changed and what is due, once each
    Notify(NotifyArguments),
    /// Look at once at a load balancer that was just changed, by CloudTrail's event of the call
    Event(EventArguments),
    /// Is this evidence as it was written? Exit code 3 where it is not, 4 where neither --key nor --head proves it
    Verify(VerifyArguments),
    /// List, check, add and renew the exceptions of the register
    #[command(subcommand)]
    Exceptions(Box<ExceptionsCommand>),
    /// Print the roles and guardrails to deploy, as JSON, CloudFormation or Terraform
    #[command(subcommand)]
    Setup(Box<SetupCommand>),
    /// Explain a rule, a reason code, or the exit codes
    Explain {
        /// A rule id, a reason code, or `exit-codes`; without one, the list of topics
        topic: Option<String>,
    },
    /// Print a guide, for example on traffic or on changes
    Guide {
        /// The topic; without one, the list of guides
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
    /// Write the manual pages, one for each command
    Man {
        /// Where they are written
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
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
    /// The output `json-v1` of `doorward check`.
    CheckJsonV1,
    /// The output `event-v1` of `doorward event`.
    EventV1,
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
    /// What is scanned, and as whom
    #[command(flatten)]
    scope: ScopeArguments,
    /// What to write where
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Save the raw scan, to be rendered or judged again by `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Join what `doorward traffic --save` found to the report
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// Files or folders that declare load balancers, as for `doorward check`: reports say where each is declared; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) iac: Vec<PathBuf>,
    /// Go on with the scan that was interrupted
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) resume: bool,
    /// Then deliver the scan to Security Hub, as `doorward publish` does; one that was stopped is not delivered
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) publish: bool,
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
    /// table, json-v1, ndjson-v1, html, csv, csv-raw, asff, ocsf or ocsf-1.3, to stdout or a file; owners=DIR or evidence=DIR;
    /// repeatable. csv is for spreadsheets; csv-raw has every text verbatim, formulas among them, for programs only [default: table]
    #[arg(long = "format", value_name = "KIND[=PATH]")]
    pub(crate) formats: Vec<Format>,
    /// The lowest severity of a failure that makes the exit code 3, or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// The least share, in percent, that must be read and known; below it the exit code is 4
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<f64>,
    /// How many load balancers evidence draws as a sample
    #[arg(long, value_name = "N")]
    sample: Option<u32>,
    /// The seed of the sample: any text; the same seed draws the same sample
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// The ed25519 key that signs evidence
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
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
    /// Join what `doorward traffic --save` found to the report
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// Files or folders that declare load balancers, as for `doorward check`: reports say where each is declared; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) iac: Vec<PathBuf>,
    /// Judge by the current settings instead of the ones saved with the scan
    #[arg(long)]
    pub(crate) judge_again: bool,
    /// Instead of a report: where Security Hub's ELB.12 and ELB.14 say otherwise than was seen, or see nothing, read from it now.
    /// Exit code 3 where they do, 4 where nobody can tell
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "table",
        conflicts_with_all = ["judge_again", "traffic", "formats"]
    )]
    pub(crate) compare_securityhub: Option<ListFormat>,
    /// What to write where
    #[command(flatten)]
    pub(crate) output: OutputArguments,
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
