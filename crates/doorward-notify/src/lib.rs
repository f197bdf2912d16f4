//! Scan report -> digests for owners, leadership and FinOps, to chat webhooks, e-mail, SNS or a command, once each.
//!
//! In the flow this stands behind record: it reads one [`doorward_model::ScanReport`] with its histories. `compose` compares it with
//! the last digest of each audience and makes a [`Digest`] of the difference; `render` puts it into a
//! channel's words; `deliver` stores the intent, sends, and stores the acknowledgement.
//!
//! What it deliberately does not do: it takes no address from a report, follows no redirect, starts no shell, reads no
//! environment and no clock, and keeps nothing itself: [`LedgerDeliveryStore`] keeps what was sent in the ledger. A channel without an id to
//! drop repeats by gets a digest twice only where its arrival is unknown, and then the digest says so.

mod audience;
mod audience_notice;
mod channel;
mod channels_config;
mod compose;
mod days;
mod delivery_store;
mod digest;
mod digest_delivery;
mod ledger_store;
mod notified_state;
mod outcome;
mod posture_digest;
mod render;
mod secret;
mod settings;
mod statement;

pub use audience::Audience;
pub use audience_notice::AudienceNotice;
pub use channel::sns::ACTION;
pub use channels_config::{ChannelsConfig, SettingsError};
pub use compose::NoDigest;
pub use delivery_store::{DeliveryStore, DeliveryStoreError, DigestState, StoredDigest};
pub use digest::{Changed, Digest, DigestChange, DigestLine, DueLine, FORMAT, Scan, Totals};
pub use digest_delivery::{Dispatcher, PlannedDigest, plan};
pub use ledger_store::LedgerDeliveryStore;
pub use notified_state::{DigestStanding, Due};
pub use outcome::{DigestFate, NAME, NotifyOutcome, OutcomeLine, Untold};
pub use posture_digest::{POSTURE_FORMAT, PostureDigest};
pub use secret::Environment;
pub use settings::{
    ChannelSettings, DigestSchedule, DigestSection, PostureAudience, PostureReader, Settings, SmtpSettings, SmtpTls,
};
pub use statement::{NotifySink, plan_statement};
