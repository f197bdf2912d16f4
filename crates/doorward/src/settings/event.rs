//! The settings of events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_outputs::Format;

/// Events, and the scans by schedule of a function that serves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSettings {
    /// Whether to send findings to Security Hub: of the load balancer of an event, and all of a scheduled scan.
    pub(crate) publish: bool,
    /// Whether to notify owners, likewise.
    pub(crate) notify: bool,
    /// The outputs of a scheduled scan, as values of `--format`, each with a file or a folder.
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
                wrong("a scheduled scan cannot write to stdout; use KIND=PATH".to_owned())
            }
            Ok(_) => None,
        }
    }
}
