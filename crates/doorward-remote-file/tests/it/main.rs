//! Files in S3, against the emulator: conditions, lost answers, refusals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bed;
mod reading;
mod refusals;
mod writing;
