//! The address of an object: `s3://bucket/key`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The scheme with its slashes.
const SCHEME: &str = "s3://";

/// The address of one object: `s3://bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectUrl {
    bucket: String,
    key: String,
}

/// Why a text is no address of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the address of an S3 object: {problem}; write s3://bucket/key")]
pub struct ObjectUrlError {
    text: String,
    problem: &'static str,
}

impl ObjectUrl {
    /// Whether a path or an argument names an object in S3 rather than a local file.
    pub fn is_remote(path: &Path) -> bool {
        path.to_str().is_some_and(|text| text.starts_with(SCHEME))
    }

    /// The address that a path holds; none for a local file.
    ///
    /// # Errors
    /// The path begins with `s3://` and is no address of an object.
    pub fn of_path(path: &Path) -> Result<Option<Self>, ObjectUrlError> {
        if !Self::is_remote(path) {
            return Ok(None);
        }
        path.to_string_lossy().parse().map(Some)
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Another object of the same bucket, whose key begins with this one's.
    ///
    /// # Errors
    /// The key would be too long, or hold characters that no key may have.
    pub fn below(&self, name: &str) -> Result<Self, ObjectUrlError> {
        format!("{SCHEME}{}/{}/{name}", self.bucket, self.key.trim_end_matches('/')).parse()
    }
}

impl FromStr for ObjectUrl {
    type Err = ObjectUrlError;

    /// Bucket names are those that S3 admits today: 3 to 63 lower-case letters, digits, hyphens and dots. A key has 1 to 1,024 bytes,
    /// and no control characters, because they would end up in logs and terminals.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |problem| ObjectUrlError { text: text.chars().take(200).collect(), problem };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| refused("it does not begin with s3://"))?;
        let (bucket, key) = rest.split_once('/').ok_or_else(|| refused("it has no key"))?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = bucket.bytes().next().is_some_and(plain) && bucket.bytes().last().is_some_and(plain);
        let within = bucket.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'.');
        if !(3..=63).contains(&bucket.len()) || !ends || !within || bucket.contains("..") {
            return Err(refused("the bucket name is not 3 to 63 lower-case letters, digits, hyphens and dots"));
        }
        if key.is_empty() || key.ends_with('/') {
            return Err(refused("the key is empty or ends in a slash"));
        }
        if key.len() > 1024 || key.chars().any(char::is_control) {
            return Err(refused("the key is longer than 1,024 bytes or has control characters"));
        }
        // HTTP clients remove such parts of a path, so the request would go to another object.
        if key.split('/').any(|part| part == "." || part == "..") || key.starts_with('/') {
            return Err(refused("the key begins with a slash, or contains . or .. as a part"));
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bucket_and_a_key() {
        for text in ["s3://acme-security/doorward/ledger.sqlite", "s3://a1b/k", "s3://logs.central/a b/é.db"] {
            let url: ObjectUrl = text.parse().expect("an address");
            assert_eq!(url.to_string(), text);
            assert_eq!(ObjectUrl::of_path(Path::new(text)), Ok(Some(url)));
        }
        for text in [
            "s3://",
            "s3:///key",
            "s3://bucket",
            "s3://bucket/",
            "s3://bucket/folder/",
            "s3://BUCKET/key",
            "s3://ab/key",
            "s3://-ab/key",
            "s3://a..b/key",
            "s3://bucket//key",
            "s3://bucket/a/../b",
            "s3://bucket/./b",
            "s3://bucket/a\u{1b}[31m",
            "s3://arn:aws:s3:::bucket/key",
        ] {
            let refusal = text.parse::<ObjectUrl>().expect_err(text).to_string();
            assert!(refusal.contains("write s3://bucket/key") && !refusal.contains('\u{1b}'), "{refusal}");
            assert!(ObjectUrl::of_path(Path::new(text)).is_err(), "{text}");
        }
        for path in ["/var/lib/ledger.sqlite", "s3/ledger", "ledger.sqlite", "S3://bucket/key"] {
            assert_eq!(ObjectUrl::of_path(Path::new(path)), Ok(None), "{path}");
        }
    }

    #[test]
    fn an_object_below_another() {
        let url: ObjectUrl = "s3://acme/run/parts".parse().expect("an address");
        assert_eq!(
            url.below("3-of-16.json").map(|url| url.to_string()),
            Ok("s3://acme/run/parts/3-of-16.json".to_owned())
        );
        assert!(url.below("../other").is_err());
    }
}
