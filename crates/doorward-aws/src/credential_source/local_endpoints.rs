//! Sources on this machine: the credentials endpoint of a container, and instance metadata.

use super::{Chain, CredentialProblem, CredentialSource, Found, Hidden, check_header};
use crate::variables::ValueOrigin;

/// The endpoint of container credentials that a relative path belongs to.
const CONTAINER: &str = "http://169.254.170.2";
/// Hosts besides this machine that container credentials are asked of without TLS (ECS, EKS Pod Identity).
const CONTAINER_HOSTS: [&str; 4] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"];
const METADATA: &str = "http://169.254.169.254";
const METADATA_IPV6: &str = "http://[fd00:ec2::254]";

impl Chain<'_> {
    /// The credentials endpoint of a container, where a variable names one.
    pub(super) fn container(&self) -> Found {
        let variables = self.variables;
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        let (url, origin) = match (variables.get(relative), variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            (Some(path), _) => (format!("{CONTAINER}{path}"), ValueOrigin::variable(relative)),
            (None, Some(url)) => (url.to_owned(), ValueOrigin::variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")),
            (None, None) => return Ok(None),
        };
        let uri: hyper::Uri = url
            .parse()
            .map_err(|_| CredentialProblem::at(&origin, format!("`{url}` is not a URL of container credentials")))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        let is_fit = match uri.scheme_str() {
            Some("https") => !host.is_empty(),
            Some("http") => is_here || CONTAINER_HOSTS.contains(&host),
            _ => false,
        };
        if !is_fit {
            return Err(CredentialProblem::at(
                &origin,
                format!(
                    "`{url}` is neither https nor an address of this machine, ECS or EKS, so no credentials are \
                     requested from it"
                ),
            ));
        }
        let token_file = variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|path| variables.expand(path));
        let token = variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        if let Some(token) = token {
            let origin = ValueOrigin::variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
            check_header(&origin, "the authorization token", token)?;
        }
        let token = token.map(|token| Hidden(token.to_owned()));
        Ok(Some(CredentialSource::Container { url, token, token_file, origin }))
    }

    /// The role of the instance; none where instance metadata is turned off.
    pub(super) fn metadata(&self, profile: &str) -> Option<CredentialSource> {
        let (endpoint, origin) = self.metadata_endpoint(profile)?;
        Some(CredentialSource::Metadata { endpoint, origin })
    }

    /// The endpoint of instance metadata; none where it is turned off.
    pub(crate) fn metadata_endpoint(&self, profile: &str) -> Option<(String, ValueOrigin)> {
        let variables = self.variables;
        if variables.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        let value = |variable: &str, name: &str| match variables.get(variable) {
            Some(text) => Some((text.to_owned(), ValueOrigin::variable(variable))),
            None => self.config.get(profile, name).map(|located| (located.text.clone(), located.origin())),
        };
        if let Some(given) = value("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint") {
            return Some(given);
        }
        match value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode") {
            Some((mode, origin)) if mode.eq_ignore_ascii_case("ipv6") => Some((METADATA_IPV6.to_owned(), origin)),
            _ => Some((METADATA.to_owned(), ValueOrigin::Default)),
        }
    }
}
