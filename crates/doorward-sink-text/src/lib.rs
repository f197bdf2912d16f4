//! Scan report -> text on a stream: a table for people, one JSON document, JSON lines, or CSV with a row for each load balancer. And the history of a ledger as a table, as
//! JSON, as CSV or as OpenMetrics.
//!
//! Each module writes one format; those of a report return the number of findings that they wrote, for the receipt.

mod fit;
mod flat;
pub mod history;
mod hyperlinks;
pub mod inventory_csv;
pub mod json;
pub mod ndjson;
pub mod table;

pub use fit::{ANY_WIDTH, wrapped};
pub use flat::{FlatContext, FlatLoadBalancer, QueriedLoadBalancer};
pub use hyperlinks::Hyperlinks;
pub use table::TextStyle;
