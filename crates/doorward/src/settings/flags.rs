//! Flags that override the settings which were saved with a scan.

use doorward_model::ReportSettings;
use doorward_settings::{Layers, Override, SettingsError};
use doorward_sink_evidence::EvidenceSettings;
use serde::{Deserialize, Serialize};

use super::choose_signing_key;

/// The saved settings that flags may override.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Overridable {
    pub(crate) report: ReportSettings,
    pub(crate) evidence: EvidenceSettings,
}

impl Overridable {
    /// Merges the flags, as dotted keys, and checks the result.
    pub(crate) fn with_flags(self, flags: &[Override]) -> Result<Self, SettingsError> {
        let layers = Layers::over(&self, flags);
        let mut merged: Self = layers.extract()?;
        choose_signing_key(&layers, &mut merged.evidence);
        match merged.report.problem().or_else(|| merged.evidence.problem()) {
            Some((key, problem)) => Err(layers.wrong(key, &problem)),
            None => Ok(merged),
        }
    }
}
