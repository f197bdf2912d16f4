//! The sink's outbox, kept in the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use doorward_core::Clock;
use doorward_ledger::{LEASE_TTL, Lease, Ledger, LedgerError, OutboxRow};
use doorward_model::AccountRegion;
use doorward_sink_securityhub::{Intent, Outbox, OutboxError, RecordState, Remembered};
use jiff::Timestamp;

use crate::exit::{Exit, Failure};
use crate::memory::failed;

/// A ledger under its lease, shared with whoever gives it back.
type Shared = Arc<Mutex<(Ledger, Option<Lease>)>>;

/// Reads and writes the ledger's outbox. The calls block for milliseconds.
pub(super) struct LedgerOutbox {
    shared: Shared,
    clock: Option<Clock>,
}

impl LedgerOutbox {
    /// For looking only.
    pub(super) fn reading(ledger: Ledger) -> Self {
        Self { shared: Arc::new(Mutex::new((ledger, None))), clock: None }
    }

    /// For delivering.
    pub(super) fn writing(shared: Shared, clock: Clock) -> Self {
        Self { shared, clock: Some(clock) }
    }

    fn read<T>(&self, act: impl FnOnce(&Ledger) -> Result<T, LedgerError>) -> Result<T, OutboxError> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        act(&shared.0).map_err(|e| OutboxError { verb: "read", problem: e.to_string() })
    }

    /// Writes, and holds on to the lease: deliveries may last longer than it does.
    fn write<T>(&self, act: impl FnOnce(&mut Ledger, &Lease) -> Result<T, LedgerError>) -> Result<T, OutboxError> {
        let refused = |problem: String| OutboxError { verb: "written", problem };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (ledger, Some(lease)) = &mut *shared else { return Err(refused("it was opened for reading".to_owned())) };
        if let Some(clock) = &self.clock {
            ledger.renew_lease(lease, clock(), LEASE_TTL).map_err(|e| refused(e.to_string()))?;
        }
        act(ledger, lease).map_err(|e| refused(e.to_string()))
    }
}

impl Outbox for LedgerOutbox {
    fn hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        self.read(Ledger::outbox_places)
    }

    fn remembered(&self, hub: &AccountRegion) -> Result<BTreeMap<String, Remembered>, OutboxError> {
        let rows = self.read(|ledger| ledger.outbox(hub))?;
        Ok(rows.into_iter().map(|(id, row)| (id, remembered(row))).collect())
    }

    fn document(&self, hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        self.read(|ledger| ledger.outbox_document(hub, id))
    }

    fn intend(&self, hub: &AccountRegion, intents: &[Intent]) -> Result<(), OutboxError> {
        let rows: Vec<OutboxRow> = intents.iter().map(|intent| row(&intent.row)).collect();
        let with_ids = intents.iter().zip(&rows);
        let entries = with_ids.map(|(intent, row)| (intent.id.as_str(), row, intent.document.as_str()));
        self.write(|ledger, lease| ledger.outbox_intend(lease, hub, entries))
    }

    fn acknowledge(
        &self,
        hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.write(|ledger, lease| ledger.outbox_acknowledge(lease, hub, accepted, at))
    }
}

/// Gives the lease back.
pub(super) fn release(shared: Shared) -> Result<(), Failure> {
    let busy = || Failure::new(Exit::Internal, "the ledger is still in use after the delivery");
    let (mut ledger, lease) =
        Arc::into_inner(shared).ok_or_else(busy)?.into_inner().unwrap_or_else(PoisonError::into_inner);
    lease.map_or(Ok(()), |lease| ledger.release_lease(lease).map_err(failed))
}

fn remembered(row: OutboxRow) -> Remembered {
    Remembered {
        subject: row.subject,
        balancer: row.balancer,
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

fn row(remembered: &Remembered) -> OutboxRow {
    OutboxRow {
        subject: remembered.subject.clone(),
        balancer: remembered.balancer.clone(),
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
