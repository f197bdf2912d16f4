//! The verbs of Doorward: discover, collect, normalize, evaluate, and the pipeline that makes a scan report.
//!
//! Each stage has its own module, and each stage's output is the next one's only input:
//! with the sessions of a [`doorward_aws::Access`], [`discover()`] turns the organization into a
//! [`discover::ScanPlan`], [`collect()`] streams one [`RegionInventory`](doorward_model::RegionInventory) per account-Region, [`normalize()`]
//! and [`evaluate()`] are synchronous and pure, and [`pipeline`] joins what else is known and assembles the report. This crate is the only reader of account configuration, and the only one that
//! speaks to Elastic Load Balancing: [`mode`] reads one load balancer again and sets its mode, for a change and never in a
//! scan. It judges nothing by itself (rules are handed in) and takes the clock from its caller.

pub mod actions;
pub mod collect;
pub mod discover;
pub mod evaluate;
pub mod mode;
pub mod normalize;
pub mod pipeline;

mod pages;
mod run;
mod scan_settings;

pub use collect::{collect, single};
pub use discover::discover;
pub use evaluate::evaluate;
pub use normalize::normalize;
pub use run::run_of;
pub use scan_settings::ScanSettings;
