//! The environment and the flags as layers of settings.

use std::cell::LazyCell;
use std::ffi::OsString;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use crate::variable::trimmed;
use crate::{Schema, SettingsError};

const PREFIX: &str = "DOORWARD_";

/// Variables of Doorward that are no settings.
const OTHERS: &[&str] = &[
    "COMPLETE",
    "CONFIG",
    "LOG",
    #[cfg(debug_assertions)]
    "TEST_CLOCK",
    #[cfg(debug_assertions)]
    "TEST_PANIC",
];

/// Variables `DOORWARD_SECTION__KEY=value`.
pub(crate) struct EnvironmentLayer {
    set: Vec<(String, String)>,
    default: &'static str,
}

impl EnvironmentLayer {
    /// Reads the settings among the environment's variables. Every name with the prefix and two underscores in it is a setting; one
    /// that cannot be a setting is an error. Other names belong to other programs, except for a setting that lacks an underscore.
    pub(crate) fn read(settings: Schema) -> Result<Self, SettingsError> {
        let mut found = Vec::new();
        let known = LazyCell::new(|| keys(settings));
        for (key, name, value) in prefixed() {
            let Some(value) = trimmed(value) else { continue };
            if !key.contains("__") {
                if let Some(meant) = lacks_an_underscore(&key, &known) {
                    return Err(SettingsError(format!("{name} names no setting; did you mean {meant}?")));
                }
                continue;
            }
            let Some(value) = value.to_str() else {
                return Err(SettingsError(format!("{name}: the value is not valid UTF-8")));
            };
            let dotted = key.to_ascii_lowercase().replace("__", ".");
            if !key.is_ascii() || dotted.split('.').any(str::is_empty) {
                let example = format!("write {PREFIX}SECTION__KEY, for example {PREFIX}ACCESS__ROLE_NAME");
                return Err(SettingsError(format!("{name} names no setting: {example}")));
            }
            found.push((dotted, value.to_owned()));
        }
        found.sort();
        Ok(Self { set: found, default: settings.default })
    }

    /// The dotted keys that variables set.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.set.iter().map(|(key, _)| key.as_str())
    }

    /// The variable that sets a dotted key.
    pub(crate) fn variable(key: &str) -> String {
        format!("{PREFIX}{}", upper(key))
    }
}

/// The variables with the prefix that are not [`OTHERS`]: the name without the prefix, the name as text, and the value.
fn prefixed() -> impl Iterator<Item = (String, String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        let key = name.strip_prefix(PREFIX).filter(|key| !OTHERS.contains(key))?.to_owned();
        Some((key, name, value))
    })
}

/// Variables with the prefix that may be misspelt settings, each with the setting that is closest, if any is. They are ignored.
pub fn doubtful(settings: Schema) -> Vec<String> {
    let known = LazyCell::new(|| keys(settings));
    let mut found: Vec<String> = prefixed()
        .filter(|(key, _, value)| !key.contains("__") && !is_of_kubernetes(key) && trimmed(value.clone()).is_some())
        .map(|(key, name, _)| {
            let last =
                |setting: &&String| setting.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(&key));
            let meant = known.iter().find(last).map_or("ACCESS__ROLE_NAME".to_owned(), |setting| upper(setting));
            format!(
                "{name} is not a setting and is ignored; write a setting as {PREFIX}SECTION__KEY, for example \
                 {PREFIX}{meant}"
            )
        })
        .collect();
    found.sort();
    found
}

/// Whether Kubernetes sets a variable of this name in every pod beside a Service whose name begins with `doorward`.
fn is_of_kubernetes(key: &str) -> bool {
    let numbered = |rest: &str| rest.split('_').next().is_some_and(|number| number.parse::<u16>().is_ok());
    let has = |part: &str| key == part || key.ends_with(&format!("_{part}"));
    let after = |part: &str| key.strip_prefix(part).or_else(|| Some(key.split_once(&format!("_{part}"))?.1));
    has("SERVICE_HOST") || has("PORT") || after("SERVICE_PORT_").is_some() || after("PORT_").is_some_and(numbered)
}

