//! Flags that override the settings which were saved with a scan.

use figment::Figment;
use figment::providers::Serialized;
use serde::{Deserialize, Serialize};

use super::environment::Flag;
use super::{Layers, Override, ReportSettings, SettingsError, diagnostics};
use doorward_sink_evidence::EvidenceSettings;

/// The saved settings that flags may override.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Overridable {
    pub(crate) report: ReportSettings,
    pub(crate) evidence: EvidenceSettings,
}

impl Overridable {
    /// Merges the flags, as dotted keys, and checks the result.
    pub(crate) fn with_flags(self, flags: &[Override]) -> Result<Self, SettingsError> {
        let saved = Figment::from(Serialized::defaults(&self));
        let figment = flags.iter().fold(saved, |all, (key, value)| all.merge(Flag(key.clone(), value.clone())));
        let keys = flags.iter().map(|(key, _)| key.clone()).collect();
        let layers = Layers { figment, file: None, variables: Vec::new(), flags: keys };
        let mut merged: Self = layers.figment.extract().map_err(|error| diagnostics::explain(&error, &layers))?;
        layers.choose_signing_key(&mut merged.evidence);
        match merged.report.problem().or_else(|| merged.evidence.problem()) {
            Some((key, problem)) => Err(diagnostics::wrong(key, &problem, &layers)),
            None => Ok(merged),
        }
    }
}
