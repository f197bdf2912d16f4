//! Drives the emulator over real connections with a client of its own: no SDK, so that every byte can be asserted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod athena;
mod binary;
mod client;
mod cloudwatch;
mod faults;
mod load_balancers;
mod organization;
mod quotas;
mod roles;
mod s3;
mod scale;
mod security_hub;
mod world;