/// The variable of the setting that a name without two underscores spells otherwise in full.
fn lacks_an_underscore(key: &str, known: &[String]) -> Option<String> {
    let spells = |setting: &&String| setting.replace('.', "_").eq_ignore_ascii_case(key);
    known.iter().find(spells).map(|setting| EnvironmentLayer::variable(setting))
}

fn upper(setting: &str) -> String {
    setting.replace('.', "__").to_ascii_uppercase()
}

/// The dotted keys of all settings, with and without a default.
fn keys(settings: Schema) -> Vec<String> {
    let schema = (settings.schema)();
    let mut keys = Vec::new();
    collect(schema.as_value(), schema.as_value(), "", &mut keys);
    keys
}

/// Adds the keys below a part of a schema.
fn collect(root: &serde_json::Value, part: &serde_json::Value, prefix: &str, keys: &mut Vec<String>) {
    let target = part["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#')));
    let properties = target.unwrap_or(part)["properties"].as_object();
    match properties {
        Some(properties) => {
            for (name, below) in properties {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                collect(root, below, &key, keys);
            }
        }
        None => keys.push(prefix.to_owned()),
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
    parsed.unwrap_or_else(|| Value::from(trimmed))
}

fn nested(key: &str, value: Value) -> Dict {
    match figment::util::nest(key, value) {
        Value::Dict(_, dict) => dict,
        _ => Dict::new(),
    }
}

impl Provider for EnvironmentLayer {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let defaults = Figment::from(Toml::string(self.default));
        let mut all = Figment::new();
        for (key, text) in &self.set {
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

    const DEFAULT: &str = include_str!("../../../config/default.toml");

    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "the schema is made of the type alone")]
    struct Example {
        access: Access,
        traffic: Traffic,
    }

    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "the schema is made of the type alone")]
    struct Access {
        external_id: Option<String>,
        role_name: String,
    }

    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "the schema is made of the type alone")]
    struct Traffic {
        thresholds: Thresholds,
    }

    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "the schema is made of the type alone")]
    struct Thresholds {
        minimum_days: u32,
    }

    #[test]
    fn values_take_the_type_of_the_default() {
        let defaults = Figment::from(Toml::string(DEFAULT));
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

    #[test]
    fn names_of_kubernetes_are_not_ours() {
        for key in [
            "PORT",
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTPS",
            "PORT_443_TCP",
            "PORT_443_TCP_ADDR",
            "PORT_53_UDP_PROTO",
            "LEDGER_PORT",
            "LEDGER_SERVICE_HOST",
            "LEDGER_SERVICE_PORT_DB",
            "LEDGER_PORT_5432_TCP_PORT",
        ] {
            assert!(is_of_kubernetes(key), "{key}");
        }
        for key in ["ROLE", "ROLE_NAME", "SUPPORT", "PORT_NAME", "REPORT_FAIL_ON", "VERSION"] {
            assert!(!is_of_kubernetes(key), "{key}");
        }
    }

    #[test]
    fn a_setting_without_its_second_underscore_is_recognized() {
        let known = keys(Schema { default: DEFAULT, schema: || schemars::schema_for!(Example) });
        assert_eq!(known, ["access.external_id", "access.role_name", "traffic.thresholds.minimum_days"]);
        for (key, meant) in [
            ("ACCESS_ROLE_NAME", Some("DOORWARD_ACCESS__ROLE_NAME")),
            ("ACCESS_EXTERNAL_ID", Some("DOORWARD_ACCESS__EXTERNAL_ID")),
            ("TRAFFIC_THRESHOLDS_MINIMUM_DAYS", Some("DOORWARD_TRAFFIC__THRESHOLDS__MINIMUM_DAYS")),
            ("ROLE_NAME", None),
            ("PORT", None),
        ] {
            assert_eq!(lacks_an_underscore(key, &known).as_deref(), meant, "{key}");
        }
    }
}
