//! What must hold of notifications: what changed is reported, once, to an address of the directory, whatever goes wrong.

#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod audiences;
mod bed;
mod channels;
mod digests;
mod directory;
mod doubles;
mod hostile;
mod laws;
mod ledger;
mod not_known;
mod topics;
mod words;
