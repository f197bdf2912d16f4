//! The evidence pack from outside: what is written, what it says, and what `verify` finds.

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod bytes;
mod forgery;
mod hostile;
mod overlap;
mod remediation_log;
mod scene;
mod sheets;
mod tampering;
mod unknown;
