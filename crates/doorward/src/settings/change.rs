//! The settings of changes: by which role, in what portions and when, and what counts as a regression.

use doorward_change::{ChangeSettings as Manner, Freeze, WatchSettings, Window};
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
    /// The external id that its trust policy asks for; by default the scan's.
    #[serde(default, skip_serializing)]
    pub(crate) external_id: Option<ExternalId>,
    /// Load balancers of the first wave, which goes alone.
    canary: usize,
    /// So many may always be in one wave, however small the plan.
    wave_minimum: usize,
    /// The share of a plan, from 0 to 1, that one wave may hold.
    wave_share: f64,
    /// Days after a mode was read for which it can be changed by a plan.
    valid_days: u32,
    /// Days after a mode was read for which a plan can be made from it.
    scan_days: u32,
    /// When owners admit changes; an owner without a window admits them at any time.
    windows: Vec<Window>,
    /// When nothing is changed.
    freezes: Vec<Freeze>,
    /// What counts as a regression after a change.
    watch: WatchSettings,
}

impl ChangeSettings {
    /// What the crate of changes asks for.
    pub(crate) fn manner(&self) -> Manner {
        Manner {
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

    /// What sessions are for: reading attributes of a load balancer and setting them, and nothing else.
    pub(crate) fn purpose(&self) -> Purpose {
        Purpose {
            role_name: self.role_name.clone(),
            external_id: self.external_id.clone(),
            grants: change_role_grants(),
        }
    }
}
