//! What the ledger remembers of deliveries to plugins: those that arrived, those that may have arrived, and the content of the findings
//! of the last one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorward_ledger::{DigestIntent, LeasedLedger, LedgerError};
use doorward_model::{SinkError, SinkFuture};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Opens the ledger under its lease.
pub type OpenLedger<'a> = Arc<dyn Fn() -> SinkFuture<'a, LeasedLedger> + Send + Sync + 'a>;

/// How many ids of earlier deliveries are kept, of those that arrived and of those that may have arrived: more than a year of daily
/// scans.
const KEPT: usize = 500;

/// The content hash of every finding of a delivery, by the finding's id; empty where the plugin did not ask for changes. Besides, what is
/// known of the deliveries before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveredFindings {
    pub(crate) hashes: BTreeMap<String, String>,
    /// When the newest scan that was delivered began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scanned: Option<Timestamp>,
    /// The ids of deliveries that arrived before, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arrived: Vec<String>,
    /// The ids of deliveries that were begun before and not confirmed, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    begun: Vec<String>,
}

impl DeliveredFindings {
    /// The findings of a delivery, of which the newest scan began at `scanned`.
    pub(crate) fn of(hashes: BTreeMap<String, String>, scanned: Option<Timestamp>) -> Self {
        Self { hashes, scanned, ..Self::default() }
    }
}

/// What is known of one delivery before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precedent {
    /// It was never begun, as far as the ledger knows.
    None,
    /// It was begun and not confirmed.
    Begun,
    /// It arrived.
    Arrived,
}

/// The earlier deliveries to one plugin and destination.
#[derive(Debug, Default)]
pub(crate) struct EarlierDeliveries {
    /// The id of the last delivery that arrived.
    pub(crate) delivered: Option<String>,
    /// Its findings.
    pub(crate) findings: DeliveredFindings,
    /// A delivery that was begun and not confirmed: its id, and what it knew of others.
    open: Option<(String, DeliveredFindings)>,
}

impl EarlierDeliveries {
    /// What is known of a delivery.
    pub(crate) fn precedent(&self, id: &str) -> Precedent {
        let has = |ids: &[String]| ids.iter().any(|known| known == id);
        if self.delivered.as_deref() == Some(id) || has(&self.findings.arrived) {
            return Precedent::Arrived;
        }
        let is_open = self.open.as_ref().is_some_and(|(open, knew)| open == id || has(&knew.begun));
        if is_open || has(&self.findings.begun) { Precedent::Begun } else { Precedent::None }
    }

    /// What the next delivery, which has this id, adds to what is known of others.
    fn with_others(&self, id: &str, mut next: DeliveredFindings) -> DeliveredFindings {
        let arrived = self.findings.arrived.iter().chain(&self.delivered).filter(|known| *known != id);
        next.arrived = newest(arrived);
        let open = self.open.iter().flat_map(|(open, knew)| knew.begun.iter().chain([open]));
        let begun = self.findings.begun.iter().chain(open);
        let begun = begun.filter(|known| *known != id && !next.arrived.contains(known));
        next.begun = newest(begun);
        next
    }
}

/// The newest ids, each once.
fn newest<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for id in ids {
        kept.retain(|known| known != id);
        kept.push(id.clone());
    }
    let excess = kept.len().saturating_sub(KEPT);
    kept.drain(..excess);
    kept
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
        let read = |intent: DigestIntent| match serde_json::from_str::<DeliveredFindings>(&intent.state) {
            Ok(knew) => Ok((intent.id, knew)),
            Err(error) => Err(SinkError {
                sink: self.plugin.clone(),
                problem: format!("the ledger's record of the last delivery cannot be read: {error}"),
            }),
        };
        let (delivered, findings) = row.delivered.map(read).transpose()?.unzip();
        Ok(EarlierDeliveries {
            delivered,
            findings: findings.unwrap_or_default(),
            open: row.open.map(read).transpose()?,
        })
    }

    /// Stores what is about to be delivered after `earlier`. On the disk when it returns.
    pub(crate) fn intend(
        &self,
        id: &str,
        findings: DeliveredFindings,
        earlier: &EarlierDeliveries,
        at: Timestamp,
    ) -> Result<(), SinkError> {
        let state = serde_json::to_string(&earlier.with_others(id, findings))
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
            .map_err(|error| SinkError {
                sink: self.plugin.clone(),
                problem: format!(
                    "the plugin took the report, and the ledger could not keep that: {error}; the next delivery of this report says that it \
                     may repeat one (may_repeat)"
                ),
            })
    }

    /// How often to renew the lease while a delivery lasts.
    pub(crate) fn renewal(&self) -> Duration {
        self.ledger.renewal()
    }

    /// Renews the lease. A lease that is lost is reported when the arrival is stored: what was begun ends first.
    pub(crate) fn renew(&self) {
        let _ = self.ledger.renew();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The deliveries after one that was begun, and confirmed or not.
    fn after(earlier: &EarlierDeliveries, id: &str, is_confirmed: bool) -> EarlierDeliveries {
        let next = earlier.with_others(id, DeliveredFindings::default());
        if is_confirmed {
            return EarlierDeliveries { delivered: Some(id.to_owned()), findings: next, open: None };
        }
        let (delivered, findings) = (earlier.delivered.clone(), earlier.findings.clone());
        EarlierDeliveries { delivered, findings, open: Some((id.to_owned(), next)) }
    }

    fn history(deliveries: &[(&str, bool)]) -> EarlierDeliveries {
        deliveries.iter().fold(EarlierDeliveries::default(), |earlier, (id, arrived)| after(&earlier, id, *arrived))
    }

    #[test]
    fn every_earlier_delivery_is_remembered() {
        let known = history(&[("a", true), ("b", false), ("c", false), ("d", true), ("e", true), ("f", false)]);
        for (id, precedent) in [
            ("a", Precedent::Arrived),
            ("b", Precedent::Begun),
            ("c", Precedent::Begun),
            ("d", Precedent::Arrived),
            ("e", Precedent::Arrived),
            ("f", Precedent::Begun),
            ("g", Precedent::None),
        ] {
            assert_eq!(known.precedent(id), precedent, "{id}");
        }
        assert_eq!(history(&[("a", false), ("b", true), ("a", true)]).precedent("a"), Precedent::Arrived);
        assert_eq!(history(&[("a", true), ("a", false)]).precedent("a"), Precedent::Arrived);
        assert_eq!(history(&[("a", true), ("b", true), ("a", false), ("c", true)]).precedent("a"), Precedent::Arrived);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let ids: Vec<String> = (0..2 * KEPT).map(|n| n.to_string()).collect();
        for is_confirmed in [true, false] {
            let deliveries: Vec<(&str, bool)> = ids.iter().map(|id| (id.as_str(), is_confirmed)).collect();
            let known = history(&deliveries);
            let knew = known.open.as_ref().map_or(&known.findings, |(_, knew)| knew);
            assert!(knew.arrived.len() <= KEPT && knew.begun.len() <= KEPT);
            assert_eq!(known.precedent("0"), Precedent::None);
            assert_ne!(known.precedent(&(KEPT + 1).to_string()), Precedent::None);
        }
    }
}
