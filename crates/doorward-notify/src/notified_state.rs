//! What an audience knows, or may know: the state of each of its findings in its last digest.

use std::collections::BTreeMap;

use doorward_model::{Arn, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a finding that is not as required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum DigestStanding {
    /// It fails.
    Failing {
        /// Its severity.
        severity: Severity,
    },
    /// It fails, and an exception permits it until a date.
    Excepted {
        /// Its severity without the exception.
        severity: Severity,
        /// The exception's id in the register.
        exception: String,
        /// The last day on which it holds, `YYYY-MM-DD`.
        expires: String,
    },
}

impl DigestStanding {
    /// Its severity, or the one without the exception.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Failing { severity } | Self::Excepted { severity, .. } => *severity,
        }
    }
}

/// Why something is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Due {
    /// Its exception ends soon, or has ended.
    ExceptionEnds {
        /// The last day on which it holds, as the register has it.
        on: String,
    },
    /// It has been failing for longer than its severity may.
    Overdue {
        /// The age in days from which it is.
        after_days: u32,
    },
}

/// A finding that is not fine: what passes is not in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigestEntry {
    pub(crate) arn: Arn,
    pub(crate) rule: String,
    /// The load balancer's name.
    pub(crate) name: String,
    /// The owner as the report named it.
    pub(crate) owner: String,
    /// As last seen; absent where it was never observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<DigestStanding>,
    /// Whether it could not be read since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unseen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Due>,
}

impl DigestEntry {
    /// The same for an audience that a report about something else says nothing to. Where a later digest may have
    /// arrived, the state that the audience knows is unknown, so the next report that observes the finding repeats it.
    pub(crate) fn carried(&self, believed: Option<&Self>) -> Self {
        let in_doubt = believed.is_some_and(|believed| believed != self);
        Self { unseen: self.unseen || in_doubt, ..self.clone() }
    }
}

/// Entries by finding id.
pub(crate) type Entries = BTreeMap<String, DigestEntry>;

/// What an audience knows after one digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotifiedState {
    /// Everything that is not fine.
    pub(crate) entries: Entries,
    /// What digests said that may or may not have arrived, this one included, as the audience may believe it. All of it is
    /// repeated until a digest is known to have arrived.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) uncertain: Entries,
}

impl NotifiedState {
    /// As text for the memory.
    ///
    /// # Errors
    /// None that a snapshot of ours could cause; serialization may fail in principle.
    pub(crate) fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// When the text is not a snapshot.
    pub(crate) fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
