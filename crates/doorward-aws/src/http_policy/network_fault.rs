//! Why a host cannot be reached, as one sentence: the host, the true cause, and the settings that may be wrong.

use std::error::Error;

use hyper::Uri;
use rustls::CertificateError;

use super::{HttpPolicy, peer_certificate};

/// The variables that name certificates to trust.
const TRUST_VARIABLES: &str = "AWS_CA_BUNDLE (or ca_bundle in the AWS profile), SSL_CERT_FILE or SSL_CERT_DIR";

/// Tries of a name that does not exist: a resolver may lose one answer.
const TRIES_OF_NAME: u32 = 2;
/// Tries where the resolver or the proxy gives no answer about a host. Each has waited for its own servers before.
const TRIES_OF_ROUTE: u32 = 4;

/// A host that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct NetworkFault {
    sentence: String,
    tries: Option<u32>,
}

impl NetworkFault {
    /// Whether another try would end in the same way: the certificate or the TLS protocol of the other side is refused.
    pub fn is_permanent(&self) -> bool {
        self.tries == Some(1)
    }

    /// The most tries that are worth it; none where the settings decide.
    pub(crate) fn tries(&self) -> Option<u32> {
        self.tries
    }
}

/// The fault among the causes of an error.
pub(crate) fn fault_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a NetworkFault> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The obstacle between a request and its host.
enum Obstacle {
    /// The certificate, or the TLS protocol.
    Tls(rustls::Error),
    /// The name does not exist.
    UnknownName,
    /// The resolver gave no answer about the name.
    Resolver,
    /// The proxy asks for a user and a password.
    ProxyLogin,
    /// The proxy opens no tunnel to the host.
    ProxyRefusal,
    /// No answer in time.
    Silence,
    /// Anything else, such as a refused connection.
    Connection,
}

impl Obstacle {
    fn tries(&self) -> Option<u32> {
        match self {
            Self::Tls(_) | Self::ProxyLogin => Some(1),
            Self::UnknownName => Some(TRIES_OF_NAME),
            Self::Resolver | Self::ProxyRefusal => Some(TRIES_OF_ROUTE),
            Self::Silence | Self::Connection => None,
        }
    }

    /// By the words of one error of the chain; the connectors have no types for these.
    fn in_words(text: &str) -> Option<Self> {
        let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
        if has(&["dns error", "failed to lookup address"]) {
            // The words of glibc and of musl for EAI_AGAIN.
            let is_temporary = has(&["Temporary failure", "Try again"]);
            return Some(if is_temporary { Self::Resolver } else { Self::UnknownName });
        }
        if has(&["proxy authorization required"]) {
            return Some(Self::ProxyLogin);
        }
        has(&["tunnel error: unsuccessful"]).then_some(Self::ProxyRefusal)
    }
}

/// The symptom of an error, taken from its causes.
pub(super) struct Symptom {
    obstacle: Obstacle,
    innermost: String,
}

impl Symptom {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()).cloned();
        // The innermost error says most: the outer ones of a name are the same for every problem of it.
        let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
        let in_words = || texts.iter().rev().find_map(|text| Obstacle::in_words(text));
        let obstacle = tls.map(Obstacle::Tls).or_else(in_words).unwrap_or(Obstacle::Connection);
        Self { obstacle, innermost: texts.last().cloned().unwrap_or_default() }
    }

    /// No answer in time.
    pub(super) fn silence() -> Self {
        Self { obstacle: Obstacle::Silence, innermost: String::new() }
    }
}

impl HttpPolicy {
    /// Explains why a request to a host failed before an answer came.
    pub fn explain<'a>(
        &'a self,
        uri: &'a Uri,
        error: &(dyn Error + 'static),
    ) -> impl Future<Output = NetworkFault> + Send + 'a {
        explain(self, uri, Symptom::of(error))
    }
}

