//! The arguments of `doorward exceptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use doorward_rules::exceptions::Moment;

use super::ListFormat;

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
