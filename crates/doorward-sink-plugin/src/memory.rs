//! What the ledger remembers of deliveries to plugins: the last that arrived, one that may have arrived, and the content of its findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_ledger::{DigestIntent, LeasedLedger, LedgerError};
use doorward_model::{SinkError, SinkFuture};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Opens the ledger under its lease.
pub type OpenLedger<'a> = Arc<dyn Fn() -> SinkFuture<'a, LeasedLedger> + Send + Sync + 'a>;

/// The content hash of every finding of a delivery, by the finding's id; empty where the plugin did not ask for changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveredFindings {
    pub(crate) hashes: BTreeMap<String, String>,
    /// When the newest scan that was delivered began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scanned: Option<Timestamp>,
}

/// The earlier deliveries to one plugin and destination.
#[derive(Debug, Default)]
pub(crate) struct EarlierDeliveries {
    /// The id of the last delivery that arrived.
    pub(crate) delivered: Option<String>,
    /// Its findings.
    pub(crate) findings: DeliveredFindings,
    /// The id of a delivery that was begun and not confirmed.
    pub(crate) open: Option<String>,
}

/// The deliveries to one plugin and destination, in the ledger.
pub(crate) struct DeliveryMemory {
    ledger: LeasedLedger,
    plugin: String,
    destination: String,
}

impl DeliveryMemory {
    /// The memory of a plugin's deliveries. Deliveries to owners have audiences without this prefix.
    pub(crate) fn new(ledger: LeasedLedger, plugin: &str, destination: &str) -> Self {
        Self { ledger, plugin: format!("report:{plugin}"), destination: destination.to_owned() }
    }

    /// The earlier deliveries.
    pub(crate) fn earlier(&self) -> Result<EarlierDeliveries, SinkError> {
        let row = self.ledger.read(|ledger| ledger.digest(&self.plugin, &self.destination));
        let row = row.map_err(|error| self.failed(&error))?;
        let (delivered, state) = row.delivered.map(|intent| (intent.id, intent.state)).unzip();
        let findings = state.map_or_else(|| Ok(DeliveredFindings::default()), |text| serde_json::from_str(&text));
        let findings = findings.map_err(|error| SinkError {
            sink: self.plugin.clone(),
            problem: format!("the ledger's record of the last delivery cannot be read: {error}"),
        })?;
        Ok(EarlierDeliveries { delivered, findings, open: row.open.map(|intent| intent.id) })
    }

    /// Stores what is about to be delivered. On the disk when it returns.
    pub(crate) fn intend(&self, id: &str, findings: &DeliveredFindings, at: Timestamp) -> Result<(), SinkError> {
        let state = serde_json::to_string(findings)
            .map_err(|error| SinkError { sink: self.plugin.clone(), problem: error.to_string() })?;
        let intent = DigestIntent { id: id.to_owned(), state, at };
        self.ledger
            .write(|ledger, lease| ledger.digest_intend(lease, &self.plugin, &self.destination, &intent))
            .map_err(|error| self.failed(&error))
    }

    /// Stores that a delivery arrived.
    pub(crate) fn acknowledge(&self, id: &str, at: Timestamp) -> Result<(), SinkError> {
        self.ledger
            .write(|ledger, lease| ledger.digest_acknowledge(lease, &self.plugin, &self.destination, id, at))
            .map_err(|error| self.failed(&error))
    }

    /// Releases the lease.
    pub(crate) fn release(self) -> Result<(), SinkError> {
        let (ledger, sink) = (self.ledger, self.plugin);
        ledger.release().map_err(|error| SinkError { sink, problem: error.to_string() })
    }

    fn failed(&self, error: &LedgerError) -> SinkError {
        SinkError { sink: self.plugin.clone(), problem: error.to_string() }
    }
}
