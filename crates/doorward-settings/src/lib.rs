//! Settings in layers: the embedded default, the settings file, environment variables, and flags, each over the one before.
//!
//! [`Layers`] merges them with figment and knows which layer set a value, so that every error and `doorward config show --origin`
//! name the flag, the variable, or the file and line. [`variable`] reads environment variables as Doorward understands them.
//!
//! What it deliberately does not do: know the settings themselves (a [`Schema`] describes them), or check what a value means.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

mod commented_template;
mod diagnostics;
mod environment;
mod flag_value;
mod origin;
mod settings_file;
mod unknown_value;
pub mod variable;

pub use commented_template::commented;
pub use diagnostics::{SettingsError, nearest};
pub use environment::doubtful;
pub use flag_value::{number, whole_number, whole_number_within};
pub use settings_file::{found_elsewhere, locate};
pub use unknown_value::unknown_value;

use environment::EnvironmentLayer;
use settings_file::SettingsFile;

/// A flag as a setting: the dotted key and the value.
pub type Override = (String, Value);

/// The settings of a program.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The default as TOML; every key that has a default is in it.
    pub default: &'static str,
    /// Makes the JSON schema of all settings.
    pub schema: fn() -> schemars::Schema,
}

/// The merged layers and the settings file among them.
pub struct Layers {
    default: &'static str,
    figment: Figment,
    /// The settings file, with its text.
    file: Option<(PathBuf, String)>,
    /// Dotted keys that environment variables set.
    variables: Vec<String>,
    /// Dotted keys that flags set.
    flags: Vec<String>,
}

/// The layer that set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// A flag of the command line.
    Flag,
    /// The environment variable with this name.
    Variable(String),
    /// A line of the settings file, counted from 1.
    Line(PathBuf, usize),
    /// The embedded default.
    Default,
}

impl Layers {
    /// Merges the default, the settings file that `config` names or that is found, the environment and the flags.
    ///
    /// # Errors
    ///
    /// The settings file cannot be read, may not be used, or is not TOML; a variable cannot be a setting.
    pub fn find(settings: Schema, config: Option<&Path>, overrides: &[Override]) -> Result<Self, SettingsError> {
        let mut figment = Figment::from(Toml::string(settings.default));
        let mut file = None;
        if let Some(found) = SettingsFile::find(config) {
            let text = found.text()?;
            diagnostics::syntax(&found.path, &text)?;
            figment = figment.merge(Toml::string(&text));
            file = Some((found.path, text));
        }
        let environment = EnvironmentLayer::read(settings)?;
        let variables = environment.keys().map(str::to_owned).collect();
        figment = figment.merge(environment);
        for (key, value) in overrides {
            figment = figment.merge(environment::Flag(key.clone(), value.clone()));
        }
        let flags = overrides.iter().map(|(key, _)| key.clone()).collect();
        Ok(Self { default: settings.default, figment, file, variables, flags })
    }

    /// Flags over values that are known already, for example those of a saved scan.
    pub fn over(values: &impl Serialize, flags: &[Override]) -> Self {
        let saved = Figment::from(Serialized::defaults(values));
        let figment =
            flags.iter().fold(saved, |all, (key, value)| all.merge(environment::Flag(key.clone(), value.clone())));
        let flags = flags.iter().map(|(key, _)| key.clone()).collect();
        Self { default: "", figment, file: None, variables: Vec::new(), flags }
    }

    /// The merged settings.
    ///
    /// # Errors
    ///
    /// A setting does not exist, is missing, or has a value of another kind.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        self.figment.extract().map_err(|error| diagnostics::explain(&error, self))
    }

    /// The error of a value that parses but cannot be used.
    pub fn wrong(&self, key: &str, problem: &str) -> SettingsError {
        diagnostics::wrong(key, problem, self)
    }

    /// The path of the settings file, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// A path that the settings hold under a key: one that the settings file names is relative to the folder of that file.
    pub fn resolve(&self, key: &str, path: &Path) -> PathBuf {
        match self.source(key) {
            SettingSource::Line(settings_file, _) => beside(&settings_file, path),
            _ => path.to_owned(),
        }
    }

    /// The layer that set a dotted key. A key inside a list belongs to the layer that set the list.
    pub fn source(&self, key: &str) -> SettingSource {
        let covering = |keys: &[String]| {
            keys.iter()
                .find(|set| key == set.as_str() || key.strip_prefix(set.as_str()).is_some_and(|r| r.starts_with('.')))
                .cloned()
        };
        if covering(&self.flags).is_some() {
            return SettingSource::Flag;
        }
        let below = || {
            let inside = |set: &&String| set.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
            self.variables.iter().find(inside).cloned()
        };
        if let Some(key) = covering(&self.variables).or_else(below) {
            return SettingSource::Variable(EnvironmentLayer::variable(&key));
        }
        let line = self.file.as_ref().and_then(|(path, text)| Some((path.clone(), diagnostics::line(text, key)?)));
        line.map_or(SettingSource::Default, |(path, line)| SettingSource::Line(path, line))
    }
}

/// The path of a relative path that a settings file names: relative to the file's folder.
fn beside(settings_file: &Path, path: &Path) -> PathBuf {
    match settings_file.parent() {
        Some(folder) if path.is_relative() => folder.join(path),
        _ => path.to_owned(),
    }
}
