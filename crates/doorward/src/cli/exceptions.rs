//! The arguments of `doorward exceptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use doorward_model::{AccountId, ReportFilter};
use doorward_rules::exceptions::{Exception, ExceptionScope, Moment};

use super::ListFormat;
use super::filter::check_rules;
use crate::exit::{Exit, Failure};
use doorward_explain::help_examples::{ADD_EXAMPLES, LIST_EXAMPLES, REGISTER_EXAMPLES, RENEW_EXAMPLES};

/// `doorward exceptions`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List exceptions, soonest to expire first
    List(ExceptionListArguments),
    /// Check the register; with a saved scan, also check which load balancers each exception covers
    #[command(after_help = REGISTER_EXAMPLES)]
    Check {
        /// The saved scan to check against
        #[arg(long, value_name = "FILE")]
        scan: Option<PathBuf>,
    },
    /// Add an exception, keeping the file's comments and format
    Add(Box<AddArguments>),
    /// Renew an exception, keeping the file's comments and format
    Renew(Box<RenewArguments>),
}

/// Which exceptions to list, and how.
#[derive(Debug, Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ExceptionListArguments {
    /// Exceptions from this rule; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Exceptions that may cover load balancers in this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,
    /// Exceptions that may cover load balancers in this organizational unit or below it; repeatable
    #[arg(long = "ou", value_name = "OU")]
    ous: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
}

impl ExceptionListArguments {
    /// Refuses a rule that does not exist, and what is no account or organizational unit: its list would read as if nothing were
    /// excepted.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check_rules(&self.rules, &[])?;
        let usage = |problem: String| Failure::new(Exit::Usage, problem);
        for account in &self.accounts {
            AccountId::new(account).map_err(|e| usage(format!("--account {account}: {e}")))?;
        }
        let is_unit = |ou: &str| ["/", "ou-", "r-"].iter().any(|begin| ou.starts_with(begin));
        match self.ous.iter().find(|ou| !is_unit(ou)) {
            Some(ou) => {
                Err(usage(format!("--ou {ou}: write the path (/Workloads/Prod) or the id (ou-...) of the unit")))
            }
            None => Ok(()),
        }
    }

    /// The accounts and organizational units that no exception names: only a scan knows whether they exist.
    pub(crate) fn unnamed(&self, exceptions: &[&Exception]) -> ReportFilter {
        let is_named =
            |named: &dyn Fn(&ExceptionScope) -> bool| exceptions.iter().any(|exception| named(&exception.scope));
        let accounts = self.accounts.iter().filter(|account| !is_named(&|scope| scope.names_account(account)));
        let ous = self.ous.iter().filter(|ou| !is_named(&|scope| scope.ous.contains(ou)));
        ReportFilter { accounts: accounts.cloned().collect(), ous: ous.cloned().collect(), ..ReportFilter::default() }
    }

    /// The criteria in words; none if every exception is listed.
    pub(crate) fn criteria(&self) -> Option<String> {
        let Self { rules, accounts, ous, .. } = self;
        let [rules, accounts, ous] = [rules, accounts, ous].map(Clone::clone);
        let filter = ReportFilter { rules, accounts, ous, ..ReportFilter::default() };
        (!filter.is_empty()).then(|| filter.to_string())
    }

    /// Whether an exception is to be listed.
    pub(crate) fn selects(&self, exception: &Exception) -> bool {
        (self.rules.is_empty() || self.rules.contains(&exception.rule))
            && exception.scope.may_cover(&self.accounts, &self.ous)
    }
}

/// A new exception.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
pub(crate) struct AddArguments {
    /// A unique id
    #[arg(long)]
    pub(crate) id: String,
    /// The rule that may fail
    #[arg(long)]
    pub(crate) rule: String,
    /// Why the rule cannot be met
    #[arg(long)]
    pub(crate) reason: String,
    /// Who requested it
    #[arg(long)]
    pub(crate) requester: String,
    /// Who approved it
    #[arg(long)]
    pub(crate) approver: String,
    /// The last day on which it holds, or an exact time with its offset
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Moment,
    /// The first day [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<Moment>,
    /// The date of the next review
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Moment>,
    /// The risk
    #[arg(long)]
    pub(crate) risk: Option<String>,
    /// The compensating control
    #[arg(long)]
    pub(crate) compensating_control: Option<String>,
    /// The ticket
    #[arg(long)]
    pub(crate) ticket: Option<String>,
    /// Covers this load balancer; repeatable. All given criteria must match
    #[arg(long = "arn", value_name = "ARN")]
    pub(crate) arns: Vec<String>,
    /// Covers this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    pub(crate) accounts: Vec<String>,
    /// Covers this organizational unit and those below it; repeatable
    #[arg(long = "ou", value_name = "OU")]
    pub(crate) ous: Vec<String>,
    /// Covers load balancers with this tag; repeatable
    #[arg(long = "tag", value_name = "KEY=GLOB")]
    pub(crate) tags: Vec<String>,
    /// Covers load balancers whose name matches; repeatable
    #[arg(long = "name", value_name = "GLOB")]
    pub(crate) names: Vec<String>,
    /// Allow it to cover many load balancers
    #[arg(long)]
    pub(crate) many: bool,
    /// The file to add it to [default: the first of `exceptions.files`]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// A new term for an exception.
#[derive(Debug, Args)]
#[command(after_help = RENEW_EXAMPLES)]
pub(crate) struct RenewArguments {
    /// The exception
    pub(crate) id: String,
    /// The last day of the new term, or an exact time with its offset
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Moment,
    /// Who approves the renewal
    #[arg(long)]
    pub(crate) approver: String,
    /// The ticket of the renewal
    #[arg(long)]
    pub(crate) ticket: String,
    /// The first day of the new term [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<Moment>,
    /// The date of the next review
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Moment>,
}
