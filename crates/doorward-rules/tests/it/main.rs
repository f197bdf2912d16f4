//! Holds the rules to their cases (`tests/cases/*.toml`), to their documentation and to the laws of not knowing.

#![expect(clippy::expect_used, reason = "a case that does not read is a failed test")]

mod cases;
mod edit;
mod exception_laws;
mod fixture;
mod laws;
mod register;
mod registry;
mod terms;
mod usage;
