//! The certificates that servers are checked by.
//!
//! For AWS, `AWS_CA_BUNDLE` or the profile's `ca_bundle` replaces the certificates of this machine, as in the AWS CLI. Webhooks are
//! checked by both: a bundle for AWS need not contain what other services are signed by.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::shared_config::{SelectedProfile, SharedConfig, SharedConfigError};
use crate::variables::{ValueOrigin, VariableNotText, Variables};

/// Where Linux distributions keep their certificates, tried in this order where `SSL_CERT_FILE` is set to nothing.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why no HTTP client can be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpPolicyError {
    /// A proxy variable with a value that is no proxy.
    #[error("{name} {problem}, or unset it")]
    Proxy {
        /// The variable.
        name: &'static str,
        /// The problem.
        problem: String,
    },
    /// A bundle of certificates that cannot be used.
    #[error("{origin}: the certificate bundle {} {problem}", .path.display())]
    Bundle {
        /// The variable, or the file and line.
        origin: ValueOrigin,
        /// The bundle.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A variable that is not text.
    #[error(transparent)]
    Variable(#[from] VariableNotText),
    /// The AWS configuration, which may name a bundle.
    #[error(transparent)]
    Config(#[from] SharedConfigError),
    /// The TLS library.
    #[error("the TLS library could not be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A file with certificates, and what names it.
pub(crate) type NamedBundle = Option<(PathBuf, ValueOrigin)>;

/// The bundle that the environment or a profile names.
pub(super) fn bundle(variables: &Variables, profile: Option<&str>) -> Result<NamedBundle, HttpPolicyError> {
    if variables.get("AWS_CA_BUNDLE").is_some() {
        return Ok(bundle_of(variables, &SharedConfig::default(), "default"));
    }
    let config = SharedConfig::load(variables)?;
    Ok(bundle_of(variables, &config, &SelectedProfile::of(profile, variables).name))
}

pub(crate) fn bundle_of(variables: &Variables, config: &SharedConfig, profile: &str) -> NamedBundle {
    if let Some(path) = variables.get("AWS_CA_BUNDLE") {
        return Some((variables.expand(path), ValueOrigin::variable("AWS_CA_BUNDLE")));
    }
    config.get(profile, "ca_bundle").map(|located| (variables.expand(&located.text), located.origin()))
}

/// Certificates, and where they come from.
pub(crate) struct TrustStore {
    certificates: Vec<CertificateDer<'static>>,
    described: String,
}

impl TrustStore {
    /// No certificates.
    pub(super) fn empty() -> Self {
        Self { certificates: Vec::new(), described: "no file".to_owned() }
    }

    /// The certificates of calls of AWS.
    pub(crate) fn of_aws(variables: &Variables, bundle: NamedBundle) -> Result<Self, HttpPolicyError> {
        match bundle {
            Some((path, origin)) => {
                let certificates = read_bundle(&path, &origin)?;
                Ok(Self { described: format!("{} ({origin})", path.display()), certificates })
            }
            None => Ok(Self::system(variables)),
        }
    }

    /// The certificates of this machine, with those of a bundle.
    pub(super) fn system_and(variables: &Variables, bundle: NamedBundle) -> Result<Self, HttpPolicyError> {
        let mut store = Self::system(variables);
        if let Some((path, origin)) = bundle {
            store.certificates.extend(read_bundle(&path, &origin)?);
            store.described += &format!(", and {} ({origin})", path.display());
        }
        Ok(store)
    }

    fn system(variables: &Variables) -> Self {
        let (file, directory) = (variables.get("SSL_CERT_FILE"), variables.get("SSL_CERT_DIR"));
        // The loader takes a variable that is set to nothing for the path of a file.
        let is_blank = |name| std::env::var(name).is_ok_and(|value| value.trim().is_empty());
        let (found, described) = if file.is_some() || directory.is_some() {
            let named = [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", directory)];
            let named = named.into_iter().filter_map(|(name, path)| Some(format!("{} ({name})", path?)));
            let found = rustls_native_certs::load_certs_from_paths(file.map(Path::new), directory.map(Path::new));
            (found, named.collect::<Vec<_>>().join(" and "))
        } else if is_blank("SSL_CERT_FILE") || is_blank("SSL_CERT_DIR") {
            let file = SYSTEM_FILES.iter().map(Path::new).find(|path| path.exists());
            (rustls_native_certs::load_certs_from_paths(file, None), "the certificates of this machine".to_owned())
        } else {
            (rustls_native_certs::load_native_certs(), "the certificates of this machine".to_owned())
        };
        for error in &found.errors {
            tracing::info!(%error, "a certificate of this machine could not be read");
        }
        let certificates = found.certs.into_iter().filter(is_usable).collect();
        Self { certificates, described }
    }

    pub(crate) fn len(&self) -> usize {
        self.certificates.len()
    }

    /// The files, and what names them.
    pub(crate) fn described(&self) -> &str {
        &self.described
    }

    /// For the SDK, which takes text.
    pub(super) fn pem(&self) -> Vec<u8> {
        use base64::Engine as _;
        let mut text = String::new();
        for certificate in &self.certificates {
            let body = base64::engine::general_purpose::STANDARD.encode(certificate);
            text += "-----BEGIN CERTIFICATE-----\n";
            for line in body.as_bytes().chunks(64) {
                text += &String::from_utf8_lossy(line);
                text.push('\n');
            }
            text += "-----END CERTIFICATE-----\n";
        }
        text.into_bytes()
    }

    pub(super) fn client_config(&self) -> Result<ClientConfig, HttpPolicyError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.certificates.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn is_usable(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

fn read_bundle(path: &Path, origin: &ValueOrigin) -> Result<Vec<CertificateDer<'static>>, HttpPolicyError> {
    let problem = |problem: String| HttpPolicyError::Bundle { origin: origin.clone(), path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = parsed.map_err(|error| problem(format!("is not valid PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(problem(
            "contains no certificate (a block that begins with -----BEGIN CERTIFICATE-----)".to_owned(),
        ));
    }
    let usable: Vec<_> = certificates.into_iter().filter(is_usable).collect();
    if usable.is_empty() { Err(problem("contains no certificate that can be parsed".to_owned())) } else { Ok(usable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_missing_empty_or_junk_is_an_error_of_its_own() {
        let directory = std::env::temp_dir().join(format!("doorward-bundle-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (name, text, expected) in [
            ("missing", None, "cannot be read"),
            ("empty", Some(""), "contains no certificate"),
            ("junk", Some(junk), "contains no certificate that can be parsed"),
            ("cut", Some("-----BEGIN CERTIFICATE-----\nAAAA"), "PEM"),
        ] {
            let path = directory.join(name);
            if let Some(text) = text {
                std::fs::write(&path, text).expect("writes");
            }
            let variables = Variables::new([("AWS_CA_BUNDLE".to_owned(), path.display().to_string())]);
            let bundle = bundle(&variables, None).unwrap_or_else(|error| panic!("{error}"));
            let text = TrustStore::of_aws(&variables, bundle).err().expect(name).to_string();
            assert!(text.contains("AWS_CA_BUNDLE") && text.contains(name) && text.contains(expected), "{text}");
        }
        std::fs::remove_dir_all(&directory).expect("removes");
    }
}
