//! How changes are made: the size of waves, when changes are allowed, and what counts as a regression.

use doorward_aws::access::{ExternalId, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ChangeWindow, Freeze};

/// `[change]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSettings {
    /// The role to assume in the accounts of the load balancers; never the scan's, which cannot write.
    pub role_name: RoleName,
    /// The external id that its trust policy requires; by default the scan's.
    #[serde(default, skip_serializing)]
    pub external_id: Option<ExternalId>,
    /// The number of load balancers in the first wave, the canary.
    pub canary: usize,
    /// The number of load balancers that a wave may always hold, however small the plan.
    pub wave_minimum: usize,
    /// The share of a plan, from 0 to 1, that one wave may hold.
    pub wave_share: f64,
    /// Days after a mode was read in which a plan can change it.
    pub valid_days: u32,
    /// Days after a mode was read in which a plan can be made from it.
    pub scan_days: u32,
    /// When load balancers of owners may be changed; those of an owner without a window at any time.
    pub windows: Vec<ChangeWindow>,
    /// When no mode is changed.
    pub freezes: Vec<Freeze>,
    /// The limits from which a change counts as a regression.
    pub watch: WatchSettings,
}

/// The limits from which a change counts as a regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchSettings {
    /// By how much the share of requests that the load balancer answers with 4xx may rise, from 0 to 1.
    pub tolerated_4xx: f64,
    /// By how much the share of requests that targets answer with 5xx may rise, from 0 to 1.
    pub tolerated_5xx: f64,
    /// The factor by which new connections per request may rise. In defensive mode, connections of ambiguous requests are closed.
    pub tolerated_connections: f64,
    /// The minimum number of requests beyond the usual that is a regression.
    pub minimum_requests: u64,
    /// Weeks before the change whose same hours are compared; CloudWatch keeps periods of a minute for 15 days.
    pub weeks: u32,
}

impl ChangeSettings {
    /// The most load balancers that one wave of a plan of `steps` may hold: the larger of minimum and share, at least one.
    pub fn cap(&self, steps: usize) -> usize {
        let share = (steps as f64 * self.wave_share.clamp(0.0, 1.0)).ceil() as usize;
        self.wave_minimum.max(share).max(1)
    }

    /// The key and the problem of a setting that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if !(0.0..=1.0).contains(&self.wave_share) {
            return Some(("change.wave_share", format!("{} is not between 0 and 1", self.wave_share)));
        }
        if self.wave_minimum == 0 {
            return Some(("change.wave_minimum", "a wave must contain at least 1".to_owned()));
        }
        if !(1..=90).contains(&self.valid_days) {
            return Some(("change.valid_days", format!("{} is not between 1 and 90", self.valid_days)));
        }
        if !(1..=self.valid_days).contains(&self.scan_days) {
            let most = self.valid_days;
            return Some((
                "change.scan_days",
                format!("{} is not between 1 and {most} (change.valid_days)", self.scan_days),
            ));
        }
        if let Some(freeze) = self.freezes.iter().find(|freeze| freeze.until < freeze.from) {
            return Some((
                "change.freezes",
                format!("it ends on {}, before it begins on {}", freeze.until, freeze.from),
            ));
        }
        if let Some(window) = self.windows.iter().find(|window| window.from == window.until) {
            return Some(("change.windows", format!("from and until are both {}", window.from)));
        }
        let watch = &self.watch;
        for (key, value) in
            [("change.watch.tolerated_4xx", watch.tolerated_4xx), ("change.watch.tolerated_5xx", watch.tolerated_5xx)]
        {
            if !(0.0..=1.0).contains(&value) {
                return Some((key, format!("{value} is not between 0 and 1")));
            }
        }
        if !(1.0..=1000.0).contains(&watch.tolerated_connections) {
            let problem = format!("{} is not between 1 and 1000", watch.tolerated_connections);
            return Some(("change.watch.tolerated_connections", problem));
        }
        if !(1..=2).contains(&watch.weeks) {
            return Some(("change.watch.weeks", format!("{} is not 1 or 2", watch.weeks)));
        }
        None
    }
}
