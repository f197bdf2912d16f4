//! The arguments of `doorward event`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;
use doorward_explain::help_examples::EVENT_EXAMPLES;

/// Arguments of `doorward event`.
#[derive(Debug, Args)]
#[command(after_help = EVENT_EXAMPLES)]
pub(crate) struct EventArguments {
    /// The event file [default: stdin]
    #[arg(value_name = "FILE")]
    pub(crate) event: Option<PathBuf>,
    /// Send the findings of the load balancer to Security Hub [default: the setting event.publish]
    #[arg(long)]
    pub(crate) publish: bool,
    /// Notify its owner [default: the setting event.notify]
    #[arg(long)]
    pub(crate) notify: bool,
    /// The ledger [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Join the evidence saved by `doorward traffic --save`, as a scan with the same flag does
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
    /// Serve AWS Lambda: each invocation is an event, a batch of SQS messages, or a scheduled scan
    #[arg(long, conflicts_with_all = ["event", "format"])]
    pub(crate) lambda: bool,
}
