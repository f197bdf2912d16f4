//! The outbox in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use doorward_ledger::{LeasedLedger, Ledger, LedgerError, OutboxRow};
use doorward_model::AccountRegion;
use jiff::Timestamp;

use crate::outbox::{FindingIntent, Outbox, OutboxError, RecordState, SentFinding};

/// Reads and writes the ledger's outbox.
pub struct LedgerOutbox(pub LeasedLedger);

fn unread(error: LedgerError) -> OutboxError {
    OutboxError { verb: "read", problem: error.to_string() }
}

fn unwritten(error: LedgerError) -> OutboxError {
    OutboxError { verb: "written", problem: error.to_string() }
}

impl Outbox for LedgerOutbox {
    fn security_hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        self.0.read(Ledger::outbox_places).map_err(unread)
    }

    fn remembered(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, SentFinding>, OutboxError> {
        let rows = self.0.read(|ledger| ledger.outbox(security_hub)).map_err(unread)?;
        Ok(rows.into_iter().map(|(id, row)| (id, remembered(row))).collect())
    }

    fn document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        self.0.read(|ledger| ledger.outbox_document(security_hub, id)).map_err(unread)
    }

    fn intend(&self, security_hub: &AccountRegion, intents: &[FindingIntent]) -> Result<(), OutboxError> {
        let rows: Vec<OutboxRow> = intents.iter().map(|intent| row(&intent.row)).collect();
        let with_ids = intents.iter().zip(&rows);
        let entries = with_ids.map(|(intent, row)| (intent.id.as_str(), row, intent.document.as_str()));
        self.0.write(|ledger, lease| ledger.outbox_intend(lease, security_hub, entries)).map_err(unwritten)
    }

    fn acknowledge(
        &self,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.0.write(|ledger, lease| ledger.outbox_acknowledge(lease, security_hub, accepted, at)).map_err(unwritten)
    }
}

fn remembered(row: OutboxRow) -> SentFinding {
    SentFinding {
        subject: row.subject,
        load_balancer: row.load_balancer,
        rule: row.rule,
        content: row.content,
        created_at: row.created_at,
        first_observed_at: row.first_observed_at,
        updated_at: row.updated_at,
        observed_at: row.observed_at,
        accepted_at: row.accepted_at,
        state: if row.archived { RecordState::Archived } else { RecordState::Active },
        acknowledged: row.acknowledged,
        attempts: row.attempts,
    }
}

fn row(remembered: &SentFinding) -> OutboxRow {
    OutboxRow {
        subject: remembered.subject.clone(),
        load_balancer: remembered.load_balancer.clone(),
        rule: remembered.rule.clone(),
        content: remembered.content.clone(),
        created_at: remembered.created_at,
        first_observed_at: remembered.first_observed_at,
        updated_at: remembered.updated_at,
        observed_at: remembered.observed_at,
        accepted_at: remembered.accepted_at,
        archived: remembered.state == RecordState::Archived,
        acknowledged: remembered.acknowledged,
        attempts: remembered.attempts,
    }
}
