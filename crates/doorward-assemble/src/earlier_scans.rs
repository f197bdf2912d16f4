//! The earlier scans of the ledger, as reports show them.

use doorward_ledger::{FigureGroup, Ledger, LedgerError, RunSummary};
use doorward_model::{HistoryContext, KpiGrouping, KpiRow, PreviousRun, RemediationFigures, ScanReport};
use jiff::Timestamp;

use crate::{AssembleError, RecorderSettings, attribution, change_effects, owner_series};

/// The most scans of a trend: a month of two scans a day.
const TREND: usize = 60;

/// The knowledge of a ledger about earlier scans, after a scan is recorded in it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn known(ledger: &Ledger, scan: &ScanReport, settings: &RecorderSettings) -> Result<HistoryContext, AssembleError> {
    let run = &scan.run.id;
    let runs = ledger.history(None, None, &FigureGroup::All)?;
    let here = runs.iter().position(|known| known.run.id == *run);
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
    let kpis = kpis(ledger, settings)?;
    let remediation = kpis.first().map(|KpiRow { kpi, .. }| RemediationFigures {
        remediated: kpi.time_to_remediate.count,
        mean_seconds: kpi.time_to_remediate.mean.map(|mean| mean.as_secs()),
        oldest_open: kpi.oldest_open,
    });
    let effects = (settings.watch.as_ref())
        .map(|watch| change_effects::of(ledger, Timestamp::UNIX_EPOCH, scan.run.finished, watch))
        .transpose()?;
    Ok(HistoryContext {
        trend,
        before: before.transpose()?,
        modes: Some(modes),
        remediation,
        kpis: Some(kpis),
        effects,
        daily: owner_series::of(ledger, scan)?,
        attribute_changes: Some(attribution::attribute_changes(ledger)?),
    })
}

/// The key figures of everything that the ledger knows: in total first, then by each grouping.
fn kpis(ledger: &Ledger, settings: &RecorderSettings) -> Result<Vec<KpiRow>, LedgerError> {
    let centres = settings.cost_centre().map(|keys| (KpiGrouping::CostCentre, FigureGroup::Tag(keys)));
    let groupings = [
        (KpiGrouping::All, FigureGroup::All),
        (KpiGrouping::Owner, FigureGroup::Owner),
        (KpiGrouping::Ou, FigureGroup::Ou),
        (KpiGrouping::Severity, FigureGroup::Severity),
        (KpiGrouping::Rule, FigureGroup::Rule),
    ];
    let mut rows = Vec::new();
    for (grouping, by) in groupings.into_iter().chain(centres) {
        let figures = match ledger.kpis(None, None, &by) {
            Ok(figures) => figures,
            // No scan was recorded since the tags were named.
            Err(LedgerError::UngroupedTag { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        rows.extend(figures.into_iter().map(|mut kpi| {
            // The name that every report has for it.
            if grouping == KpiGrouping::CostCentre && kpi.group.as_deref() == Some("(untagged)") {
                kpi.group = Some("(none)".to_owned());
            }
            KpiRow { by: grouping, kpi }
        }));
    }
    Ok(rows)
}
