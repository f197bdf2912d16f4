//! The settings of changes: the role, the size of waves, when changes are allowed, and what counts as a regression.

use doorward_change::{ChangeSettings as RunSettings, ChangeWindow, Freeze, WatchSettings};
use doorward_core::access::{ExternalId, Purpose, RoleName};
use doorward_core::actions::change_role_grants;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[change]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSettings {
    /// The role to assume in the accounts of the load balancers; never the scan's, which cannot write.
    pub(crate) role_name: RoleName,
    /// The external id that its trust policy requires; by default the scan's.
    #[serde(default, skip_serializing)]
    pub(crate) external_id: Option<ExternalId>,
    /// The number of load balancers in the first wave, the canary.
    canary: usize,
    /// The number of load balancers that a wave may always hold, however small the plan.
    wave_minimum: usize,
    /// The share of a plan, from 0 to 1, that one wave may hold.
    wave_share: f64,
    /// Days after a mode was read in which a plan can change it.
    valid_days: u32,
    /// Days after a mode was read in which a plan can be made from it.
    scan_days: u32,
    /// When load balancers of owners may be changed; those of an owner without a window at any time.
    windows: Vec<ChangeWindow>,
    /// When no mode is changed.
    freezes: Vec<Freeze>,
    /// What counts as a regression after a change.
    watch: WatchSettings,
}

impl ChangeSettings {
    /// The settings of a run, without the role.
    pub(crate) fn run_settings(&self) -> RunSettings {
        RunSettings {
            canary: self.canary,
            wave_share: self.wave_share,
            wave_minimum: self.wave_minimum,
            valid_days: self.valid_days,
            scan_days: self.scan_days,
            windows: self.windows.clone(),
            freezes: self.freezes.clone(),
            watch: self.watch.clone(),
        }
    }

    /// The role, limited to reading and setting attributes of load balancers.
    pub(crate) fn purpose(&self) -> Purpose {
        Purpose {
            role_name: self.role_name.clone(),
            external_id: self.external_id.clone(),
            grants: change_role_grants(),
        }
    }
}
