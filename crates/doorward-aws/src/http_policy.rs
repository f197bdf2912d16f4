//! The one policy of HTTP clients: which proxy, which certificates, and what an error says. Calls of AWS and webhooks use it.
//!
//! Proxies come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. Addresses that serve credentials (link-local, and the
//! endpoints of containers and instances) are never asked through a proxy, whatever the variables say.

use std::net::IpAddr;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use doorward_model::Region;
use hyper::Uri;

use crate::variables::{ValueOrigin, Variables};

mod connector;
mod network_fault;
mod peer_certificate;
mod proxies;
mod router;
mod trust_store;

pub use connector::WebClient;
pub use network_fault::NetworkFault;
pub(crate) use network_fault::fault_in;
pub(crate) use proxies::Proxies;
pub use trust_store::HttpPolicyError;
pub(crate) use trust_store::{TrustStore, bundle_of};

/// Proxies and certificates. Cheap to clone.
#[derive(Clone)]
pub struct HttpPolicy {
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) trust: Arc<TrustStore>,
    /// Possible causes if a host cannot be reached.
    pub(crate) hints: Arc<EndpointHints>,
}

/// Settings that change the names of AWS's hosts, with their origins.
#[derive(Clone, Default)]
pub(crate) struct EndpointHints {
    pub(crate) fips: Option<ValueOrigin>,
    pub(crate) dual_stack: Option<ValueOrigin>,
    pub(crate) region: Option<(String, ValueOrigin)>,
    /// The hosts and ports of endpoints that are configured.
    pub(crate) endpoints: Vec<(String, ValueOrigin)>,
}

impl HttpPolicy {
    /// The policy of webhooks: the proxies of the environment, and the certificates of this machine with those of `AWS_CA_BUNDLE`, or
    /// of the `ca_bundle` of a profile, added to them.
    ///
    /// # Errors
    /// A proxy variable that is no URL, a bundle that cannot be read, or an AWS configuration that cannot be.
    pub fn of_webhooks(variables: &Variables, profile: Option<&str>) -> Result<Self, HttpPolicyError> {
        variables.check()?;
        let bundle = trust_store::bundle(variables, profile)?;
        let trust = TrustStore::system_and(variables, bundle)?;
        Ok(Self::new(Proxies::new(variables)?, trust, EndpointHints::default()))
    }

    /// No proxies and no certificates: an emulator speaks plain http on this machine.
    pub(crate) fn of_emulator() -> Self {
        Self::new(Proxies::default(), TrustStore::empty(), EndpointHints::default())
    }

    pub(crate) fn new(proxies: Proxies, trust: TrustStore, hints: EndpointHints) -> Self {
        Self { proxies: Arc::new(proxies), trust: Arc::new(trust), hints: Arc::new(hints) }
    }

    /// The same certificates without any proxy.
    pub(crate) fn direct(&self) -> Self {
        Self { proxies: Arc::new(Proxies::default()), ..self.clone() }
    }

    /// The same policy where the Region became known later.
    pub(crate) fn in_region(&self, region: &Region, origin: ValueOrigin) -> Self {
        let EndpointHints { fips, dual_stack, endpoints, .. } = self.hints.as_ref().clone();
        let hints = EndpointHints { fips, dual_stack, endpoints, region: Some((region.to_string(), origin)) };
        Self { hints: Arc::new(hints), ..self.clone() }
    }

    /// The client of AWS's SDK.
    pub(crate) fn aws_client(&self, concurrency: usize) -> Result<SharedHttpClient, String> {
        router::client(self, concurrency)
    }

    /// The client of everything else: one connection for each request.
    ///
    /// # Errors
    /// The TLS library refuses the certificates.
    pub fn web_client(&self) -> Result<WebClient, HttpPolicyError> {
        connector::client(self)
    }
}

/// Whether an address serves credentials of this machine: link-local, and the IPv6 addresses of instance and container metadata.
pub(crate) fn serves_credentials(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            let mapped = address.to_ipv4_mapped().is_some_and(|address| address.is_link_local());
            mapped || address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_endpoints_are_known_by_their_address() {
        for (url, expected) in [
            ("http://169.254.169.254/latest/api/token", true),
            ("http://169.254.170.2/v2/credentials", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("http://[fd00:ec2::23]/v1", true),
            ("http://[fe80::1]/", true),
            ("http://[::ffff:169.254.169.254]/", true),
            ("https://sts.eu-west-1.amazonaws.com/", false),
            ("http://127.0.0.1:5555/", false),
            ("http://169.254.169.254.example.com/", false),
        ] {
            assert_eq!(serves_credentials(&url.parse().expect(url)), expected, "{url}");
        }
    }
}
