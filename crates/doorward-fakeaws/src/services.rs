//! The table of emulated services. A service is one file that declares its operations; adding one adds a line here.

mod account;
mod api_gateway;
mod athena;
mod cloudfront;
mod cloudwatch;
mod elb;
mod elbv2;
mod logs;
mod organizations;
mod paging;
pub(crate) mod s3;
mod securityhub;
mod sns;
mod sts;

use crate::service::{Protocol, Service};

/// Every service that is emulated.
pub(crate) const SERVICES: &[Service] = &[
    sts::SERVICE,
    organizations::SERVICE,
    account::SERVICE,
    elbv2::SERVICE,
    elb::SERVICE,
    logs::SERVICE,
    securityhub::SERVICE,
    sns::SERVICE,
    s3::SERVICE,
    cloudwatch::SERVICE,
    athena::SERVICE,
    cloudfront::SERVICE,
    api_gateway::SERVICE,
];

/// The service that a request addresses, by signing name and API version.
pub(crate) fn find(signing: &str, version: Option<&str>) -> Option<&'static Service> {
    let mut candidates = SERVICES.iter().filter(|service| service.signing == signing);
    match version {
        None => candidates.next(),
        Some(wanted) => candidates.find(|service| match service.protocol {
            Protocol::Query { version, .. } => version == wanted,
            _ => true,
        }),
    }
}
