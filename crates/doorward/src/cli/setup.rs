//! The arguments of `doorward setup`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use doorward_model::{AccountId, Region};

/// What to set up.
#[derive(Debug, Subcommand)]
pub(crate) enum SetupCommand {
    /// Policies and trust policies as plain JSON
    Iam(SetupRoles),
    /// CloudFormation: the role for a StackSet, and the stack for the management account, which no StackSet reaches
    Stackset(SetupRoles),
    /// Terraform: the role of one account
    Terraform(SetupRoles),
    /// CloudFormation: AWS Config rules for the whole organization
    ConfigRule(SetupRules),
    /// CloudFormation: the same rules as a conformance pack of the organization
    ConformancePack(SetupRules),
    /// CloudFormation: changes to load balancers, as they happen, on one event bus
    Eventbridge(SetupEvents),
}

/// What a role is for, and whom it admits.
#[derive(Debug, Args)]
pub(crate) struct SetupRoles {
    /// What the role is for; repeatable
    #[arg(long = "for", value_enum, value_name = "CAPABILITY", default_values_t = [Capability::Scan])]
    pub(crate) capabilities: Vec<Capability>,
    /// The ARN of the role or user that runs Doorward; in a template the default of a parameter
    #[arg(long, value_name = "ARN")]
    pub(crate) caller_arn: Option<String>,
    /// Admit the caller with this external id only [default: as in the settings]
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// Admit the caller from this organization only (o-...)
    #[arg(long, value_name = "ID")]
    pub(crate) organization_id: Option<String>,
    /// The role's name, with its path if it has one [default: as in the settings]
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
    /// Write trust policies that ask for neither an organization nor an external id, and let the base identity assume the role
    /// in accounts of any organization
    #[arg(long, conflicts_with = "organization_id")]
    pub(crate) without_organization: bool,
    /// A bucket with access logs, for `traffic` and `athena`; repeatable
    #[arg(long = "bucket", value_name = "NAME")]
    pub(crate) buckets: Vec<String>,
    /// The buckets that the load balancers of a saved scan log to, for `traffic` and `athena`
    #[arg(long, value_name = "FILE")]
    pub(crate) scan: Option<PathBuf>,
    /// A topic that owners are notified by, for `notify`; repeatable [default: those of the settings]
    #[arg(long = "topic", value_name = "ARN")]
    pub(crate) topics: Vec<String>,
    /// The partition that plain policies are for; templates take it from where they are deployed
    #[arg(long, value_name = "PARTITION", default_value = "aws")]
    pub(crate) partition: String,
    /// Write the files here instead of printing them
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Something Doorward does that needs permissions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Capability {
    /// Reading load balancers: `doorward scan`
    Scan,
    /// Reading access logs and metrics: `doorward traffic`
    Traffic,
    /// Reading metrics, and access logs by Athena: `doorward traffic --engine athena`, by the role of `traffic`
    Athena,
    /// Reading metrics only, by the role of `traffic`
    Metrics,
    /// Telling Security Hub: `doorward publish`
    Publish,
    /// Publishing to SNS topics: `doorward notify`; the base identity does that itself
    Notify,
    /// Changing modes
    Change,
}

/// Which rules, and where.
#[derive(Debug, Args)]
pub(crate) struct SetupRules {
    /// The Regions it will be deployed to, to be told where AWS does not offer a rule; repeatable
    #[arg(long = "region", value_name = "REGION")]
    pub(crate) regions: Vec<Region>,
    /// Accounts to leave out; repeatable
    #[arg(long = "exclude-account", value_name = "ID")]
    pub(crate) excluded: Vec<AccountId>,
    /// Write the files here instead of printing them
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Where events go.
#[derive(Debug, Args)]
pub(crate) struct SetupEvents {
    /// The ARN of the event bus that takes them; in a template the default of a parameter
    #[arg(long, value_name = "ARN")]
    pub(crate) bus_arn: Option<String>,
    /// The organization whose accounts may send to the bus (o-...)
    #[arg(long, value_name = "ID")]
    pub(crate) organization_id: Option<String>,
    /// Write the files here instead of printing them
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
