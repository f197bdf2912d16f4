//! The arguments of `doorward doctor`.

use clap::{Args, ValueEnum};
use figment::value::Value;

use super::{LedgerArguments, ListFormat, ScopeArguments};
use doorward_explain::help_examples::DOCTOR_EXAMPLES;

/// What to check, and the output format.
#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub(crate) struct DoctorArguments {
    /// The part of Doorward to check; repeatable [default: all]
    #[arg(long = "for", value_enum, value_name = "PART")]
    pub(crate) parts: Vec<Part>,
    /// The accounts and Regions that would be scanned, and the role
    #[command(flatten)]
    pub(crate) scope: ScopeArguments,
    /// The ledger that a scan would use
    #[command(flatten)]
    ledger: LedgerArguments,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}

/// A part of Doorward that needs permissions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// `doorward scan`
    Scan,
    /// `doorward traffic`: metrics and log buckets of the load balancers found
    Traffic,
    /// `doorward publish`: Security Hub in every account-Region that findings would go to
    Publish,
}

impl DoctorArguments {
    /// Whether a part is to be checked.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// The settings that the flags replace.
    pub(crate) fn overrides(&self) -> Vec<(String, Value)> {
        [self.scope.overrides(), self.ledger.overrides()].concat()
    }
}
