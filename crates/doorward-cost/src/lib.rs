//! Price tables and billing exports (FOCUS, CUR 2.0) -> the cost of each load balancer.
//!
//! In the flow this is a join: load balancers with their usage go in, costs by ARN come out. An export says what was charged; without one,
//! the list price of the Region gives the cost of a month. Where neither knows a load balancer, there is no cost.
//!
//! What it deliberately does not do: it guesses no price of a Region that the table does not have, converts no currency, and uses no
//! binary fractions.

mod cost_inputs;
mod error;
mod export;
mod price_table;
mod settings;

pub use cost_inputs::CostInputs;
pub use error::CostError;
pub use export::{BillingExport, ExportForm, NotJoined};
pub use price_table::{KindPrice, PriceTable};
pub use settings::CostSettings;
