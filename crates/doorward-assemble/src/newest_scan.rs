//! The newest scan of the ledger, judged again by current criteria, with what events have shown since.

use std::path::Path;

use doorward_core::pipeline::apply_later_readings;
use doorward_ledger::{Ledger, RunRef};
use doorward_model::{ScanReport, is_ahead};
use jiff::Timestamp;

use crate::{AssembleError, Criteria, GivenEvidence, attribution, judge};

/// Judges the newest recorded scan, with the inputs that it was recorded with and what events have shown until `now`. `notices`
/// receives a warning if the scan is dated in the future.
///
/// # Errors
/// When the ledger cannot be read, holds no scan, or no longer holds the raw data of the newest one.
pub fn newest_scan(
    ledger: &Ledger,
    by: Criteria<'_>,
    given: GivenEvidence<'_>,
    now: Timestamp,
    notices: &dyn Fn(&str),
) -> Result<ScanReport, AssembleError> {
    let path = |path: &Path| path.to_owned();
    let runs = ledger.runs()?;
    let last = runs.last().ok_or_else(|| AssembleError::NoScan { ledger: path(ledger.path()) })?;
    // The newest is the one that was read last: a merged scan may be recorded after a later one.
    let run = if is_ahead(last.at, now) { last } else { newest_of(&runs, now).unwrap_or(last) };
    let inventory = ledger.inventory(&run.id)?;
    let mut inventory = inventory.ok_or_else(|| AssembleError::RawDataDropped { ledger: path(ledger.path()) })?;
    if is_ahead(run.at, now) {
        notices(&format!(
            "warning: the newest scan in the ledger is dated {}, which is in the future by this machine's clock: the \
             clock of this machine, or of the one that scanned, is wrong",
            run.at
        ));
    }
    apply_later_readings(&mut inventory.cells, ledger.looks_since(run.at, now)?);
    let mut inputs = match ledger.inputs(&run.id)? {
        Some(inputs) => inputs,
        // Recorded by a version that did not keep them: what is known today, and no traffic.
        None => attribution::known(ledger)?,
    };
    for (arn, of_event) in ledger.look_inputs_since(run.at)? {
        inputs.forget(&arn);
        inputs.extend(of_event);
    }
    let judged = judge(inventory, inputs, by, given)?;
    let history = ledger.remember(judged.without_history())?;
    Ok(judged.with_history(history))
}

/// The scan that was read last, of those that are not dated in the future.
fn newest_of(runs: &[RunRef], now: Timestamp) -> Option<&RunRef> {
    runs.iter().filter(|run| !is_ahead(run.at, now)).max_by_key(|run| run.at)
}
