//! The earlier states of an example.

use doorward_fakeaws::{DESYNC_MODE, World};
use doorward_model::data_problem;
use jiff::Timestamp;
use serde::Deserialize;

use crate::ExampleError;

/// The earlier states of an example.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// Earlier scans, oldest first.
    #[serde(default)]
    pub scan: Vec<EarlierScan>,
    /// Names of load balancers without traffic; without any, the demo collects no daily metrics.
    #[serde(default)]
    pub idle: Vec<String>,
}

/// One earlier scan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierScan {
    /// When it was.
    pub at: Timestamp,
    /// Modes that differed from the current ones.
    #[serde(default)]
    modes: Vec<OldMode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldMode {
    account: String,
    region: String,
    name: String,
    mode: String,
}

/// Modes of the emulated world before an earlier state was put into it: one for each of its modes.
#[derive(Debug)]
pub struct PresentModes(Vec<Option<String>>);

impl Past {
    /// Reads `past.toml`.
    ///
    /// # Errors
    ///
    /// The text is not such a file.
    pub fn read(text: &str) -> Result<Self, ExampleError> {
        toml_edit::de::from_str(text).map_err(|e| ExampleError::file("past.toml", &data_problem(e.message())))
    }
}

impl EarlierScan {
    /// Puts the old modes into the emulated world.
    ///
    /// # Errors
    ///
    /// The world has no such load balancer.
    pub fn begin(&self, world: &World) -> Result<PresentModes, ExampleError> {
        let mut present = Vec::new();
        for old in &self.modes {
            present.push(world.attribute(&old.account, &old.region, &old.name, DESYNC_MODE));
            if !old.set(world, Some(&old.mode)) {
                let OldMode { account, region, name, .. } = old;
                let problem = format!("there is no load balancer {name} in {account} {region}");
                return Err(ExampleError::file("past.toml", &problem));
            }
        }
        Ok(PresentModes(present))
    }

    /// Puts the present modes back.
    pub fn end(&self, world: &World, present: PresentModes) {
        for (old, mode) in self.modes.iter().zip(present.0) {
            old.set(world, mode.as_deref());
        }
    }
}

impl OldMode {
    fn set(&self, world: &World, mode: Option<&str>) -> bool {
        world.set_attribute(&self.account, &self.region, &self.name, DESYNC_MODE, mode)
    }
}
