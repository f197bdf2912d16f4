//! The settings of `doorward event`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sinks::Format;

/// Events, and the scans by schedule of a function that serves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSettings {
    /// Whether the result is delivered to Security Hub: of an event its load balancer, of a scheduled scan everything.
    pub(crate) publish: bool,
    /// Whether owners are notified, likewise.
    pub(crate) notify: bool,
    /// What a scheduled scan writes, as for `--format`, each to a file or a folder.
    pub(crate) formats: Vec<String>,
}

impl EventSettings {
    /// The outputs of a scheduled scan.
    pub(crate) fn formats(&self) -> Result<Vec<Format>, String> {
        self.formats.iter().map(|format| format.parse()).collect()
    }

    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let wrong = |problem: String| Some(("event.formats", problem));
        match self.formats() {
            Err(problem) => wrong(problem),
            Ok(formats) if formats.iter().any(Format::is_for_stdout) => {
                wrong("scheduled scans cannot write to stdout: write KIND=PATH".to_owned())
            }
            Ok(_) => None,
        }
    }
}
