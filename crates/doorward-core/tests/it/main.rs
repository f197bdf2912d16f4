//! The stages against an emulated organization: truth, faults, credentials, permissions, order.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say where")]

mod bed;
mod credentials;
mod entry_points;
mod faults;
mod forms;
mod hop;
mod noise;
mod order;
mod partitions;
mod permissions;
mod rehearsal;
mod scope;
mod stop;
mod truth;
mod unplanned;
