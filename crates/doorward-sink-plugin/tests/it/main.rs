//! Plugins that keep the contract pass the conformance tests; each that breaks it fails, and the fault is named.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

mod bad_plugins;
mod kit;
