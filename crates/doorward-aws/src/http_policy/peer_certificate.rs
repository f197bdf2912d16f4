//! The issuer of a certificate that was refused: one more connection, in which every certificate is refused and its issuer kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::Uri;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tower_service::Service as _;

use super::{HttpPolicy, connector};

/// The time for the connection: it serves a message only.
const WAIT: Duration = Duration::from_secs(5);

/// The name of who signed the certificate of a host, as it is presented there.
pub(super) async fn issuer(policy: &HttpPolicy, uri: &Uri) -> Option<String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let seen = Arc::new(IssuerReader { schemes, issuer: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as _)
        .with_no_client_auth();
    let mut connector = connector::connector(policy, config);
    // It cannot succeed, because every certificate is refused; nothing is sent over it.
    let _ = tokio::time::timeout(WAIT, connector.call(uri.clone())).await;
    seen.issuer.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[derive(Debug)]
struct IssuerReader {
    schemes: Vec<SignatureScheme>,
    issuer: Mutex<Option<String>>,
}

impl ServerCertVerifier for IssuerReader {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.issuer.lock().unwrap_or_else(PoisonError::into_inner) = issuer_of(chain.last().unwrap_or(own));
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

const SEQUENCE: u8 = 0x30;

/// One DER value: its tag, its content, and what follows it.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (digits.iter().fold(0usize, |sum, digit| (sum << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn content(bytes: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    value(bytes).and_then(|(tag, content, rest)| (tag == expected).then_some((content, rest)))
}

/// The issuer's common name, organization and unit, as in `CN=Example CA, O=Example`.
fn issuer_of(certificate: &[u8]) -> Option<String> {
    let (certificate, _) = content(certificate, SEQUENCE)?;
    let (mut fields, _) = content(certificate, SEQUENCE)?;
    if let Some((_version, rest)) = content(fields, 0xa0) {
        fields = rest;
    }
    let (_serial, fields) = content(fields, 0x02)?;
    let (_algorithm, fields) = content(fields, SEQUENCE)?;
    let (mut names, _) = content(fields, SEQUENCE)?;
    let mut parts = Vec::new();
    while let Some((set, rest)) = content(names, 0x31) {
        names = rest;
        let (pair, _) = content(set, SEQUENCE)?;
        let (kind, text) = content(pair, 0x06)?;
        let (_, text, _) = value(text)?;
        let label = match kind {
            [0x55, 0x04, 0x03] => "CN",
            [0x55, 0x04, 0x0a] => "O",
            [0x55, 0x04, 0x0b] => "OU",
            _ => continue,
        };
        let text = doorward_model::harmless(&String::from_utf8_lossy(text)).into_owned();
        parts.push(format!("{label}={}", text.chars().take(100).collect::<String>()));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value with a short length.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut bytes = vec![tag, u8::try_from(content.len()).expect("short")];
        bytes.extend(content);
        bytes
    }

    #[test]
    fn the_issuer_is_read_and_no_bytes_panic() {
        let name = |last: u8, text: &str| {
            let pair = der(SEQUENCE, &[&der(0x06, &[&[0x55, 0x04, last]]), &der(0x0c, &[text.as_bytes()])]);
            der(0x31, &[&pair])
        };
        let names = der(SEQUENCE, &[&name(0x06, "XX"), &name(0x0a, "Corp"), &name(0x03, "Proxy CA")]);
        let fields = der(SEQUENCE, &[&der(0xa0, &[&[2, 1, 2]]), &der(2, &[&[1]]), &der(SEQUENCE, &[]), &names]);
        let certificate = der(SEQUENCE, &[&fields]);
        assert_eq!(issuer_of(&certificate).as_deref(), Some("O=Corp, CN=Proxy CA"));
        for length in 0..certificate.len() {
            assert_eq!(issuer_of(&certificate[..length]), None, "{length} bytes");
        }
        for at in 0..certificate.len() {
            let mut damaged = certificate.clone();
            damaged[at] ^= 0xff;
            let _ = issuer_of(&damaged);
        }
    }
}
