//! The verbs of Doorward: access, discover, collect, normalize, evaluate, and the pipeline that makes a scan report.
//!
//! Each stage has its own module, and each stage's output is the next one's only input:
//! [`access::Access`] holds the base identity and opens sessions, [`discover()`] turns the organization into a
//! [`discover::Plan`], [`collect()`] streams one [`RegionInventory`](doorward_model::RegionInventory) per account-Region, [`normalize()`]
//! and [`evaluate()`] are synchronous and pure, and [`pipeline`] joins what else is known and assembles the report. This crate is the only reader of account configuration, and the only one that
//! speaks to Elastic Load Balancing: [`mode`] reads one load balancer again and sets its mode, for a change and never in a
//! scan. It judges nothing by itself (rules are handed in) and takes the clock from its caller.

pub mod actions;
pub mod collect;
pub mod discover;
pub mod evaluate;
pub mod event;
pub mod mode;
pub mod normalize;
pub mod pipeline;

mod pages;

pub use collect::{collect, single};
pub use discover::discover;
pub use doorward_aws::{Clock, Stop, Stopper, access, settings};
pub use evaluate::evaluate;
pub use normalize::normalize;
