//! Accounts of the organization and their organizational units (OUs).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Observed, Region, TextMap};

/// The life-cycle state of an account in AWS Organizations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccountState {
    /// In use; the only state that is scanned.
    Active,
    /// Created, but not activated.
    PendingActivation,
    /// Suspended by AWS.
    Suspended,
    /// Its closure was requested.
    PendingClosure,
    /// Closed.
    Closed,
    /// A state that is not known to this version. Such an account is scanned, not skipped.
    Other(String),
}

impl AccountState {
    /// Reads AWS's spelling, of `State` and of the retired `Status`.
    pub fn from_aws(text: &str) -> Self {
        match text {
            "ACTIVE" => Self::Active,
            "PENDING_ACTIVATION" => Self::PendingActivation,
            "SUSPENDED" => Self::Suspended,
            "PENDING_CLOSURE" => Self::PendingClosure,
            "CLOSED" => Self::Closed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the account is known to be closed, so that no call can succeed there.
    pub fn is_inactive(&self) -> bool {
        matches!(self, Self::PendingActivation | Self::Suspended | Self::PendingClosure | Self::Closed)
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::PendingActivation => "pending activation",
            Self::Suspended => "suspended",
            Self::PendingClosure => "pending closure",
            Self::Closed => "closed",
            Self::Other(text) => text,
        })
    }
}

/// The path of an account's organizational unit (OU), by names and by ids, root first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OuPath {
    /// By names: `/Workloads/Prod`; the root is `/`. An OU whose name could not be read appears with its id.
    pub names: String,
    /// The ids from the root down: `["r-ab12", "ou-ab12-11111111"]`.
    pub ids: Vec<String>,
}

impl OuPath {
    /// Whether the account is in the OU `scope` or below it. `scope` is a path of names (`/Workloads`; case is ignored) or the
    /// id of a root or OU.
    pub fn is_within(&self, scope: &str) -> bool {
        if self.ids.iter().any(|id| id == scope) {
            return true;
        }
        let Some(wanted) = scope.strip_prefix('/') else { return false };
        let wanted = wanted.trim_end_matches('/').to_lowercase();
        let own = self.names.trim_start_matches('/').to_lowercase();
        wanted.is_empty() || own == wanted || own.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// One account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Its name in Organizations; absent in single-account mode.
    pub name: Observed<String>,
    /// Its life-cycle state.
    pub state: AccountState,
    /// Its organizational unit (OU); absent in single-account mode.
    pub ou: Observed<OuPath>,
    /// Its tags in Organizations; read only if owners or filters need them.
    pub tags: Observed<TextMap>,
    /// The Regions enabled in it, from `account:ListRegions`. Unread if a configured list or the list of another account was
    /// used.
    pub regions: Observed<Vec<Region>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_contain_what_is_below_them() {
        let path = OuPath {
            names: "/Workloads/Prod".into(),
            ids: vec!["r-ab12".into(), "ou-ab12-1".into(), "ou-ab12-2".into()],
        };
        for within in ["/", "/Workloads", "/workloads/", "/Workloads/Prod", "r-ab12", "ou-ab12-1", "ou-ab12-2"] {
            assert!(path.is_within(within), "{within}");
        }
        for outside in ["/Work", "/Workloads/Pro", "/Prod", "Workloads", "ou-ab12-3", ""] {
            assert!(!path.is_within(outside), "{outside}");
        }
    }
}
