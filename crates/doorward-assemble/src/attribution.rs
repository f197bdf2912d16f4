//! What the ledger knows of who set modes: changes of Doorward's own, from their journal, and edits of others, from events.

use std::collections::BTreeMap;

use doorward_change::{AppliedStep, ChangeState, Event, JournalEntry, Plan};
use doorward_ledger::Ledger;
use doorward_model::{AppliedChange, Arn, AttributeChange, Inputs};

use crate::AssembleError;

/// The attribution that a ledger holds by now, as inputs of the pipeline.
///
/// # Errors
/// When the ledger cannot be read, or a change in it cannot be parsed.
pub fn known(ledger: &Ledger) -> Result<Inputs, AssembleError> {
    let edits = ledger.edits()?.into_iter().collect();
    Ok(Inputs { changes: changes(ledger)?, edits, tracked: ledger.tracked_sources()?, ..Inputs::default() })
}

/// The state of a change; none if the ledger does not know it.
///
/// # Errors
/// As [`known`].
pub fn state(ledger: &Ledger, change: &str) -> Result<Option<ChangeState>, AssembleError> {
    let damaged = |part: &'static str, problem: String| AssembleError::Change {
        ledger: ledger.path().to_owned(),
        part,
        change: change.to_owned(),
        problem,
    };
    let Some(plan) = ledger.journal_plan(change)? else { return Ok(None) };
    let plan = Plan::read(&plan).map_err(|e| damaged("plan", e.to_string()))?;
    let rows = ledger.journal(change)?;
    let entries = rows.iter().map(|row| serde_json::from_str::<JournalEntry>(&row.document));
    let entries: Vec<JournalEntry> =
        entries.collect::<Result<_, _>>().map_err(|e| damaged("journal", e.to_string()))?;
    Ok(Some(ChangeState::of(plan, entries)))
}

/// The change that made a call, by AWS's id of the request; none if Doorward did not make it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn maker(ledger: &Ledger, arn: &Arn, request: &str) -> Result<Option<String>, AssembleError> {
    for (change, _) in ledger.journal_changes()? {
        for row in ledger.journal(&change)? {
            if row.load_balancer.as_ref() != Some(arn) {
                continue;
            }
            // An entry of another version is reported where its change is read; here its call is not known.
            let Ok(entry) = serde_json::from_str::<JournalEntry>(&row.document) else { continue };
            if let Event::Changed { request_id: Some(id) } | Event::Restored { request_id: Some(id) } = entry.event
                && id == request
            {
                return Ok(Some(change));
            }
        }
    }
    Ok(None)
}

/// Doorward's changes by load balancer, the oldest first.
fn changes(ledger: &Ledger) -> Result<BTreeMap<Arn, Vec<AppliedChange>>, AssembleError> {
    let mut all: BTreeMap<Arn, Vec<AppliedChange>> = BTreeMap::new();
    for (change, _) in ledger.journal_changes()? {
        let Some(state) = state(ledger, &change)? else { continue };
        for (arn, applied) in state.applied() {
            all.entry(arn).or_default().push(applied);
        }
    }
    all.values_mut().for_each(|changes| changes.sort_by(|a, b| (a.at, &a.change).cmp(&(b.at, &b.change))));
    Ok(all)
}

/// Doorward's changes of other attributes than the mode, the oldest first.
pub(crate) fn attribute_changes(ledger: &Ledger) -> Result<Vec<AttributeChange>, AssembleError> {
    let mut all = Vec::new();
    for (change, _) in ledger.journal_changes()? {
        let Some(state) = state(ledger, &change)? else { continue };
        all.extend(state.applied_steps().into_iter().filter_map(AppliedStep::of_another_attribute));
    }
    all.sort_by(|a, b| (a.at, &a.change, &a.load_balancer).cmp(&(b.at, &b.change, &b.load_balancer)));
    Ok(all)
}
