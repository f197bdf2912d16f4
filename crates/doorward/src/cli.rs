//! The command line: arguments and their help, with examples at the end.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use doorward_outputs::Format;
use doorward_shard::Shard;

mod change;
mod check;
mod doctor;
mod event;
mod exceptions;
mod filter;
mod history;
mod merge;
mod metrics;
mod notify;
mod overrides;
mod plugin;
mod policy;
mod posture;
mod publish;
mod schema;
mod scope;
mod setup;
mod style;
mod terraform_variable;
mod traffic;
mod verify;

pub(crate) use change::{ApplyArguments, ChangeRunArguments, PlanArguments, RollbackArguments, VerifyChangeArguments};
pub(crate) use check::CheckArguments;
pub(crate) use doctor::{DoctorArguments, Part};
pub(crate) use event::EventArguments;
pub(crate) use exceptions::{AddArguments, ExceptionListArguments, ExceptionsCommand, RenewArguments};
pub(crate) use filter::{FilterArguments, check_rules};
pub(crate) use history::{DiffArguments, HistoryArguments, HistoryCommand, HistoryFormat};
pub(crate) use merge::MergeArguments;
pub(crate) use metrics::{CollectArguments, MetricsCommand};
pub(crate) use notify::NotifyArguments;
pub(crate) use overrides::LedgerArguments;
pub(crate) use plugin::{NewArguments, PluginCommand, PluginLanguage, TestArguments};
pub(crate) use policy::{PolicyCommand, PolicyExplainArguments};
pub(crate) use posture::PostureArguments;
pub(crate) use publish::PublishArguments;
pub(crate) use schema::SchemaKind;
pub(crate) use scope::ScopeArguments;
pub(crate) use setup::{SetupCommand, SetupPack, SetupRoles};
pub(crate) use terraform_variable::VariableArgument;
pub(crate) use traffic::{AdviseArguments, CompareArguments, Engine, TrafficArguments, TrafficCommand, TrafficSource};
pub(crate) use verify::VerifyArguments;

use doorward_explain::help_examples::{
    COMPLETIONS_EXAMPLES, DEMO_EXAMPLES, EXAMPLES, EXPLAIN_EXAMPLES, GUIDE_EXAMPLES, INIT_EXAMPLES, MAN_EXAMPLES,
    REPORT_EXAMPLES, SCAN_EXAMPLES, SCHEMA_EXAMPLES, SHOW_EXAMPLES,
};

/// The version with the commit, the date of the commit and the target, where the build knew them.
pub(crate) const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("DOORWARD_COMMIT"),
    "\ndate: ",
    env!("DOORWARD_DATE"),
    "\ntarget: ",
    env!("DOORWARD_TARGET")
);

/// The heading of the options that every command takes.
const GLOBAL: &str = "Global options";

/// Report the desync mitigation mode of every load balancer in an AWS Organization, and the mode that policy requires
#[derive(Debug, Parser)]
#[command(name = "doorward", version, long_version = LONG_VERSION, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The settings file [env: DOORWARD_CONFIG] [default: doorward.toml here or above, then in the XDG configuration folder]
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    pub(crate) config: Option<PathBuf>,

    /// Suppress progress and summary
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub(crate) quiet: bool,

    /// Log more; repeat for more detail
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    pub(crate) verbose: u8,

    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN", help_heading = GLOBAL)]
    pub(crate) color: Colour,

    /// Format of log lines on stderr
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = GLOBAL)]
    pub(crate) log_format: LogFormat,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// In files and pipes too.
    Always,
    /// Never.
    Never,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

/// The command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan the organization and write reports
    Scan(Box<ScanArguments>),
    /// Merge the parts of a scan that was divided into shards, and write reports as one scan does
    Merge(Box<MergeArguments>),
    /// Check which permissions a scan lacks and how to add them; changes nothing
    Doctor(Box<DoctorArguments>),
    /// Scan an emulated organization; needs no AWS account
    Demo(DemoArguments),
    /// Render a saved scan again, offline
    Report(Box<ReportArguments>),
    /// Show trend, key figures and differences of the recorded scans
    History(Box<HistoryArguments>),
    /// Deliver the newest scan, or a saved one, to Security Hub
    Publish(PublishArguments),
    /// Read access logs and CloudWatch metrics, and forecast the effect of each mode
    Traffic(Box<TrafficArguments>),
    /// Recommend a mode for each load balancer from its traffic, with the evidence
    Advise(Box<AdviseArguments>),
    /// Show which published triggers of request smuggling each load balancer lets through, now and in strictest mode
    Posture(PostureArguments),
    /// Store daily CloudWatch metrics in the ledger, which keeps them longer than CloudWatch does
    #[command(subcommand)]
    Metrics(MetricsCommand),
    /// Explain which policy rule sets the required mode of a load balancer, and print ready-made policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Write a plan of mode changes for review, from the newest scan or a saved one
    Plan(Box<PlanArguments>),
    /// Change modes as planned, in waves, with a journal
    Apply(ApplyArguments),
    /// Restore the modes before a change
    Rollback(RollbackArguments),
    /// Verify that a change is still in effect and caused no regression; without a change, list all
    VerifyChange(VerifyChangeArguments),
    /// Apply the rules to Terraform, CloudFormation, Kubernetes, Pulumi and ECS declarations before deployment
    Check(Box<CheckArguments>),
    /// Send each owner a digest of changes and due actions, once
    Notify(NotifyArguments),
    /// Re-scan the load balancer of a CloudTrail event
    Event(EventArguments),
    /// Verify that evidence is unchanged. Exit code 3 if it is not, 4 if neither --key nor --head proves it
    Verify(VerifyArguments),
    /// List, check, add and renew the exceptions of the register
    #[command(subcommand)]
    Exceptions(Box<ExceptionsCommand>),
    /// Print roles and guardrails to deploy, as JSON, CloudFormation or Terraform
    #[command(subcommand)]
    Setup(Box<SetupCommand>),
    /// Write and test plugins: programs that write outputs of their own
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Explain a rule, reason code, figure, metric, setting, severity, mode, or the exit codes
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The topic, such as a rule id, a reason code, a figure, a setting or `exit-codes`; without one, the list of topics
        topic: Option<String>,
    },
    /// Print a guide, for example on traffic or on changes
    #[command(after_help = GUIDE_EXAMPLES)]
    Guide {
        /// The topic; without one, the list of guides
        topic: Option<String>,
    },
    /// Print the JSON Schema of the settings or of an output
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema {
        /// The schema to print
        #[arg(value_enum)]
        kind: SchemaKind,
    },
    /// Show the settings, or write a settings file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the manual pages, one for each command
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The folder to write to
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// For programs; the document names its version
    #[value(alias = "json-v1")]
    Json,
}

