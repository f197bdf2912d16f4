//! Scan report -> OSCAL 1.1 assessment results (<https://pages.nist.gov/OSCAL/>), as one JSON document.
//!
//! | report | OSCAL |
//! |---|---|
//! | load balancer | inventory item, and the subject of its observations |
//! | account-Region | component, with an observation of its coverage |
//! | verdict, of every kind | observation |
//! | failure, exception, unknown verdict, account-Region that was not read completely | risk: `open`, `deviation-approved`, `investigating` |
//! | control of a framework | objective of the rules that support it, and a finding about that objective |
//!
//! An objective is *satisfied* only where the whole scope was read and every supporting rule passes for every load balancer that the
//! control is about. OSCAL has no third state, so everything else is *not satisfied*: with the reason `fail` where a rule fails, and
//! `other` where a verdict is unknown, excepted or was not given. The control itself is for the assessor to decide.
//!
//! Identifiers are version 5 UUIDs: the same report gives the same bytes, and load balancers and risks keep their identifiers from scan
//! to scan.

mod assessment_document;
mod identifier;
mod objective;
mod observations;
mod subjects;

pub use assessment_document::{OscalContext, write};

/// The sink's name, as in `--format`.
pub const NAME: &str = "oscal";
