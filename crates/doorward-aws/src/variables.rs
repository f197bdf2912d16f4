//! The environment variables that AWS's tools, proxies and trust stores use, read once and cleaned.
//!
//! A variable that is set to nothing or to blanks counts as unset, and blanks and line ends around a value are dropped: values come
//! from `.env` files, CI systems and Kubernetes Secrets, which add both. What remains and is still wrong is an error that names the
//! variable.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Environment variables by name, without empty ones. Values may be secret: they are not printed.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// The home directory, whose name may be in any encoding.
    home: Option<PathBuf>,
}

/// Variables that are read, beside those with the prefixes of [`PREFIXES`].
const NAMES: [&str; 29] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "USERPROFILE",
    "REQUEST_METHOD",
];
const PREFIXES: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_CONTAINER_", "AWS_EC2_METADATA_"];

impl Variables {
    /// The variables of this process. Bytes that are not UTF-8 become replacement characters, which [`Variables::check`] refuses.
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os();
        let lossy = Self::new(
            pairs.map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())),
        );
        let home = lossy.home.and_then(|_| std::env::var_os("HOME").map(PathBuf::from));
        Self { home, values: lossy.values }
    }

    /// Variables from elsewhere, cleaned in the same way.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let clean = pairs.into_iter().filter_map(|(name, value)| {
            let value = value.trim_matches(is_padding);
            (!value.is_empty()).then(|| (name, value.to_owned()))
        });
        let values: BTreeMap<String, String> = clean.collect();
        let home = values.get("HOME").map(PathBuf::from);
        Self { values, home }
    }

    /// # Errors
    /// The name of a variable that is read and is not UTF-8: a part of its value would be another one.
    pub(crate) fn check(&self) -> Result<(), VariableNotText> {
        let is_read = |name: &str| NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let is_damaged = |value: &str| value.contains(char::REPLACEMENT_CHARACTER);
        match self.values.iter().find(|(name, value)| is_damaged(value) && is_read(name)) {
            Some((name, _)) => Err(VariableNotText(name.clone())),
            None => Ok(()),
        }
    }

    /// The value of a variable, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The first of several variables that has a value.
    pub(crate) fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The home directory.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref().or_else(|| self.get("USERPROFILE").map(Path::new))
    }

    /// A path, with the home directory in the place of a leading `~`.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), self.home()) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(path),
        }
    }
}

impl Variables {
    /// A path with the values of variables in the place of `$NAME` and `${NAME}`. Names without a value stay as they are.
    pub(crate) fn filled(&self, path: &str) -> String {
        let mut text = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('$') {
            text += before;
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let (name, left) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some(found) => found,
                None => after.split_at(after.find(|c| !is_part(c)).unwrap_or(after.len())),
            };
            match self.get(name) {
                Some(value) => text += value,
                None => text += &rest[before.len()..rest.len() - left.len()],
            }
            rest = left;
        }
        text + rest
    }
}

/// Blanks, line ends, and the byte order mark that some editors put before a text.
fn is_padding(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}' || character == '\0'
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({})", self.values.len())
    }
}

/// A variable that is read and is not text.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not UTF-8 text; set it again")]
pub struct VariableNotText(String);

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// An environment variable.
    Variable(String),
    /// A line of the shared AWS configuration.
    Line(PathBuf, usize),
    /// A setting of Doorward.
    Setting {
        /// The dotted key.
        key: &'static str,
        /// The flag, variable, or file and line that sets it, where that is known.
        place: Option<String>,
    },
    /// The metadata of the instance this runs on.
    Metadata,
    /// It has its default.
    Default,
}

impl ValueOrigin {
    pub(crate) fn variable(name: &str) -> Self {
        Self::Variable(name.to_owned())
    }
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Line(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Setting { key, place: Some(place) } => write!(f, "`{key}`, {place}"),
            Self::Setting { key, place: None } => write!(f, "`{key}`"),
            Self::Metadata => f.write_str("instance metadata"),
            Self::Default => f.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_values_are_trimmed_and_empty_ones_are_unset() {
        let pairs = [
            ("AWS_REGION", " eu-west-1\r\n"),
            ("AWS_PROFILE", ""),
            ("AWS_ENDPOINT_URL", " \n"),
            ("AWS_CONFIG_FILE", "\u{feff}~/c"),
            ("HOME", "/home/me"),
        ];
        let variables = Variables::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(variables.get("AWS_REGION"), Some("eu-west-1"));
        assert_eq!(
            variables.first(&["AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION"]),
            Some(("AWS_REGION", "eu-west-1"))
        );
        assert_eq!(variables.expand(variables.get("AWS_CONFIG_FILE").expect("a path")), Path::new("/home/me/c"));
        assert_eq!(variables.expand("~other/c"), Path::new("~other/c"));
        for (path, filled) in [
            ("$HOME/.aws/${AWS_REGION}.ini", "/home/me/.aws/eu-west-1.ini"),
            ("$NOT_SET/x", "$NOT_SET/x"),
            ("${HOME", "${HOME"),
            ("a$", "a$"),
            ("$HOME", "/home/me"),
            ("é$HOME-é", "é/home/me-é"),
        ] {
            assert_eq!(variables.filled(path), filled, "{path}");
        }
    }

    #[test]
    fn a_variable_that_is_not_text_is_refused_if_it_is_read() {
        let check = |name: &str| Variables::new([(name.to_owned(), "a\u{fffd}".to_owned())]).check();
        for name in
            ["AWS_SECRET_ACCESS_KEY", "https_proxy", "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        {
            let text = check(name).expect_err(name).to_string();
            assert_eq!(text, format!("{name} is not UTF-8 text; set it again"));
        }
        assert!(check("HOME").is_ok() && check("EDITOR").is_ok() && check("AWS_EXECUTION_ENV").is_ok());
    }
}
