//! The settings of events.

use doorward_remote_file::{ObjectUrl, ObjectUrlError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sinks::Format;

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
    /// Where these outputs are copied after the scan: `s3://bucket/prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) copy_to: Option<String>,
}

impl EventSettings {
    /// The outputs of a scheduled scan.
    pub(crate) fn formats(&self) -> Result<Vec<Format>, String> {
        self.formats.iter().map(|format| format.parse()).collect()
    }

    /// Where the outputs of a scheduled scan are copied.
    pub(crate) fn copy_to(&self) -> Result<Option<ObjectUrl>, String> {
        self.copy_to.as_ref().map(|text| text.parse().map_err(|e: ObjectUrlError| e.to_string())).transpose()
    }

    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let wrong = |problem: String| Some(("event.formats", problem));
        if let Err(problem) = self.copy_to() {
            return Some(("event.copy_to", problem));
        }
        match self.formats() {
            Err(problem) => wrong(problem),
            Ok(formats) if formats.iter().any(Format::is_for_stdout) => {
                wrong("a scheduled scan cannot write to stdout; use KIND=PATH".to_owned())
            }
            Ok(_) => None,
        }
    }
}
