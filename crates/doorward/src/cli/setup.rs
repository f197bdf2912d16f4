//! The arguments of `doorward setup`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use doorward_aws::access::{ExternalId, RoleName};
use doorward_explain::help_examples::{
    DISTRIBUTED_EXAMPLES, EVENTS_EXAMPLES, GATE_EXAMPLES, PACK_EXAMPLES, SETUP_ROLES_EXAMPLES,
};
use doorward_model::{AccountId, Region};
use doorward_setup::{GateLanguage, RolePurpose};

/// The template to write.
#[derive(Debug, Subcommand)]
pub(crate) enum SetupCommand {
    /// Policies and trust policies as JSON
    Iam(SetupRoles),
    /// CloudFormation: the role for a StackSet, and a stack for the management account, which StackSets do not reach
    Stackset(SetupRoles),
    /// Terraform: the role of one account
    Terraform(SetupRoles),
    /// CloudFormation: AWS Config rules as a conformance pack, for one account or the whole organization
    ConformancePack(SetupPack),
    /// CloudFormation: events of changes to load balancers, sent to one event bus
    Eventbridge(SetupEvents),
    /// CloudFormation: a scan that Step Functions distributes over Lambda functions or ECS tasks
    Distributed(SetupDistributed),
    /// Rules for a gate before deployment, from the policy in the settings
    Gate(SetupGate),
}

/// What a role is for, and which caller it trusts.
#[derive(Debug, Args)]
#[command(after_help = SETUP_ROLES_EXAMPLES)]
pub(crate) struct SetupRoles {
    /// The purpose of the role; repeatable
    #[arg(long = "for", value_parser = purpose_parser(), value_name = "PURPOSE", default_value = "scan")]
    pub(crate) purposes: Vec<RolePurpose>,
    /// The ARN of the role or user that runs Doorward; in a template the default of a parameter
    #[arg(long, value_name = "ARN")]
    pub(crate) caller_arn: Option<String>,
    /// Require this external id from the caller [default: as in the settings]
    #[arg(long, value_name = "ID", value_parser = |text: &str| ExternalId::try_from(text.to_owned()))]
    pub(crate) external_id: Option<ExternalId>,
    /// Require the caller to belong to this organization (o-...)
    #[arg(long, value_name = "ID")]
    pub(crate) organization_id: Option<String>,
    /// The role's name, with its path if it has one [default: as in the settings]
    #[arg(long, value_name = "NAME", value_parser = |text: &str| RoleName::try_from(text.to_owned()))]
    pub(crate) role_name: Option<RoleName>,
    /// Write trust policies that require neither an organization nor an external id, and let the base identity assume the role
    /// in accounts of any organization
    #[arg(long, conflicts_with = "organization_id")]
    pub(crate) without_organization: bool,
    /// A bucket with access logs, for `traffic` and `athena`; repeatable
    #[arg(long = "bucket", value_name = "NAME")]
    pub(crate) buckets: Vec<String>,
    /// A saved scan: add the buckets that its load balancers write access logs to, for `traffic` and `athena`
    #[arg(long, value_name = "FILE")]
    pub(crate) scan: Option<PathBuf>,
    /// An SNS topic for notifications to owners, for `notify`; repeatable [default: those of the settings]
    #[arg(long = "topic", value_name = "ARN")]
    pub(crate) topics: Vec<String>,
    /// The partition of JSON policies; templates use the partition they are deployed in
    #[arg(long, value_name = "PARTITION", default_value = "aws")]
    pub(crate) partition: String,
    /// Write the files to this folder instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

fn purpose_parser() -> impl TypedValueParser<Value = RolePurpose> {
    let values = RolePurpose::ALL.iter().map(|one| PossibleValue::new(one.name()).help(one.help()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<RolePurpose>())
}

/// Where the conformance pack is deployed.
#[derive(Debug, Args)]
#[command(after_help = PACK_EXAMPLES)]
pub(crate) struct SetupPack {
    /// A Region to deploy to: prints the command, and notes where AWS does not offer a rule; repeatable
    #[arg(long = "region", value_name = "REGION")]
    pub(crate) regions: Vec<Region>,
    /// An account that does not receive the pack; repeatable
    #[arg(long = "exclude-account", value_name = "ID")]
    pub(crate) excluded: Vec<AccountId>,
    /// Write the files to this folder instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Where events are sent.
#[derive(Debug, Args)]
#[command(after_help = EVENTS_EXAMPLES)]
pub(crate) struct SetupEvents {
    /// The ARN of the event bus that receives the events; in a template the default of a parameter
    #[arg(long, value_name = "ARN")]
    pub(crate) bus_arn: Option<String>,
    /// The organization whose accounts may send events to the bus (o-...)
    #[arg(long, value_name = "ID")]
    pub(crate) organization_id: Option<String>,
    /// Write the files to this folder instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Where the stacks are written.
#[derive(Debug, Args)]
#[command(after_help = DISTRIBUTED_EXAMPLES)]
pub(crate) struct SetupDistributed {
    /// Write the files to this folder instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// The language of a gate.
#[derive(Debug, Args)]
#[command(after_help = GATE_EXAMPLES)]
pub(crate) struct SetupGate {
    /// The language of the rules
    #[arg(value_parser = language_parser(), value_name = "LANGUAGE")]
    pub(crate) language: GateLanguage,
    /// Write the file to this folder instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

fn language_parser() -> impl TypedValueParser<Value = GateLanguage> {
    let values = GateLanguage::ALL.iter().map(|one| PossibleValue::new(one.name()).help(one.help()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<GateLanguage>())
}
