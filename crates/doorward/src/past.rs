//! What the ledger remembered when a scan was recorded, as far as reports tell it. It is saved with the scan, so that a report
//! of it is the same for ever.

use doorward_ledger::{By, Ledger, LedgerError, RunSummary};
use doorward_model::{ModeTransition, PreviousRun, RunPoint};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many scans a trend goes back.
const TREND: usize = 60;

/// The scans before, and what changed since the last of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Past {
    /// What each recorded scan counted, oldest first, this one included.
    pub(crate) trend: Vec<RunPoint>,
    /// The scan before this one and what changed since; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<PreviousRun>,
    /// What modes changed since the first recorded scan, oldest first. Absent where no ledger was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modes: Option<Vec<ModeTransition>>,
}

impl Past {
    /// What a ledger knows, once `run` is recorded in it.
    pub(crate) fn of(ledger: &Ledger, run: &str) -> Result<Self, LedgerError> {
        let runs = ledger.history(None, None, &By::All)?;
        let here = runs.iter().position(|known| known.run.id == run);
        let until = here.map_or(runs.len(), |here| here + 1);
        let from = until.saturating_sub(TREND);
        let trend = runs.get(from..until).unwrap_or_default().iter().map(RunSummary::point).collect();
        // All of them: the period of a pack of evidence may be longer than the trend.
        let modes = ledger.mode_changes(Timestamp::UNIX_EPOCH)?;
        let before = here.and_then(|here| here.checked_sub(1)).and_then(|index| runs.get(index));
        let before = before.map(|before| {
            let changes = ledger.diff(&before.run.id, run)?.changes();
            Ok(PreviousRun { run: before.run.id.clone(), at: before.run.at, changes })
        });
        Ok(Self { trend, before: before.transpose()?, modes: Some(modes) })
    }
}
