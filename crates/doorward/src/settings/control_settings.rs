//! `[controls]`: the files that map further frameworks to rules.

use std::path::PathBuf;

use doorward_model::Frameworks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Frameworks of controls besides those that come with Doorward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlSettings {
    /// The files that map their controls to rules; relative to the settings file that names them.
    pub(crate) files: Vec<PathBuf>,
    /// What the files hold.
    #[serde(skip)]
    pub(crate) frameworks: Frameworks,
}

impl ControlSettings {
    /// Reads the files. The failure lists every error with file and line.
    pub(crate) fn read(&mut self) -> Result<(), String> {
        let mut texts = Vec::new();
        for path in &self.files {
            let label = path.display().to_string();
            let text = doorward_file::input::text(path)
                .map_err(|e| format!("{label}: the mapping of controls (controls.files) cannot be read: {e}"))?;
            texts.push((label, text));
        }
        let rules: Vec<&str> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
        self.frameworks = Frameworks::read(&texts, &rules)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        Ok(())
    }
}
