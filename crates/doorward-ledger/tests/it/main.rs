//! What must hold of the ledger: remembering, resuming, one writer at a time, and surviving whatever stops it.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod checkpoint;
mod crash;
mod deadlines;
mod digests;
mod events;
mod faults;
mod hiding;
mod inputs;
mod kpis;
mod laws;
mod leases;
mod outbox;
mod record;
mod scene;
mod schema;
mod shared;
mod shared_model;
mod time;
mod tracked;
