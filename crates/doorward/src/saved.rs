//! A saved scan: the raw inventory, with the settings it was judged by.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_core::normalize::NormalizeSettings;
use doorward_model::{Inventory, Policy};

use crate::exit::{Exit, Failure};
use crate::output::write_file;
use crate::settings::{ReportSettings, Settings};

/// The name of the format, so that a stranger knows what the file is.
const FORMAT: &str = "doorward-scan-v1";

/// What `--save` writes and `report --from` reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Saved {
    /// `doorward-scan-v1`.
    pub(crate) format: String,
    /// How tags were read.
    pub(crate) normalize: NormalizeSettings,
    /// What was demanded.
    pub(crate) policy: Policy,
    /// When the report was bad news.
    pub(crate) report: ReportSettings,
    /// The exit code of the signal that stopped the scan, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<u8>,
    /// What was seen.
    pub(crate) inventory: Inventory,
}

/// Writes a scan. Borrows everything, because a large organization should not be in memory twice.
pub(crate) fn write(
    path: &Path,
    inventory: &Inventory,
    settings: &Settings,
    stopped: Option<Exit>,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        format: &'static str,
        normalize: NormalizeSettings,
        policy: &'a Policy,
        report: &'a ReportSettings,
        #[serde(skip_serializing_if = "Option::is_none")]
        stopped: Option<u8>,
        inventory: &'a Inventory,
    }
    let saved = Borrowed {
        format: FORMAT,
        normalize: settings.normalize(),
        policy: &settings.policy,
        report: &settings.report,
        stopped: stopped.map(Exit::code),
        inventory,
    };
    write_file(path, |out| Ok(serde_json::to_writer(out, &saved)?))
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))
}

/// Reads a scan back.
pub(crate) fn read(path: &Path) -> Result<Saved, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let file = File::open(path).map_err(|e| usage(format!("the saved scan cannot be read: {e}")))?;
    let saved: Saved = serde_json::from_reader(BufReader::new(file))
        .map_err(|e| usage(format!("not a saved scan of this version: {e}")))?;
    if saved.format != FORMAT {
        return Err(usage(format!("its format is {:?}, this version reads {FORMAT}", saved.format)));
    }
    saved.inventory.check().map_err(|e| usage(format!("the saved scan does not add up: {e}")))?;
    Ok(saved)
}
