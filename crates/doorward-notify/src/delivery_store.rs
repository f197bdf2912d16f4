//! The store of delivery states, as a trait that the binary implements with the ledger.

use jiff::Timestamp;

/// Something could not be remembered or recalled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the delivery state could not be {verb}: {problem}")]
pub struct DeliveryStoreError {
    /// `read` or `written`.
    pub verb: &'static str,
    /// The cause and the next step.
    pub problem: String,
}

/// A digest on its way: its id, and what its audience knows when it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDigest {
    /// The digest's id.
    pub id: String,
    /// What the audience knows after its arrival; opaque to the store.
    pub state: String,
    /// When it was stored, UTC.
    pub at: Timestamp,
}

/// The delivery state of an audience at a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestState {
    /// The digest that is known to have arrived last.
    pub delivered: Option<StoredDigest>,
    /// A digest that was sent and not confirmed: it may have arrived.
    pub open: Option<StoredDigest>,
    /// Runs that tried since the last arrival.
    pub attempts: u32,
    /// Why the last of them failed.
    pub failure: Option<String>,
}

/// Stores the delivery state durably. Audiences go by [`crate::Audience::key`], channels by name.
pub trait DeliveryStore: Send + Sync {
    /// Recalls it; nothing remembered is the default.
    ///
    /// # Errors
    /// When it cannot be read; nothing is sent then.
    fn recall(&self, audience: &str, channel: &str) -> Result<DigestState, DeliveryStoreError>;

    /// Stores what is about to be sent in `open` and counts an attempt. On the disk when it returns.
    ///
    /// # Errors
    /// When it cannot be stored; nothing is sent then.
    fn intend(&self, audience: &str, channel: &str, intent: &StoredDigest) -> Result<(), DeliveryStoreError>;

    /// Stores that the digest of this id arrived: `open` becomes `delivered`, if it is still the same one.
    ///
    /// # Errors
    /// When it cannot be stored; the digest is sent again then, marked as a possible repeat.
    fn acknowledge(&self, audience: &str, channel: &str, id: &str, at: Timestamp) -> Result<(), DeliveryStoreError>;

    /// Stores why it failed and what `open` is now: the digest itself where it may have arrived, what was open
    /// before it where it certainly did not.
    ///
    /// # Errors
    /// When it cannot be stored; the digest counts as possibly arrived then.
    fn fail(
        &self,
        audience: &str,
        channel: &str,
        open: Option<&StoredDigest>,
        reason: &str,
    ) -> Result<(), DeliveryStoreError>;
}
