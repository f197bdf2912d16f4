//! What is done about events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::output::Format;

/// Events, and the scans by schedule of a function that serves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSettings {
    /// Whether Security Hub is told: at an event of its load balancer, at a scheduled scan of everything.
    pub(crate) publish: bool,
    /// Whether owners are told, likewise.
    pub(crate) notify: bool,
    /// What a scheduled scan writes, as `--format` says it, each to a file or a folder.
    pub(crate) formats: Vec<String>,
}

impl EventSettings {
    /// What a scheduled scan writes.
    pub(crate) fn formats(&self) -> Result<Vec<Format>, String> {
        self.formats.iter().map(|format| format.parse()).collect()
    }

    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let wrong = |problem: String| Some(("event.formats", problem));
        match self.formats() {
            Err(problem) => wrong(problem),
            Ok(formats) if formats.iter().any(Format::is_for_stdout) => {
                wrong("a scheduled scan has nobody who reads its stdout: write KIND=PATH".to_owned())
            }
            Ok(_) => None,
        }
    }
}
