//! The change journal, kept in the ledger.

use doorward_change::{ChangeState, Entry, Event, Journal, JournalError, Plan};
use doorward_ledger::{JournalRow, Ledger};
use doorward_model::Arn;

use crate::exit::{Exit, Failure};
use crate::held::Held;
use crate::memory::failed;
use crate::touched::Changes;

/// Writes the journal to the ledger.
pub(super) struct LedgerJournal(pub(super) Held);

impl Journal for LedgerJournal {
    fn write(&self, change: &str, entry: &Entry) -> Result<(), JournalError> {
        let unwritten = |problem: String| JournalError { verb: "written", problem };
        let document = serde_json::to_string(&entry).map_err(|e| unwritten(e.to_string()))?;
        let balancer = entry.balancer.as_ref().map(|arn| arn.as_str().to_owned());
        let row = JournalRow { at: entry.at, balancer, document };
        self.0.write(|ledger, lease| ledger.journal_append(lease, change, &row)).map_err(unwritten)
    }
}

/// The state of a change; none if the ledger does not contain it.
pub(super) fn state(ledger: &Ledger, change: &str) -> Result<Option<ChangeState>, Failure> {
    let damaged = |what: &str, e: String| {
        let path = ledger.path().display();
        Failure::new(Exit::Sink, format!("{path}: the {what} of {change} cannot be read: {e}"))
    };
    let Some(plan) = ledger.journal_plan(change).map_err(failed)? else { return Ok(None) };
    let plan = Plan::read(&plan).map_err(|e| damaged("plan", e.to_string()))?;
    let rows = ledger.journal(change).map_err(failed)?;
    let entries = rows.iter().map(|row| serde_json::from_str::<Entry>(&row.document));
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>().map_err(|e| damaged("journal", e.to_string()))?;
    Ok(Some(ChangeState::of(plan, entries)))
}

/// The change of Doorward's that made a call, by AWS's request id.
pub(crate) fn maker(ledger: &Ledger, arn: &Arn, request: &str) -> Result<Option<String>, Failure> {
    for (change, _) in ledger.journal_changes().map_err(failed)? {
        for row in ledger.journal(&change).map_err(failed)? {
            if row.balancer.as_deref() != Some(arn.as_str()) {
                continue;
            }
            // An entry of another version is an error when its change is read; here it is only no known call.
            let Ok(entry) = serde_json::from_str::<Entry>(&row.document) else { continue };
            if let Event::Changed { request_id: Some(id) } | Event::Restored { request_id: Some(id) } = entry.event
                && id == request
            {
                return Ok(Some(change));
            }
        }
    }
    Ok(None)
}

/// All changes by load balancer, the oldest first.
pub(crate) fn changes(ledger: &Ledger) -> Result<Changes, Failure> {
    let mut all = Changes::new();
    for (change, _) in ledger.journal_changes().map_err(failed)? {
        let Some(state) = state(ledger, &change)? else { continue };
        for (arn, applied) in state.applied() {
            all.entry(arn).or_default().push(applied);
        }
    }
    all.values_mut().for_each(|changes| changes.sort_by(|a, b| (a.at, &a.change).cmp(&(b.at, &b.change))));
    Ok(all)
}
