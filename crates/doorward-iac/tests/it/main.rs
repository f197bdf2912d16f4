//! The crate as its caller meets it: files in, declarations out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cases;
mod corpus;
mod fuzz;
mod hostile;
mod kustomizations;
mod laws;
mod match_live;
mod random_configurations;
