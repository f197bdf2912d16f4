//! The registry of rules. A rule is one file, named after its id, that reads like its documentation.

mod access_logs_disabled;
mod desync_mode_below_required;
mod desync_mode_headroom;
mod desync_mode_reverted;
mod invalid_headers_forwarded;
mod load_balancer_idle;
mod owner_missing;
mod upstream_http1;

use doorward_model::Rule;

/// Every rule that judges a load balancer alone, ordered by id.
pub(crate) static REGISTRY: &[&dyn Rule] = &[
    &access_logs_disabled::AccessLogsDisabled,
    &desync_mode_below_required::DesyncModeBelowRequired,
    &desync_mode_headroom::DesyncModeHeadroom,
    &desync_mode_reverted::DesyncModeReverted,
    &invalid_headers_forwarded::InvalidHeadersForwarded,
    &load_balancer_idle::LoadBalancerIdle,
    &owner_missing::OwnerMissing,
    &upstream_http1::UpstreamHttp1,
];
