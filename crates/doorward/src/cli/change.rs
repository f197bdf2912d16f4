//! The arguments of `doorward plan`, `apply`, `rollback` and `verify-change`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args};
use doorward_aws::settings::Span;
use doorward_model::{AccountId, Arn, Mode, Region};

use super::ListFormat;
use doorward_explain::help_examples::{APPLY_EXAMPLES, PLAN_EXAMPLES, ROLLBACK_EXAMPLES, VERIFY_CHANGE_EXAMPLES};

/// Arguments of `doorward plan`.
#[derive(Debug, Args)]
#[command(after_help = PLAN_EXAMPLES)]
pub(crate) struct PlanArguments {
    /// The saved scan to plan from [default: the newest recorded scan, judged by the current settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the newest scan [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Evidence saved by `doorward traffic --save` [default: the evidence in the scan]
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// Target mode of all load balancers [default: the mode that policy requires of each]
    #[arg(long, value_name = "MODE", conflicts_with = "from_advice")]
    pub(crate) to: Option<Mode>,
    /// Target mode of each load balancer: the one that its traffic supports now
    #[arg(long)]
    pub(crate) from_advice: bool,
    /// Remove header fields with invalid names, and leave the modes as they are; the effect on clients is unknown, so watch it
    #[arg(long, conflicts_with_all = ["to", "from_advice"])]
    pub(crate) drop_invalid: bool,
    /// Only load balancers of this owner; repeatable
    #[arg(long = "owner", value_name = "NAME")]
    pub(crate) owners: Vec<String>,
    /// Only load balancers in this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    pub(crate) accounts: Vec<AccountId>,
    /// Only load balancers in this Region; repeatable
    #[arg(long = "region", value_name = "REGION")]
    pub(crate) regions: Vec<Region>,
    /// Only this load balancer; repeatable
    #[arg(long = "load-balancer", value_name = "ARN")]
    pub(crate) load_balancers: Vec<Arn>,
    /// Also lower modes that are stronger than --to
    #[arg(long, requires = "to")]
    pub(crate) lower: bool,
    /// Change this load balancer without the required evidence, for this reason; repeatable
    #[arg(long = "insist", value_name = "ARN=REASON", action = ArgAction::Append)]
    pub(crate) insist: Vec<Reasoned>,
    /// Change this load balancer directly although code or a stack manages it, for this reason; repeatable
    #[arg(long = "over-manager", value_name = "ARN=REASON", action = ArgAction::Append)]
    pub(crate) over_manager: Vec<Reasoned>,
    /// The JSON file to write; a Markdown file for review is written beside it. Files that are not plans are not replaced
    #[arg(long, value_name = "FILE", default_value = "change-plan.json")]
    pub(crate) out: PathBuf,
}

/// Arguments of `doorward apply`.
#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
pub(crate) struct ApplyArguments {
    /// The plan file
    pub(crate) plan: PathBuf,
    /// Read every mode again and report what would be done; change and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Watch each wave for this time, and roll it back if its metrics get worse: 30m, 2h. With --dry-run: state the smallest loss of
    /// requests that such a watch can show
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Span::try_from(text.to_owned()))]
    pub(crate) watch: Option<Span>,
    /// The hash of the reviewed plan; --yes requires this or --reviewed
    #[arg(long, value_name = "SHA-256")]
    pub(crate) hash: Option<String>,
    /// The Markdown that was reviewed and approved; any other plan is refused
    #[arg(long, value_name = "FILE")]
    pub(crate) reviewed: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: ChangeRunArguments,
}

/// Arguments of `doorward rollback`.
#[derive(Debug, Args)]
#[command(after_help = ROLLBACK_EXAMPLES)]
pub(crate) struct RollbackArguments {
    /// The id of the change, or a prefix of it
    pub(crate) change: String,
    /// The reason, for the journal
    #[arg(long, value_name = "TEXT", default_value = "no reason was given")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) run: ChangeRunArguments,
}

/// Arguments of `doorward verify-change`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_CHANGE_EXAMPLES)]
pub(crate) struct VerifyChangeArguments {
    /// The id of the change, or a prefix of it; without one, all changes are listed
    pub(crate) change: Option<String>,
    /// The ledger with the change journal [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

/// Arguments that `apply` and `rollback` share.
#[derive(Debug, Args)]
pub(crate) struct ChangeRunArguments {
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// The approver, for the journal [default: the AWS identity alone]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// The ledger with the change journal [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

/// A load balancer and a reason: `ARN=REASON`.
#[derive(Debug, Clone)]
pub(crate) struct Reasoned {
    pub(crate) arn: Arn,
    pub(crate) reason: String,
}

impl FromStr for Reasoned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (arn, reason) = text.split_once('=').ok_or("write ARN=REASON")?;
        let arn = Arn::new(arn).map_err(|e| e.to_string())?;
        match reason.trim() {
            "" => Err("a reason is needed after the =".to_owned()),
            reason => Ok(Self { arn, reason: reason.to_owned() }),
        }
    }
}
