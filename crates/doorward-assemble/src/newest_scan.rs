//! The newest scan of the ledger, judged again by current criteria, with what events have shown since.

use std::path::Path;

use doorward_core::pipeline::apply_later_readings;
use doorward_ledger::Ledger;
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
    let run = runs.last().ok_or_else(|| AssembleError::NoScan { ledger: path(ledger.path()) })?;
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