/// `doorward config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective settings
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// Show where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Write a settings file with every setting, its default and its explanation, all commented out
    #[command(after_help = INIT_EXAMPLES)]
    Init {
        /// The file to write, or - for stdout; a file that exists is not replaced
        #[arg(long, value_name = "FILE", default_value = "doorward.toml")]
        out: PathBuf,
    },
}

/// The arguments of `doorward scan`; most flags override a setting.
#[derive(Debug, Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(crate) struct ScanArguments {
    /// Scope and credentials
    #[command(flatten)]
    scope: ScopeArguments,
    /// Outputs
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Save the raw scan for `doorward report`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Add the traffic evidence in this file, which `doorward traffic --save` wrote, to the report
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// A billing export with the charges of load balancers: FOCUS 1.x or CUR 2.0, as CSV, also compressed with gzip
    #[arg(long, value_name = "FILE")]
    pub(crate) cost: Option<PathBuf>,
    /// Files or folders that declare load balancers, as for `doorward check`, for the declarations in reports; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) iac: Vec<PathBuf>,
    /// Continue the interrupted scan
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) resume: bool,
    /// Deliver the scan to Security Hub, as `doorward publish` does; a scan that was stopped is not delivered
    #[arg(long, conflicts_with = "no_ledger")]
    pub(crate) publish: bool,
    /// The ledger
    #[command(flatten)]
    ledger: LedgerArguments,
    /// Shards
    #[command(flatten)]
    pub(crate) shards: ShardArguments,
}

/// The arguments that divide a scan among processes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shards")]
pub(crate) struct ShardArguments {
    /// Read one of N shares of the account-Regions, and save what was read for `doorward merge`
    #[arg(long, value_name = "I/N", requires = "save", conflicts_with_all = NOT_OF_SHARDS)]
    pub(crate) shard: Option<Shard>,
    /// Only discover the accounts and Regions, and save the plan for --discovered, so that no shard has to discover them again
    #[arg(long, requires = "save", conflicts_with_all = NOT_OF_SHARDS, conflicts_with = "shard")]
    pub(crate) discover_only: bool,
    /// Use the plan that --discover-only saved
    #[arg(long, value_name = "FILE", requires = "shard")]
    pub(crate) discovered: Option<PathBuf>,
}

impl ShardArguments {
    /// Whether only a part of a scan is asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.shard.is_some() || self.discover_only
    }
}

/// What needs the whole scan.
const NOT_OF_SHARDS: [&str; 5] = ["formats", "traffic", "iac", "resume", "publish"];

/// The outputs of a report, and when it changes the exit code.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// What to write where
    #[arg(long = "format", value_name = "KIND[=PATH]", help = Format::help())]
    pub(crate) formats: Vec<Format>,
    /// Lowest severity of a failure for exit code 3, or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// Percentage that must be read and known; below it the exit code is 4
    #[arg(long, value_name = "PERCENT", value_parser = doorward_settings::number)]
    min_coverage: Option<f64>,
    /// Number of load balancers in the sample of the evidence
    #[arg(long, value_name = "N", value_parser = doorward_settings::whole_number::<u32>)]
    sample: Option<u32>,
    /// Seed of the sample: any text; the same seed draws the same sample
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// The ed25519 key that signs evidence
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

/// The arguments of `doorward demo`.
#[derive(Debug, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArguments {
    /// A folder with an org.toml (and a doorward.toml) to emulate instead of the built-in organization
    pub(crate) world: Option<PathBuf>,
    /// Emulate the built-in organization in which a part cannot be read
    #[arg(long, conflicts_with = "world")]
    pub(crate) gaps: bool,
    /// The folder to write to
    #[arg(long, default_value = "doorward-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// End with the exit code of the scan instead of 0
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// The arguments of `doorward report`.
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLES)]
pub(crate) struct ReportArguments {
    /// The saved scan; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Add the traffic evidence in this file, which `doorward traffic --save` wrote, to the report
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// A billing export with the charges of load balancers: FOCUS 1.x or CUR 2.0, as CSV, also compressed with gzip
    #[arg(long, value_name = "FILE")]
    pub(crate) cost: Option<PathBuf>,
    /// Files or folders that declare load balancers, as for `doorward check`, for the declarations in reports; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) iac: Vec<PathBuf>,
    /// Judge by the current settings instead of those saved with the scan
    #[arg(long)]
    pub(crate) judge_again: bool,
    /// Deliver again to plugins what they have received already, under the same delivery id
    #[arg(long)]
    pub(crate) redeliver: bool,
    /// Compare the scan with the Security Hub controls ELB.12 and ELB.14, which are read now, instead of writing a report. Exit code 3
    /// if they contradict the scan or lack a load balancer, 4 if that cannot be determined
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
    /// Filters
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// Outputs
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
