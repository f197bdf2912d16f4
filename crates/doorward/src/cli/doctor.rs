//! The arguments of `doorward doctor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use figment::value::Value;

use super::{ListFormat, ScopeArguments};

/// What to check, and the output format.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The part of Doorward to check; repeatable [default: all]
    #[arg(long = "for", value_enum, value_name = "PART")]
    pub(crate) parts: Vec<Part>,
    /// The accounts and Regions that would be scanned, and the role
    #[command(flatten)]
    pub(crate) scope: ScopeArguments,
    /// The ledger that a scan would write [default: as in the settings]
    #[arg(long, value_name = "FILE", conflicts_with = "no_ledger")]
    ledger: Option<PathBuf>,
    /// Do not check a ledger
    #[arg(long)]
    no_ledger: bool,
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
        let mut all = self.scope.overrides();
        all.extend(
            self.ledger.iter().map(|path| ("ledger.path".to_owned(), Value::from(path.to_string_lossy().as_ref()))),
        );
        if self.no_ledger {
            all.push(("ledger.enabled".to_owned(), Value::from(false)));
        }
        all
    }
}
