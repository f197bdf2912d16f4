//! The state of deliveries in the ledger.

use doorward_ledger::{DigestIntent, LeasedLedger, LedgerError};
use jiff::Timestamp;

use crate::delivery_store::{DeliveryStore, DeliveryStoreError, DigestState, StoredDigest};

/// Reads and writes the ledger's digests.
pub struct LedgerDeliveryStore(pub LeasedLedger);

fn unread(error: LedgerError) -> DeliveryStoreError {
    DeliveryStoreError { verb: "read", problem: error.to_string() }
}

fn unwritten(error: LedgerError) -> DeliveryStoreError {
    DeliveryStoreError { verb: "written", problem: error.to_string() }
}

fn inward(intent: DigestIntent) -> StoredDigest {
    StoredDigest { id: intent.id, state: intent.state, at: intent.at }
}

fn outward(intent: &StoredDigest) -> DigestIntent {
    DigestIntent { id: intent.id.clone(), state: intent.state.clone(), at: intent.at }
}

impl DeliveryStore for LedgerDeliveryStore {
    fn recall(&self, audience: &str, channel: &str) -> Result<DigestState, DeliveryStoreError> {
        let row = self.0.read(|ledger| ledger.digest(audience, channel)).map_err(unread)?;
        Ok(DigestState {
            delivered: row.delivered.map(inward),
            open: row.open.map(inward),
            attempts: row.attempts,
            failure: row.failure,
        })
    }

    fn intend(&self, audience: &str, channel: &str, intent: &StoredDigest) -> Result<(), DeliveryStoreError> {
        let intent = outward(intent);
        self.0.write(|ledger, lease| ledger.digest_intend(lease, audience, channel, &intent)).map_err(unwritten)
    }

    fn acknowledge(&self, audience: &str, channel: &str, id: &str, at: Timestamp) -> Result<(), DeliveryStoreError> {
        self.0.write(|ledger, lease| ledger.digest_acknowledge(lease, audience, channel, id, at)).map_err(unwritten)
    }

    fn fail(
        &self,
        audience: &str,
        channel: &str,
        open: Option<&StoredDigest>,
        reason: &str,
    ) -> Result<(), DeliveryStoreError> {
        let open = open.map(outward);
        let fail = |ledger: &mut doorward_ledger::Ledger, lease: &doorward_ledger::Lease| {
            ledger.digest_fail(lease, audience, channel, open.as_ref(), reason)
        };
        self.0.write(fail).map_err(unwritten)
    }
}
