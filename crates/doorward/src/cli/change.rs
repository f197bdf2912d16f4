//! The arguments of `doorward plan`, `apply`, `rollback` and `verify-change`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args};
use doorward_core::settings::Span;
use doorward_model::{AccountId, Arn, Mode, Region};

use super::ListFormat;

const PLAN_EXAMPLES: &str = "\
Examples:
  doorward plan                                       raise what is below the policy's required mode
  doorward plan --from-advice --traffic traffic.json  raise as far as each one's traffic advises now
  doorward plan --to strictest --owner payments --out payments.json
  doorward plan --to strictest --insist \"ARN=agreed with the owner on 2026-11-20\"";

const APPLY_EXAMPLES: &str = "\
Examples:
  doorward apply change-plan.json --dry-run           read every mode again; change nothing
  doorward apply change-plan.json --watch 30m         the canary first; each wave is watched, and rolled back if it does harm
  doorward apply change-plan.json --yes --reviewed change-plan.md
                                                      in a pipeline: the plan must be the one whose text was approved
  doorward apply change-plan.json --yes --hash HASH   the same by the hash in that text";

/// What to plan, from what.
#[derive(Debug, Args)]
#[command(before_help = PLAN_EXAMPLES)]
pub(crate) struct PlanArguments {
    /// The saved scan to plan from [default: the newest recorded one, judged by the current settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the newest scan [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// What `doorward traffic --save` found [default: what the saved scan holds]
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// One mode for all [default: the mode that policy requires of each]
    #[arg(long, value_name = "MODE", conflicts_with = "from_advice")]
    pub(crate) to: Option<Mode>,
    /// The mode that each one's traffic advises to raise to now
    #[arg(long)]
    pub(crate) from_advice: bool,
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
    #[arg(long = "balancer", value_name = "ARN")]
    pub(crate) balancers: Vec<Arn>,
    /// Lower modes too, where they are stronger than --to
    #[arg(long, requires = "to")]
    pub(crate) lower: bool,
    /// Change this load balancer without the evidence that a change asks for, and why; repeatable
    #[arg(long = "insist", value_name = "ARN=REASON", action = ArgAction::Append)]
    pub(crate) insist: Vec<Reasoned>,
    /// Change this load balancer directly although something manages it, and why; repeatable
    #[arg(long = "over-manager", value_name = "ARN=REASON", action = ArgAction::Append)]
    pub(crate) over_manager: Vec<Reasoned>,
    /// Where the plan is written as JSON; for review also as Markdown beside it. Other files are not replaced
    #[arg(long, value_name = "FILE", default_value = "change-plan.json")]
    pub(crate) out: PathBuf,
}

/// Which plan, and how.
#[derive(Debug, Args)]
#[command(before_help = APPLY_EXAMPLES)]
pub(crate) struct ApplyArguments {
    /// The plan
    pub(crate) plan: PathBuf,
    /// Read every mode again and say what would be done; change and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Watch each wave for so long, and roll it back if it does harm: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Span::try_from(text.to_owned()))]
    pub(crate) watch: Option<Span>,
    /// The hash of the plan that was reviewed; --yes needs it, or --reviewed
    #[arg(long, value_name = "SHA-256")]
    pub(crate) hash: Option<String>,
    /// The text that was reviewed and approved: a plan of which it is not the exact text is refused
    #[arg(long, value_name = "FILE")]
    pub(crate) reviewed: Option<PathBuf>,
    /// What a change has in common with a roll-back
    #[command(flatten)]
    pub(crate) hand: HandArguments,
}

/// Which change, and why.
#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The change, as `doorward apply` named it
    pub(crate) change: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "no reason was given")]
    pub(crate) reason: String,
    /// What a roll-back has in common with a change
    #[command(flatten)]
    pub(crate) hand: HandArguments,
}

/// Which change.
#[derive(Debug, Args)]
pub(crate) struct VerifyChangeArguments {
    /// The change; without one, all changes are listed
    pub(crate) change: Option<String>,
    /// The ledger with the change journal [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

/// Who does it, and where it is remembered.
#[derive(Debug, Args)]
pub(crate) struct HandArguments {
    /// Ask nobody
    #[arg(long)]
    pub(crate) yes: bool,
    /// Who approved it, for the journal [default: the AWS identity alone]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// The ledger with the change journal [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

/// A load balancer, and a reason.
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