pub(super) async fn explain(policy: &HttpPolicy, uri: &Uri, symptom: Symptom) -> NetworkFault {
    let Symptom { obstacle, innermost: cause } = symptom;
    let tries = obstacle.tries();
    let host = uri.host().unwrap_or("the host");
    let proxy = policy.proxies.proxy(uri);
    let way = proxy.map(|proxy| format!(" through the proxy {}", proxy.shown()));
    let through = way.as_deref().unwrap_or_default();
    let variable = proxy.map(|proxy| proxy.origin().to_string()).unwrap_or_default();
    let is_name = matches!(obstacle, Obstacle::UnknownName | Obstacle::Resolver);
    // Networks that are closed drop what is sent to hosts without an answer.
    let may_need_proxy = is_name || matches!(obstacle, Obstacle::Silence);
    let mut sentence = match obstacle {
        Obstacle::Tls(rustls::Error::InvalidCertificate(problem)) => {
            let issuer = peer_certificate::issuer(policy, uri).await;
            certificate(policy, host, through, &problem, issuer.as_deref())
        }
        Obstacle::Tls(other) => {
            format!("the TLS connection to {host}{through} failed: {other}; check that the host serves https")
        }
        Obstacle::ProxyLogin => format!(
            "{host} could not be reached{through}: the proxy asks for a user and a password; write them into {variable} as \
             http://USER:PASSWORD@HOST:PORT"
        ),
        Obstacle::ProxyRefusal => format!(
            "{host} could not be reached{through}: the proxy refused the connection; allow the host in the proxy, or \
             add it to NO_PROXY to connect directly"
        ),
        Obstacle::UnknownName | Obstacle::Resolver if proxy.is_some() => {
            format!(
                "{host} could not be reached{through}: the name of the proxy could not be resolved ({cause}); check {variable}"
            )
        }
        Obstacle::UnknownName | Obstacle::Resolver => format!("the name {host} could not be resolved ({cause})"),
        Obstacle::Silence => format!("{host} did not respond in time{through}"),
        Obstacle::Connection => format!("{host} could not be reached{through}: {cause}"),
    };
    sentence += &hints(policy, uri, is_name && proxy.is_none());
    if may_need_proxy && proxy.is_none() {
        sentence += &format!("; {}", policy.proxies.absence(uri));
    }
    NetworkFault { sentence, tries }
}

fn certificate(
    policy: &HttpPolicy,
    host: &str,
    through: &str,
    problem: &CertificateError,
    issuer: Option<&str>,
) -> String {
    let issuer = issuer.map_or_else(|| "an issuer that could not be read".to_owned(), |name| format!("\"{name}\""));
    let trust = &policy.trust;
    if trust.len() == 0 {
        return format!(
            "the certificate of {host}{through} (issuer {issuer}) cannot be checked: there are no certificates to trust in {}; \
             install those of the operating system (ca-certificates), or set {TRUST_VARIABLES}",
            trust.described()
        );
    }
    match problem {
        // Made by a script that gave the server's certificate the flag of an authority, which OpenSSL accepts.
        CertificateError::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => format!(
            "the certificate of {host}{through} (issuer {issuer}) is a certificate of an authority, which a server \
             must not use; issue a certificate without CA:TRUE for the server, and set {TRUST_VARIABLES} to the \
             certificate of the authority"
        ),
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host}{through} is not trusted: its issuer {issuer} is not among {}; add the \
             issuer's certificate to a file and set {TRUST_VARIABLES} to that file",
            trust.described()
        ),
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => format!(
            "the certificate of {host}{through} (issuer {issuer}) is not valid at the time of this machine's clock: {problem}; \
             check the clock"
        ),
        other => format!(
            "the certificate of {host}{through} (issuer {issuer}) is not accepted: {other}; check the endpoint, or the certificates \
             that {TRUST_VARIABLES} name"
        ),
    }
}

/// Settings that may have led to a name that does not exist.
fn hints(policy: &HttpPolicy, uri: &Uri, is_name: bool) -> String {
    let hints = &policy.hints;
    let host = uri.host().unwrap_or_default();
    let place = uri.authority().map_or(host, |authority| authority.as_str());
    if let Some((_, origin)) = hints.endpoints.iter().find(|(named, _)| named.eq_ignore_ascii_case(place)) {
        return format!("; the endpoint is set by {origin}");
    }
    let is_of_aws = [".amazonaws.", ".api.aws", ".api.amazonwebservices."].iter().any(|part| host.contains(part));
    if !is_of_aws {
        return String::new();
    }
    let mut text = String::new();
    if let Some(origin) = &hints.fips {
        text += &format!("; FIPS endpoints are on ({origin}), which not every service has in every Region");
    }
    if let Some(origin) = &hints.dual_stack {
        text += &format!("; dual-stack endpoints are on ({origin}), which not every service has in every Region");
    }
    if let Some((region, origin)) =
        hints.region.as_ref().filter(|(region, _)| is_name && host.contains(region.as_str()))
    {
        text += &format!("; check that the Region {region} ({origin}) exists");
    }
    text
}

/// An error and its causes. An error of the operating system hides the one that it wraps.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = cause(error);
        Some(error)
    })
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}
