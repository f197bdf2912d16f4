//! The sources of logs and metrics against an emulator of AWS, over real connections.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod athena;
mod bed;
mod faults;
mod logs;
mod metrics;
