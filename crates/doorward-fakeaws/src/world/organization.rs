//! The organization side of the world: Regions, organizational units, accounts and their roles.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::iam::decision::OrganizationPolicy;
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Policy, TrustPolicy};

/// Settings and identity of the organization.
#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) partition: String,
    pub(crate) management: u32,
    pub(crate) home_region: String,
    pub(crate) regions: Vec<Region>,
    pub(crate) units: Vec<Unit>,
    pub(crate) empty_pages: bool,
    pub(crate) page_size: Option<usize>,
    pub(crate) quotas: bool,
    pub(crate) legacy_status: bool,
    pub(crate) paths: bool,
    pub(crate) session_seconds: Option<u64>,
    pub(crate) announce_expiry: bool,
}

/// A Region of the partition.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) opt_in: bool,
}

/// An organizational unit; the first one is the root.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `/Workloads/Prod`, as the world file names it.
    pub(crate) path: String,
    pub(crate) parent: Option<usize>,
    /// `o-…/r-…/ou-…/`, as AWS's `Path` fields have it.
    pub(crate) id_path: String,
}

/// The state of a Region for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RegionState {
    EnabledByDefault,
    Enabled,
    Enabling,
    Disabling,
    Disabled,
}

impl RegionState {
    /// AWS's word in `RegionOptStatus`.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }

    /// Calls into the Region are answered. A Region that is being disabled still works; one being enabled does not yet.
    pub(crate) fn usable(self) -> bool {
        matches!(self, Self::EnabledByDefault | Self::Enabled | Self::Disabling)
    }
}

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) unit: usize,
    pub(crate) state: String,
    pub(crate) invited: bool,
    pub(crate) joined: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
    /// States that differ from what the Region's kind implies.
    pub(crate) region_states: HashMap<u16, RegionState>,
    pub(crate) roles: HashMap<String, Arc<Role>>,
    /// Service control policies from the root down to the account; empty for the management account.
    pub(crate) policies: Vec<Arc<OrganizationPolicy>>,
    pub(crate) delegated_admin: bool,
    /// It is in another organization.
    pub(crate) outside: bool,
}

impl Account {
    pub(crate) fn active(&self) -> bool {
        self.state == "ACTIVE"
    }
}

/// An IAM role, shared by all accounts that declare it alike.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) trusts: Vec<Trust>,
    /// A whole trust policy, instead of `trusts` and `external_id`.
    pub(crate) trust_policy: Option<TrustPolicy>,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: bool,
    pub(crate) max_session: u64,
    pub(crate) policy: Arc<Policy>,
}

/// One principal of a trust policy.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Every identity of an account whose own policy allows it.
    Account(String),
    /// Principals by ARN.
    Arn(Pattern),
}

impl Trust {
    pub(crate) fn admits(&self, account: &str, arn: &str) -> bool {
        match self {
            Self::Account(trusted) => trusted == account,
            Self::Arn(pattern) => pattern.matches(arn),
        }
    }
}

impl Organization {
    pub(crate) fn region_index(&self, name: &str) -> Option<u16> {
        self.regions.iter().position(|region| region.name == name).and_then(|at| u16::try_from(at).ok())
    }

    /// The state of `region` for `account`.
    pub(crate) fn region_state(&self, account: &Account, region: u16) -> RegionState {
        if let Some(state) = account.region_states.get(&region) {
            return *state;
        }
        match self.regions.get(usize::from(region)) {
            Some(region) if region.opt_in => RegionState::Disabled,
            Some(_) => RegionState::EnabledByDefault,
            None => RegionState::Disabled,
        }
    }
}
