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
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The variables of this process. Bytes that are not UTF-8 become replacement characters, which no value admits.
    pub fn of_process() -> Self {
        let pairs = std::env::vars_os();
        Self::new(
            pairs.map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())),
        )
    }

    /// Variables from elsewhere, cleaned in the same way.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let clean = pairs.into_iter().filter_map(|(name, value)| {
            let value = value.trim_matches(is_padding);
            (!value.is_empty()).then(|| (name, value.to_owned()))
        });
        Self(clean.collect())
    }

    /// The value of a variable, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The first of several variables that has a value.
    pub(crate) fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The home directory.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.first(&["HOME", "USERPROFILE"]).map(|(_, home)| Path::new(home))
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

/// Blanks, line ends, and the byte order mark that some editors put before a text.
fn is_padding(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}' || character == '\0'
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({})", self.0.len())
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOrigin {
    /// An environment variable.
    Variable(String),
    /// A line of the shared AWS configuration.
    Line(PathBuf, usize),
    /// A setting of Doorward, which a flag may have replaced.
    Setting(&'static str),
    /// The metadata of the instance this runs on.
    Metadata,
    /// Nothing sets it.
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
            Self::Setting(key) => write!(f, "`{key}`"),
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
    }
}
