//! `[reports.NAME]`: the plugins.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use doorward_aws::settings::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The plugins, by the name that `--format` has for them.
pub type PluginsSettings = BTreeMap<String, PluginSettings>;

/// The longest name of a plugin, in characters.
const LONGEST_NAME: usize = 32;

/// A program that writes an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSettings {
    /// The program by its absolute path, then its arguments, as they are. No shell is involved.
    pub command: Vec<String>,
    /// The SHA-256 of the program in hexadecimal digits. A program with another one is not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Environment variables that it may see; it sees no others.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// How long a delivery may take, with all tries.
    #[serde(default = "five_minutes")]
    pub timeout: Span,
    /// How often a plugin that asks for another try later (exit code 75) is asked within the timeout.
    #[serde(default = "three")]
    pub tries: u32,
    /// Whether findings say what changed since the last delivery. Needs the ledger.
    #[serde(default)]
    pub delta: bool,
    /// The plugin's own configuration, which it reads from stdin. Put secrets into variables and name those in `pass_env`.
    #[serde(default)]
    pub config: Map<String, Value>,
}

fn five_minutes() -> Span {
    Span(Duration::from_secs(300))
}

fn three() -> u32 {
    3
}

impl PluginSettings {
    /// The key within the section and the problem of a value that cannot be used. `taken` are the names of built-in outputs.
    pub fn problem(name: &str, settings: &Self, taken: &[&str]) -> Option<(&'static str, String)> {
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !starts || !fits || name.len() > LONGEST_NAME {
            let rule = format!(
                "use a lower-case letter, then lower-case letters, digits and -, at most \
                 {LONGEST_NAME} characters"
            );
            return Some(("", format!("{name:?} is not a valid name of a plugin; {rule}")));
        }
        if taken.contains(&name) {
            return Some(("", format!("{name} is a built-in output; give the plugin another name")));
        }
        let Some(program) = settings.command.first() else {
            return Some(("command", "names no program".to_owned()));
        };
        if !Path::new(program).is_absolute() {
            return Some(("command", format!("{program:?} is not an absolute path; plugins are not searched for")));
        }
        let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if settings.sha256.as_ref().is_some_and(|text| !is_hash(text)) {
            return Some(("sha256", "is not 64 hexadecimal digits".to_owned()));
        }
        if settings.tries == 0 {
            return Some(("tries", "with 0 tries nothing is ever delivered; use 1 or more".to_owned()));
        }
        None
    }
}
