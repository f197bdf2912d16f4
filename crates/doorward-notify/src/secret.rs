//! Secrets: read from the file or variable in the settings, and never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use doorward_aws::{HttpPolicy, HttpPolicyError, Variables};
use doorward_file::input;

use crate::channels_config::SettingsError;

/// Most bytes of a file with a secret.
const LONGEST: u64 = 1 << 20;

/// A secret text. It is neither printable nor serializable.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    /// The text itself, for the one call that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The environment variables that settings may name. The binary hands them over: nothing here reads the environment.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Secret>,
    aws_profile: Option<String>,
}

impl Environment {
    /// The variables by name, as the process got them.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name, Secret(value.into()))).collect();
        Self { variables, aws_profile: None }
    }

    /// The same variables, with the profile of the AWS configuration that the settings name (`access.profile`): its `ca_bundle`
    /// holds for webhooks too.
    #[must_use]
    pub fn with_aws_profile(self, profile: Option<&str>) -> Self {
        Self { aws_profile: profile.map(str::to_owned), ..self }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.variables.get(name)
    }

    /// The proxies and certificates that these variables name.
    pub(crate) fn http_policy(&self) -> Result<HttpPolicy, HttpPolicyError> {
        let pairs = self.variables.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
        HttpPolicy::of_webhooks(&Variables::new(pairs), self.aws_profile.as_deref())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(std::path::PathBuf),
    Variable(String),
}

impl Place {
    /// Reads which of the two settings is there; exactly one has to be. `setting` is the name without `_file`.
    pub(crate) fn of(
        setting: &str,
        file: Option<&std::path::PathBuf>,
        variable: Option<&String>,
    ) -> Result<Self, SettingsError> {
        match (file, variable) {
            (Some(file), None) => Ok(Self::File(file.clone())),
            (None, Some(variable)) => Ok(Self::Variable(variable.clone())),
            (None, None) => Err(SettingsError::new(setting, "is missing; name a file or an environment variable")),
            (Some(_), Some(_)) => Err(SettingsError::new(
                setting,
                "is given twice; keep either the file or the \
                 variable",
            )),
        }
    }

    /// Reads the secret. The error names setting and place, never what was found there.
    pub(crate) fn read(&self, setting: &str, environment: &Environment) -> Result<Secret, SettingsError> {
        let secret = match self {
            Self::File(path) => Secret(read_file(setting, path)?.trim().into()),
            // Variables from mounted secrets often end in a line end, as files do.
            Self::Variable(name) => environment
                .get(name)
                .map(|value| Secret(value.expose().trim().into()))
                .ok_or_else(|| SettingsError::new(setting, format!("names the variable {name}, which is not set")))?,
        };
        if secret.expose().trim().is_empty() {
            return Err(SettingsError::new(setting, "is empty; put the secret there"));
        }
        Ok(secret)
    }
}

fn read_file(setting: &str, path: &Path) -> Result<String, SettingsError> {
    // A device has no end, and no secret is as long as this.
    let read = std::fs::File::open(path).and_then(|file| input::limited(file, LONGEST)).and_then(input::decoded);
    read.map_err(|error| {
        SettingsError::new(setting, format!("names the file {}, which cannot be read: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let environment = Environment::new([("HOOK".to_owned(), "https://x.example/T0P".to_owned())]);
        let secret = Place::Variable("HOOK".to_owned()).read("a.url_env", &environment).expect("there");
        assert_eq!(secret.expose(), "https://x.example/T0P");
        let shown = format!("{secret:?} {environment:?}");
        assert!(!shown.contains("T0P") && !shown.contains("x.example"), "{shown}");
        let error = Place::Variable("NONE".to_owned()).read("a.url_env", &environment).expect_err("missing");
        assert_eq!(error.to_string(), "setting a.url_env names the variable NONE, which is not set");
        let error = Place::File("/nowhere/at/all".into()).read("a.url_file", &environment).expect_err("missing");
        assert!(error.to_string().starts_with("setting a.url_file names the file /nowhere/at/all"), "{error}");
    }
}
