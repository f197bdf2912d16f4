//! The accounts and Regions in the scope of the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{Account, AccountId, Gap, GapReason, Observed, Pattern, Region};

use super::regions::RegionState;

/// Whether an account or Region is in scope.
pub(super) enum Decision {
    /// In scope.
    In,
    /// Excluded, for this reason.
    Out(Gap),
    /// A value that decides about the scope could not be read.
    Unclear(Gap),
}

/// The accounts to scan. Excludes override includes; without an include every account is in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeSettings {
    /// Scan only the account of the base identity, without calls to AWS Organizations.
    pub single_account: bool,
    /// Accounts to include.
    #[serde(default)]
    pub include_accounts: Vec<AccountId>,
    /// Accounts to exclude.
    #[serde(default)]
    pub exclude_accounts: Vec<AccountId>,
    /// Organizational units (OUs) to include, by path of names or id; OUs below them are included.
    #[serde(default)]
    pub include_ous: Vec<String>,
    /// Organizational units (OUs) to exclude, with all OUs below them.
    #[serde(default)]
    pub exclude_ous: Vec<String>,
    /// Account tags to include.
    #[serde(default)]
    pub include_tags: Vec<TagFilter>,
    /// Account tags to exclude.
    #[serde(default)]
    pub exclude_tags: Vec<TagFilter>,
}

/// A tag of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagFilter {
    /// The tag's key.
    pub key: String,
    /// A glob over the tag's value.
    pub value: Pattern,
}

/// The Regions to scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionSettings {
    /// Regions to include; without an include every Region that is enabled in the account.
    #[serde(default)]
    pub include: Vec<Region>,
    /// Regions to exclude.
    #[serde(default)]
    pub exclude: Vec<Region>,
    /// Regions to scan if `account:ListRegions` cannot be read in any account.
    #[serde(default)]
    pub fallback: Vec<Region>,
}

impl ScopeSettings {
    /// The key and the problem of a value that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let needs_organization = [
            ("scope.include_ous", self.include_ous.is_empty()),
            ("scope.exclude_ous", self.exclude_ous.is_empty()),
            ("scope.include_tags", self.include_tags.is_empty()),
            ("scope.exclude_tags", self.exclude_tags.is_empty()),
        ];
        let (key, _) = needs_organization.into_iter().find(|(_, empty)| self.single_account && !empty)?;
        Some((key, "organizational units and account tags cannot be read with scope.single_account".to_owned()))
    }

    /// Whether a filter needs account tags.
    pub(super) fn needs_tags(&self) -> bool {
        !self.include_tags.is_empty() || !self.exclude_tags.is_empty()
    }

    pub(super) fn decide(&self, account: &Account) -> Decision {
        if self.exclude_accounts.contains(&account.id) {
            return Decision::Out(excluded("`scope.exclude_accounts` names the account"));
        }
        let mut unclear = None;
        let mut within = |scopes: &[String]| match &account.ou {
            _ if scopes.is_empty() => false,
            Observed::Known(ou) => scopes.iter().any(|scope| ou.is_within(scope)),
            Observed::Absent => false,
            Observed::Unread(gap) => {
                unclear = Some(gap.as_ref().clone());
                false
            }
        };
        let (ou_out, ou_in) = (within(&self.exclude_ous), within(&self.include_ous));
        let mut tagged = |filters: &[TagFilter]| match &account.tags {
            _ if filters.is_empty() => false,
            Observed::Known(tags) => filters.iter().any(|f| tags.get(&f.key).is_some_and(|v| f.value.matches(v))),
            Observed::Absent => false,
            Observed::Unread(gap) => {
                unclear = Some(gap.as_ref().clone());
                false
            }
        };
        let (tag_out, tag_in) = (tagged(&self.exclude_tags), tagged(&self.include_tags));
        if ou_out {
            return Decision::Out(excluded("`scope.exclude_ous` names an organizational unit of the account"));
        }
        if tag_out {
            return Decision::Out(excluded("`scope.exclude_tags` names a tag of the account"));
        }
        if let Some(gap) = unclear {
            return Decision::Unclear(gap);
        }
        let no_includes =
            self.include_accounts.is_empty() && self.include_ous.is_empty() && self.include_tags.is_empty();
        if no_includes || self.include_accounts.contains(&account.id) || ou_in || tag_in {
            Decision::In
        } else {
            Decision::Out(excluded("no include of `scope` names the account"))
        }
    }
}

impl RegionSettings {
    pub(super) fn decide(&self, region: &Region, state: RegionState) -> Decision {
        if self.exclude.contains(region) {
            return Decision::Out(excluded("`regions.exclude` names the Region"));
        }
        if !self.include.is_empty() && !self.include.contains(region) {
            return Decision::Out(excluded("`regions.include` does not name the Region"));
        }
        match state {
            RegionState::Enabled | RegionState::Unknown => Decision::In,
            RegionState::Disabled => Decision::Out(
                Gap::new(GapReason::RegionDisabled, "account:ListRegions")
                    .with_message("the Region is not enabled in this account"),
            ),
        }
    }
}

fn excluded(why: &str) -> Gap {
    Gap::new(GapReason::Excluded, "settings").with_message(why)
}
