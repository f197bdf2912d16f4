//! The environment and the flags as layers of settings.

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::SettingsError;

const PREFIX: &str = "DOORWARD_";

/// Variables `DOORWARD_SECTION__KEY=value`.
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    /// Reads the settings among the environment's variables; a variable with the prefix that is no setting is an error.
    pub(crate) fn read() -> Result<Self, SettingsError> {
        let mut found = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
            if matches!(key, "CONFIG" | "LOG") {
                continue;
            }
            #[cfg(debug_assertions)]
            if name == crate::clock::TEST_CLOCK {
                continue;
            }
            let Some(value) = value.to_str() else {
                return Err(SettingsError(format!("{PREFIX}{key}: the value is not valid UTF-8")));
            };
            if !key.contains("__") {
                return Err(SettingsError(format!(
                    "{PREFIX}{key} names no setting: write {PREFIX}SECTION__KEY, for example {PREFIX}ACCESS__ROLE_NAME"
                )));
            }
            found.push((key.to_ascii_lowercase().replace("__", "."), value.to_owned()));
        }
        found.sort();
        Ok(Self(found))
    }

    /// The dotted keys that variables set.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// The variable that sets a dotted key.
    pub(crate) fn variable(key: &str) -> String {
        format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
    }
}

/// A value takes the type that the default has: an external id of digits stays text, a limit becomes a number. A list is
/// written as in TOML, or with commas.
fn value(key: &str, text: &str, defaults: &Figment) -> Value {
    let trimmed = text.trim();
    let as_toml = || Figment::from(Toml::string(&format!("value = {trimmed}"))).find_value("value").ok();
    let parsed = match defaults.find_value(key) {
        Ok(Value::Bool(..) | Value::Num(..) | Value::Dict(..)) => as_toml(),
        Ok(Value::Array(..)) if trimmed.starts_with('[') => as_toml(),
        Ok(Value::Array(..)) => {
            Some(Value::from(trimmed.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>()))
        }
        Ok(_) => None,
        // No default: a list of tables is the only thing that is not text.
        Err(_) if trimmed.starts_with('[') => as_toml(),
        Err(_) => None,
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn nested(key: &str, value: Value) -> Dict {
    match figment::util::nest(key, value) {
        Value::Dict(_, dict) => dict,
        _ => Dict::new(),
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let defaults = Figment::from(Toml::string(super::DEFAULT));
        let mut all = Figment::new();
        for (key, text) in &self.0 {
            all = all.merge(Flag(key.clone(), value(key, text, &defaults)));
        }
        all.data()
    }
}

/// A setting that a flag overrides.
pub(crate) struct Flag(pub(crate) String, pub(crate) Value);

impl Provider for Flag {
    fn metadata(&self) -> Metadata {
        Metadata::named("command line")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(nested(&self.0, self.1.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_type_of_the_default() {
        let defaults = Figment::from(Toml::string(super::super::DEFAULT));
        let value = |key: &str, text: &str| value(key, text, &defaults);
        for (key, text) in [
            ("access.external_id", "012345678901"),
            ("access.external_id", "123456"),
            ("access.role_name", "true"),
            ("scan.deadline", "1h"),
        ] {
            assert_eq!(value(key, text).as_str(), Some(text), "{key}");
        }
        assert_eq!(value("calls.share_of_limits", "0.5"), Value::from(0.5));
        assert_eq!(value("calls.concurrency", "64").to_i128(), Some(64));
        assert_eq!(value("collect.alb_listeners", "true"), Value::from(true));
        for list in ["[\"eu-west-1\", \"us-east-1\"]", "eu-west-1, us-east-1"] {
            assert!(matches!(value("regions.include", list), Value::Array(_, items) if items.len() == 2), "{list}");
        }
        assert!(
            matches!(value("scope.include_accounts", "012345678901"), Value::Array(_, items) if items[0].as_str() == Some("012345678901"))
        );
    }
}
