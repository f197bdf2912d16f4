//! Values in the settings that match nothing that a scan found: most often they are misspelt.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Account, AccountId};

/// A value in the settings that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnmatchedSetting {
    /// The key: `scope.include_accounts`, `policy.rules.0.tags`.
    pub setting: String,
    /// The value as written: `999999999999`, `/Workloads/Prod`, `pci = yes`.
    pub value: String,
    /// Whether the scan was asked to read it: then coverage is not complete, because nothing was read there.
    pub asked: bool,
    /// A clause about the value: `which is not in organization o-ab12`.
    pub because: String,
}

/// The settings that a flag of `doorward scan` overrides.
const FLAGS: [(&str, &str); 6] = [
    ("scope.include_accounts", "--account"),
    ("scope.exclude_accounts", "--exclude-account"),
    ("scope.include_ous", "--ou"),
    ("scope.exclude_ous", "--exclude-ou"),
    ("regions.include", "--region"),
    ("regions.exclude", "--exclude-region"),
];

impl UnmatchedSetting {
    /// A value without effect.
    pub fn new(setting: &str, value: impl Into<String>, because: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), value: value.into(), asked: false, because: because.into() }
    }

    /// The accounts that a setting names and a full list of accounts lacks.
    pub fn accounts(setting: &str, named: &[AccountId], accounts: &[Account], because: &str) -> Vec<Self> {
        let lacks = named.iter().filter(|id| !accounts.iter().any(|account| account.id == **id));
        lacks.map(|id| Self::new(setting, id.as_str(), because)).collect()
    }

    /// The organizational units that a setting names and that hold no account. None where the unit of an account could not be read.
    pub fn ous<'a>(setting: &str, named: impl IntoIterator<Item = &'a str>, accounts: &[Account]) -> Vec<Self> {
        if accounts.iter().any(|account| account.ou.known().is_none()) {
            return Vec::new();
        }
        let holds =
            |scope: &str| accounts.iter().any(|account| account.ou.known().is_some_and(|ou| ou.is_within(scope)));
        let empty = named.into_iter().filter(|scope| !holds(scope));
        empty.map(|scope| Self::new(setting, scope, "within which there is no account of the organization")).collect()
    }
}

impl fmt::Display for UnmatchedSetting {
    /// `scope.include_accounts (--account) names 999999999999, which is not in organization o-ab12`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.setting)?;
        if let Some((_, flag)) = FLAGS.iter().find(|(setting, _)| *setting == self.setting) {
            write!(f, " ({flag})")?;
        }
        write!(f, " names {}, {}", self.value, self.because)
    }
}
