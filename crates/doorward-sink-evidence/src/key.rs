//! Signing keys: ed25519, in the format of `openssl genpkey -algorithm ed25519` or in hexadecimal.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A key that cannot be used. It never repeats what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key.
    #[error(
        "this is not an ed25519 private key; give the PEM that `openssl genpkey -algorithm ed25519` writes, or 64 \
         hexadecimal digits"
    )]
    Private,
    /// Not a public key.
    #[error(
        "this is not an ed25519 public key; give the PEM that `openssl pkey -pubout` writes, or 64 hexadecimal digits"
    )]
    Public,
}

/// Signs packs. It can neither be printed nor be stored.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a private key: PEM (PKCS #8) or the 32-byte seed in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`KeyError::Private`] for anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let pair = match pem(text, "PRIVATE KEY") {
            Some(der) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der),
            None => {
                let seed = hex::decode(text.trim()).map_err(|_| KeyError::Private)?;
                Ed25519KeyPair::from_seed_unchecked(&seed)
            }
        };
        pair.map(Self).map_err(|_| KeyError::Private)
    }

    /// The key that checks what this one signs.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(not shown)")
    }
}

/// Checks signatures. It reads and prints as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a public key: PEM (SubjectPublicKeyInfo) or hexadecimal.
    ///
    /// # Errors
    ///
    /// [`KeyError::Public`] for anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        // What stands before the key itself: a sequence, the algorithm 1.3.101.112, a bit string of 33 bytes.
        const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let bytes = match pem(text, "PUBLIC KEY") {
            Some(der) => der.strip_prefix(&PREFIX).ok_or(KeyError::Public)?.to_vec(),
            None => hex::decode(text.trim()).map_err(|_| KeyError::Public)?,
        };
        bytes.try_into().map(Self).map_err(|_| KeyError::Public)
    }

    /// Whether the signature is this key's.
    pub(crate) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The bytes between the lines of a PEM document.
fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let packed: String = body.split_whitespace().collect();
    STANDARD.decode(packed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by OpenSSL for this test.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END \
     PRIVATE KEY-----\n";

    fn seed() -> String {
        (0..32).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn pem_and_hexadecimal_are_the_same_key() {
        let (one, other) = (SigningKey::parse(PRIVATE).expect("reads"), SigningKey::parse(&seed()).expect("reads"));
        assert_eq!(one.public(), other.public());
        let signature = one.sign(b"text");
        assert_eq!(signature.len(), 64);
        assert!(other.public().accepts(b"text", &signature));
        assert!(!other.public().accepts(b"texu", &signature));
        assert_eq!(PublicKey::parse(&one.public().to_string()), Ok(one.public()));
        let info =
            [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &one.public().0].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(info));
        assert_eq!(PublicKey::parse(&pem), Ok(one.public()));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in
            ["", "secret-words", "00", &seed()[2..], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
        {
            let error = SigningKey::parse(text).expect_err(text);
            assert!(text.is_empty() || !error.to_string().contains(text));
            assert!(PublicKey::parse(text).is_err());
        }
        assert!(!format!("{:?}", SigningKey::parse(&seed()).expect("reads")).contains("000102"));
    }
}
