//! The registry of rules. A rule is one file, named after its id, that reads like its documentation.

mod access_logs_disabled;
mod desync_mode_below_required;
mod desync_mode_headroom;
pub(crate) mod desync_mode_reverted;
pub(crate) mod exception_expired;
pub(crate) mod exception_expiring;
mod owner_missing;

use doorward_model::{Rule, RuleMeta};

/// Every rule that asks about the load balancer alone, ordered by id.
pub(crate) static REGISTRY: &[&dyn Rule] = &[
    &access_logs_disabled::AccessLogsDisabled,
    &desync_mode_below_required::DesyncModeBelowRequired,
    &desync_mode_headroom::DesyncModeHeadroom,
    &desync_mode_reverted::DesyncModeReverted,
    &owner_missing::OwnerMissing,
];

/// What every rule says of itself, ordered by id: those above, and those that need a register of exceptions.
pub(crate) static CATALOGUE: &[&RuleMeta] = &[
    &access_logs_disabled::META,
    &desync_mode_below_required::META,
    &desync_mode_headroom::META,
    &desync_mode_reverted::META,
    &exception_expired::META,
    &exception_expiring::META,
    &owner_missing::META,
];
