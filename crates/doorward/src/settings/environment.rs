//! The environment and the flags as layers of settings.

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::SettingsError;

const PREFIX: &str = "DOORWARD_";

/// Variables `DOORWARD_SECTION__KEY=value`. Values stay text unless they are plainly something else: an account id with
/// a leading zero must not become a number.
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

/// Booleans, short numbers and `[lists]` are recognised; everything else is text.
fn value(text: &str) -> Value {
    let trimmed = text.trim();
    if trimmed.starts_with('[') || trimmed.starts_with('{') {
        let toml = Figment::from(Toml::string(&format!("value = {trimmed}")));
        if let Ok(list) = toml.find_value("value") {
            return list;
        }
    }
    let number_like =
        trimmed.len() < 10 && !(trimmed.len() > 1 && trimmed.starts_with('0') && !trimmed.starts_with("0."));
    match trimmed {
        "true" => Value::from(true),
        "false" => Value::from(false),
        _ if number_like => {
            if let Ok(number) = trimmed.parse::<i64>() {
                Value::from(number)
            } else if let Ok(number) = trimmed.parse::<f64>() {
                Value::from(number)
            } else {
                Value::from(text)
            }
        }
        _ => Value::from(text),
    }
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
        let mut all = Figment::new();
        for (key, text) in &self.0 {
            all = all.merge(Flag(key.clone(), value(text)));
        }
        all.data()
    }
}

/// One setting said by a flag.
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
    fn leading_zeros_survive() {
        assert_eq!(value("012345678901").as_str(), Some("012345678901"));
        assert_eq!(value("123456789012").as_str(), Some("123456789012"));
        assert_eq!(value("0.5"), Value::from(0.5));
        assert_eq!(value("64"), Value::from(64_i64));
        assert_eq!(value("true"), Value::from(true));
        assert_eq!(value("1h").as_str(), Some("1h"));
        assert!(matches!(value("[\"eu-west-1\", \"012345678901\"]"), Value::Array(_, items) if items.len() == 2));
    }
}
