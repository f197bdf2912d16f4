//! Scan report -> a digest per owner, to chat webhooks, e-mail, SNS or a command, once each.
//!
//! In the flow this stands behind record: it reads one [`doorward_model::ScanReport`] with its histories. `compose` compares it with
//! what each line of the directory was told before and makes a [`Digest`] of the difference; `render` puts it into a
//! channel's words; `deliver` stores the intent, sends, and stores the acknowledgement.
//!
//! What it deliberately does not do: it takes no address from a report, follows no redirect, starts no shell, reads no
//! environment and no clock, and keeps nothing itself ([`Memory`] is the binary's to fulfil). A channel without an id to
//! drop repeats by gets a digest twice only where nobody knows whether it arrived, and then it says so.

mod audience;
mod channel;
mod compose;
mod days;
mod deliver;
mod digest;
mod directory;
mod memory;
mod outcome;
mod render;
mod secret;
mod settings;
mod snapshot;

pub use audience::Audience;
pub use channel::sns::ACTION;
pub use deliver::{Courier, Planned, plan};
pub use digest::{Change, Changed, Digest, DueLine, FORMAT, Line, Scan, Totals};
pub use directory::{Directory, SettingsError};
pub use memory::{Intent, Memory, MemoryError, Remembered};
pub use outcome::{Fate, NAME, Outcome, OutcomeLine, Untold};
pub use secret::Environment;
pub use settings::{ChannelSettings, Settings, SmtpSettings, SmtpTls};
pub use snapshot::{Due, Standing};
