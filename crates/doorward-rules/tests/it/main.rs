//! Holds the rules to their cases (`tests/cases/*.toml`), to their documentation and to the laws of not knowing.

#![expect(clippy::expect_used, reason = "a case that does not read is a failed test")]

mod cases;
mod fixture;
mod laws;
mod registry;
