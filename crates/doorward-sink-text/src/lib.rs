//! Scan report -> text on a stream: a table for people, one JSON document, or JSON lines.
//!
//! Each module writes one format and returns the number of findings that it wrote, for the receipt.

pub mod json;
pub mod ndjson;
pub mod table;
