//! The outbox: what was sent and what was accepted. It survives a crash at any moment.
//!
//! The order is the guarantee: the intent is stored before anything is sent, the acknowledgement after Security Hub's
//! answer. Whatever happens in between, the next run finds a row without acknowledgement, with the dates that were used,
//! and sends the same record again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use doorward_model::{AccountRegion, Arn};

/// The state of a record in Security Hub, as of the latest attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// `ACTIVE`.
    Active,
    /// `ARCHIVED`.
    Archived,
}

/// What is remembered of one finding in one Security Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFinding {
    /// Where the load balancer is.
    pub subject: AccountRegion,
    /// The load balancer's ARN, whole.
    pub load_balancer: Arn,
    /// The rule.
    pub rule: String,
    /// Digest of what was sent last; see [`Asff::content`](crate::Asff::content).
    pub content: String,
    /// Never changes.
    pub created_at: Timestamp,
    /// Never changes.
    pub first_observed_at: Timestamp,
    /// Of the latest attempt, whether it arrived or not. The next one is later.
    pub updated_at: Timestamp,
    /// When the scan behind the latest attempt began.
    pub observed_at: Timestamp,
    /// When Security Hub last accepted it; none before the first time.
    pub accepted_at: Option<Timestamp>,
    /// As of the latest attempt.
    pub state: RecordState,
    /// Whether Security Hub confirmed the latest attempt.
    pub acknowledged: bool,
    /// How often it was tried since the last confirmation.
    pub attempts: u32,
}

/// Something that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingIntent {
    /// The finding's id.
    pub id: String,
    /// The row as it has to be stored: not acknowledged, one attempt more.
    pub row: SentFinding,
    /// The finding as JSON, for the time when it can no longer be rendered.
    pub document: String,
}

/// The store cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the delivery state of Security Hub cannot be {verb}: {problem}; nothing is sent without it")]
pub struct OutboxError {
    /// `read` or `written`.
    pub verb: &'static str,
    /// What the store said.
    pub problem: String,
}

/// Remembers deliveries, by Security Hub and finding id. Every method is one transaction: all of it is durable when it returns,
/// or none of it. The binary implements it over the ledger:
///
/// ```sql
/// CREATE TABLE securityhub_outbox (
///   security_hub_account TEXT NOT NULL, security_hub_region TEXT NOT NULL, id TEXT NOT NULL,
///   account TEXT NOT NULL, region TEXT NOT NULL, load_balancer TEXT NOT NULL, rule TEXT NOT NULL,
///   content TEXT NOT NULL, created_at INTEGER NOT NULL, first_observed_at INTEGER NOT NULL,
///   updated_at INTEGER NOT NULL, observed_at INTEGER NOT NULL, accepted_at INTEGER,
///   state TEXT NOT NULL CHECK (state IN ('active', 'archived')),
///   acknowledged INTEGER NOT NULL, attempts INTEGER NOT NULL, document TEXT NOT NULL,
///   PRIMARY KEY (security_hub_account, security_hub_region, id)
/// ) WITHOUT ROWID;
/// ```
///
/// with times in milliseconds since the epoch, which is also as fine as they are sent.
pub trait Outbox: Send + Sync {
    /// Every Security Hub something is remembered of, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn security_hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError>;

    /// What is remembered of a Security Hub, by finding id, without the documents.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn remembered(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, SentFinding>, OutboxError>;

    /// The document of the latest attempt.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError>;

    /// Stores intents, overwriting the rows of the same ids.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn intend(&self, security_hub: &AccountRegion, intents: &[FindingIntent]) -> Result<(), OutboxError>;

    /// Marks as acknowledged the rows whose latest attempt is the one given, by id and its `updated_at`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn acknowledge(
        &self,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError>;
}

/// The rows of one Security Hub, each with its document.
type Rows = BTreeMap<String, (SentFinding, String)>;

/// An outbox that forgets when it is dropped: for tests and for delivering without a ledger.
#[derive(Debug, Default)]
pub struct MemoryOutbox(Mutex<BTreeMap<AccountRegion, Rows>>);

impl MemoryOutbox {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<AccountRegion, Rows>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outbox for MemoryOutbox {
    fn security_hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        Ok(self.with(|security_hubs| security_hubs.keys().cloned().collect()))
    }

    fn remembered(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, SentFinding>, OutboxError> {
        Ok(self.with(|security_hubs| {
            security_hubs
                .get(security_hub)
                .into_iter()
                .flatten()
                .map(|(id, (row, _))| (id.clone(), row.clone()))
                .collect()
        }))
    }

    fn document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        Ok(self.with(|security_hubs| security_hubs.get(security_hub)?.get(id).map(|(_, document)| document.clone())))
    }

    fn intend(&self, security_hub: &AccountRegion, intents: &[FindingIntent]) -> Result<(), OutboxError> {
        self.with(|security_hubs| {
            let rows = security_hubs.entry(security_hub.clone()).or_default();
            for intent in intents {
                rows.insert(intent.id.clone(), (intent.row.clone(), intent.document.clone()));
            }
        });
        Ok(())
    }

    fn acknowledge(
        &self,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.with(|security_hubs| {
            let Some(rows) = security_hubs.get_mut(security_hub) else { return };
            for (id, updated_at) in accepted {
                if let Some((row, _)) = rows.get_mut(id).filter(|(row, _)| row.updated_at == *updated_at) {
                    row.acknowledged = true;
                    row.accepted_at = Some(at);
                    row.attempts = 0;
                }
            }
        });
        Ok(())
    }
}
