//! The arguments of `doorward posture`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;
use doorward_explain::help_examples::POSTURE_EXAMPLES;

/// Which load balancers, and the output format.
#[derive(Debug, Args)]
#[command(after_help = POSTURE_EXAMPLES)]
pub(crate) struct PostureArguments {
    /// ARNs or names of load balancers [default: a summary of all]
    #[arg(value_name = "LOAD_BALANCER")]
    pub(crate) load_balancers: Vec<String>,
    /// A saved scan to read [default: the newest recorded one]
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The ledger with the recorded scans [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}
