//! The arguments of `doorward policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ListFormat;
use doorward_explain::help_examples::{POLICY_EXPLAIN_EXAMPLES, PRESETS_EXAMPLES};

/// `doorward policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Explain which rule, risk profile or default sets the required mode of a load balancer, and which deadlines apply
    Explain(PolicyExplainArguments),
    /// Print ready-made policies to copy into the settings
    #[command(after_help = PRESETS_EXAMPLES)]
    Presets {
        /// The preset to print; without one, the list
        name: Option<String>,
    },
}

/// Which load balancer.
#[derive(Debug, Args)]
#[command(after_help = POLICY_EXPLAIN_EXAMPLES)]
pub(crate) struct PolicyExplainArguments {
    /// The ARN or the name of a load balancer
    #[arg(value_name = "LOAD_BALANCER")]
    pub(crate) load_balancer: String,
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
