//! The ledger of a team, by the program's own requests to the emulated S3.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod scheduler;
mod schedules;
