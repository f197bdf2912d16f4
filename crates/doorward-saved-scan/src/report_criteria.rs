//! The settings that decide what a report says and how it is written.

use doorward_core::normalize::NormalizeSettings;
use doorward_model::{Policy, ReportSettings};
use doorward_outputs::SinkSettings;
use serde::{Deserialize, Serialize};

use crate::ExceptionTexts;

/// The settings that decide what a report says and how it is written: the current ones, or those of a saved scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportCriteria {
    /// How tags are read.
    pub normalize: NormalizeSettings,
    /// The policy.
    pub policy: Policy,
    /// The exceptions.
    pub exceptions: ExceptionTexts,
    /// Which reports change the exit code.
    pub report: ReportSettings,
    /// The settings of the sinks.
    pub sinks: SinkSettings,
    /// All settings as text, without secrets.
    pub settings: String,
}
