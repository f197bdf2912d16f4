//! Scan report -> text on a stream: a table for people, one JSON document, or JSON lines. And the history of a ledger as a table, as
//! JSON, as CSV or as OpenMetrics.
//!
//! Each module writes one format; those of a report return the number of findings that they wrote, for the receipt.

pub mod history;
pub mod json;
pub mod ndjson;
pub mod table;
