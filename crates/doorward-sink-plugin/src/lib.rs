//! Outputs that other programs write: a plugin reads a report from its stdin and answers with a receipt on its stdout.
//!
//! The contract is `doorward-report-v1` (`reports/plugin-contract.md`). [`PluginSink`] is a [`doorward_model::Sink`] like every other:
//! it checks before a scan that the plugin can work, streams the report, and accepts only a receipt that accounts for every finding.
//! [`conformance`] gives any program the reports and faults that a plugin has to withstand, and [`skeleton`] writes a first one.
//!
//! What it deliberately does not do: search `PATH`, use a shell, give a plugin variables that the settings do not name, or believe a
//! count that it did not make itself.

pub mod conformance;
pub mod contract;
pub mod skeleton;

mod destination;
mod hash;
mod memory;
mod plugin_sink;
mod program;
mod report_stream;
mod settings;

pub use memory::OpenLedger;
pub use plugin_sink::{LinesOfReport, PluginSink, ReportLine, ReportLines};
pub use program::{Plugin, PluginError};
pub use settings::{PluginSettings, PluginsSettings};
