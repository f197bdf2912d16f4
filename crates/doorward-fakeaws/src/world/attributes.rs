//! Load balancer attributes: AWS's keys and defaults per type, and what a Modify call may set them to.
//!
//! Source: the `LoadBalancerAttribute` and `AdditionalAttribute` shapes of AWS's service models.

use super::kind::Kind;

/// Attribute of application load balancers that holds the desync mitigation mode.
pub const DESYNC_MODE: &str = "routing.http.desync_mitigation_mode";
/// The same setting on classic load balancers.
pub const CLASSIC_DESYNC_MODE: &str = "elb.http.desyncmitigationmode";

const APPLICATION: &[(&str, &str)] = &[
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.prefix", ""),
    ("idle_timeout.timeout_seconds", "60"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("load_balancing.cross_zone.enabled", "true"),
    (DESYNC_MODE, "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const NETWORK: &[(&str, &str)] = &[
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("secondary_ips.auto_assigned.per_subnet", "0"),
    ("zonal_shift.config.enabled", "false"),
];

const GATEWAY: &[(&str, &str)] =
    &[("deletion_protection.enabled", "false"), ("load_balancing.cross_zone.enabled", "false")];

/// Classic attributes, flattened to `Structure.Field` except for the additional attribute, which has its own key.
const CLASSIC: &[(&str, &str)] = &[
    ("AccessLog.Enabled", "false"),
    ("AccessLog.S3BucketName", ""),
    ("AccessLog.EmitInterval", "60"),
    ("AccessLog.S3BucketPrefix", ""),
    ("ConnectionDraining.Enabled", "true"),
    ("ConnectionDraining.Timeout", "300"),
    ("ConnectionSettings.IdleTimeout", "60"),
    ("CrossZoneLoadBalancing.Enabled", "true"),
    (CLASSIC_DESYNC_MODE, "defensive"),
];

/// Keys and default values of a type, in the order of responses.
pub(crate) fn defaults(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Application => APPLICATION,
        Kind::Network => NETWORK,
        Kind::Gateway => GATEWAY,
        Kind::Classic => CLASSIC,
    }
}

/// The key that holds the mode, for the types that have one.
pub(crate) fn mode_key(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Application => Some(DESYNC_MODE),
        Kind::Classic => Some(CLASSIC_DESYNC_MODE),
        Kind::Network | Kind::Gateway => None,
    }
}

/// Checks one attribute of a v2 Modify call; the error is AWS's message.
pub(crate) fn check(kind: Kind, key: &str, value: &str) -> Result<(), String> {
    if !defaults(kind).iter().any(|(known, _)| *known == key) {
        let elsewhere = [Kind::Application, Kind::Network, Kind::Gateway]
            .iter()
            .any(|other| defaults(*other).iter().any(|(known, _)| *known == key));
        return Err(if elsewhere {
            format!(
                "Load balancer attribute key '{key}' is not supported on load balancers with type '{}'",
                kind.name()
            )
        } else {
            format!("Load balancer attribute key '{key}' is not recognized")
        });
    }
    let allowed: Option<&[&str]> = match key {
        DESYNC_MODE => Some(&["monitor", "defensive", "strictest"]),
        "routing.http.xff_header_processing.mode" => Some(&["append", "preserve", "remove"]),
        "dns_record.client_routing_policy" => {
            Some(&["any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"])
        }
        _ if key.ends_with(".enabled") || key == "ipv6.deny_all_igw_traffic" => Some(&["true", "false"]),
        _ => None,
    };
    if let Some(allowed) = allowed
        && !allowed.contains(&value)
    {
        return Err(format!(
            "Load balancer attribute '{key}' must be one of {}; '{value}' is not valid",
            allowed.join(", ")
        ));
    }
    let range = match key {
        "idle_timeout.timeout_seconds" => Some(1..=4000),
        "client_keep_alive.seconds" => Some(60..=604_800),
        "secondary_ips.auto_assigned.per_subnet" => Some(0..=7),
        _ => None,
    };
    if let Some(range) = range
        && !value.parse::<u32>().is_ok_and(|number| range.contains(&number))
    {
        return Err(format!(
            "Load balancer attribute '{key}' must be a number from {} to {}",
            range.start(),
            range.end()
        ));
    }
    Ok(())
}
