//! The change journal, kept in the ledger.

use doorward_change::{Journal, JournalEntry, JournalError};
use doorward_ledger::{JournalRow, LeasedLedger};

/// Writes the journal.
pub(crate) struct LedgerJournal(pub(crate) LeasedLedger);

impl Journal for LedgerJournal {
    fn write(&self, change: &str, entry: &JournalEntry) -> Result<(), JournalError> {
        let unwritten = |problem: String| JournalError { verb: "written", problem };
        let document = serde_json::to_string(&entry).map_err(|e| unwritten(e.to_string()))?;
        let row = JournalRow { at: entry.at, load_balancer: entry.load_balancer.clone(), document };
        self.0.write(|ledger, lease| ledger.journal_append(lease, change, &row)).map_err(|e| unwritten(e.to_string()))
    }
}
