//! The sink against the emulated Security Hub, and its renderings against golden files.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod age;
mod bed;
mod closing;
mod compare;
mod delivery;
mod doubles;
mod ocsf;
mod odd;
mod reconcile;
mod render;
mod schedules;
