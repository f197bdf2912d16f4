//! The earlier scans of the ledger, as reports show them.

use doorward_ledger::{By, Ledger, LedgerError, RunSummary};
use doorward_model::{HistoryContext, PreviousRun, RemediationFigures};
use jiff::Timestamp;

use crate::{AssembleError, attribution};

/// The most scans of a trend: a month of two scans a day.
const TREND: usize = 60;

/// What a ledger knows of earlier scans, once `run` is recorded in it.
pub(crate) fn known(ledger: &Ledger, run: &str) -> Result<HistoryContext, AssembleError> {
    let runs = ledger.history(None, None, &By::All)?;
    let here = runs.iter().position(|known| known.run.id == run);
    let until = here.map_or(runs.len(), |here| here + 1);
    let from = until.saturating_sub(TREND);
    let trend = runs.get(from..until).unwrap_or_default().iter().map(RunSummary::point).collect();
    // All of them: the period of a pack of evidence may be longer than the trend.
    let modes = ledger.mode_changes(Timestamp::UNIX_EPOCH)?;
    let before = here.and_then(|here| here.checked_sub(1)).and_then(|index| runs.get(index));
    let before = before.map(|before| -> Result<PreviousRun, LedgerError> {
        let changes = ledger.diff(&before.run.id, run)?.changes();
        Ok(PreviousRun { run: before.run.id.clone(), at: before.run.at, changes })
    });
    let kpis = ledger.kpis(None, None, &By::All)?;
    let remediation = kpis.first().map(|kpi| RemediationFigures {
        remediated: kpi.time_to_remediate.count,
        mean_seconds: kpi.time_to_remediate.mean.map(|mean| mean.as_secs()),
        oldest_open: kpi.oldest_open,
    });
    let attribute_changes = Some(attribution::attribute_changes(ledger)?);
    Ok(HistoryContext { trend, before: before.transpose()?, modes: Some(modes), remediation, attribute_changes })
}
