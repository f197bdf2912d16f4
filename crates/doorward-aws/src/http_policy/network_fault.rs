//! Why a host cannot be reached, as one sentence: the host, the true cause, and the settings that may be wrong.

use std::error::Error;

use hyper::Uri;
use rustls::CertificateError;

use super::{HttpPolicy, peer_certificate};

/// The variables that name certificates to trust.
const TRUST_VARIABLES: &str = "AWS_CA_BUNDLE (or ca_bundle in the AWS profile), SSL_CERT_FILE or SSL_CERT_DIR";

/// A host that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct NetworkFault {
    sentence: String,
    permanent: bool,
}

impl NetworkFault {
    /// Whether another try would end in the same way: the certificate or the TLS protocol of the other side is refused.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }
}

/// The fault among the causes of an error.
pub(crate) fn fault_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a NetworkFault> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What an error shows, taken from its causes.
pub(super) struct Symptom {
    tls: Option<rustls::Error>,
    is_name: bool,
    innermost: String,
}

impl Symptom {
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let is_of_name = |text: String| text.contains("dns error") || text.contains("failed to lookup address");
        Self {
            tls: causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()).cloned(),
            is_name: causes(error).any(|cause| is_of_name(cause.to_string())),
            innermost: causes(error).last().map(ToString::to_string).unwrap_or_default(),
        }
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
    let Symptom { tls, is_name, innermost: cause } = symptom;
    let host = uri.host().unwrap_or("the host");
    let way = policy.proxies.proxy(uri).map(|proxy| format!(" through the proxy {}", proxy.shown()));
    let through = way.as_deref().unwrap_or_default();
    if let Some(tls) = tls {
        let sentence = match tls {
            rustls::Error::InvalidCertificate(problem) => {
                let issuer = peer_certificate::issuer(policy, uri).await;
                certificate(policy, host, through, &problem, issuer.as_deref())
            }
            other => format!("the TLS connection to {host}{through} failed: {other}; check that it serves https"),
        };
        return NetworkFault { sentence, permanent: true };
    }
    let sentence = match (&way, is_name) {
        (Some(_), true) => {
            format!("{host} could not be reached{through}: the name of the proxy could not be resolved ({cause})")
        }
        (None, true) => format!("the name {host} could not be resolved ({cause})"),
        _ => format!("{host} could not be reached{through}: {cause}"),
    };
    let mut sentence = sentence + &hints(policy, host, is_name);
    if way.is_none() && is_name {
        sentence += "; no proxy applies to it: behind a proxy, set HTTPS_PROXY";
    }
    NetworkFault { sentence, permanent: false }
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
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host}{through} is not trusted: its issuer {issuer} is not among {}; add the issuer's certificate to \
             a file and name it with {TRUST_VARIABLES}",
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
fn hints(policy: &HttpPolicy, host: &str, is_name: bool) -> String {
    let hints = &policy.hints;
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
