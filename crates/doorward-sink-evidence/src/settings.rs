//! `[evidence]`: audit evidence.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Audit evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSettings {
    /// How many load balancers the sample draws.
    pub sample: usize,
    /// The seed it is drawn from: any text.
    pub seed: String,
    /// A file with the ed25519 key that signs packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_file: Option<PathBuf>,
    /// The environment variable that holds the key instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_variable: Option<String>,
}

impl EvidenceSettings {
    /// An error in the settings: the key and the problem.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if self.sample == 0 {
            return Some(("evidence.sample", "a sample of 0 load balancers shows nothing; use 1 or more".to_owned()));
        }
        let both = self.signing_key_file.is_some() && self.signing_key_variable.is_some();
        both.then(|| {
            (
                "evidence.signing_key_variable",
                "signing_key_file is set too, but a pack has one signature; remove one \
                 of the two"
                    .to_owned(),
            )
        })
    }
}
