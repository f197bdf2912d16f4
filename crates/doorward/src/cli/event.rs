//! The arguments of `doorward event`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;

const EXAMPLES: &str = "\
Examples:
  doorward event < event.json                       an EventBridge event, a CloudTrail record, or a CloudTrail file
  doorward event --publish --notify < event.json    tell Security Hub and the owner of what was found
  doorward event --format json event.json
  doorward event --lambda                           in AWS Lambda: events as they come, scans by schedule (examples/lambda)";

/// Which event, and whom to tell.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct EventArguments {
    /// The event [default: stdin]
    #[arg(value_name = "FILE")]
    pub(crate) event: Option<PathBuf>,
    /// Tell Security Hub of the load balancer [default: as `event.publish` says]
    #[arg(long)]
    pub(crate) publish: bool,
    /// Tell its owner [default: as `event.notify` says]
    #[arg(long)]
    pub(crate) notify: bool,
    /// The ledger that remembers it [default: as in the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Join what `doorward traffic --save` found, as a scan with the same flag does
    #[arg(long, value_name = "FILE")]
    pub(crate) traffic: Option<PathBuf>,
    /// For people or for programs
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ListFormat,
    /// Serve AWS Lambda: each invocation is an event, and a scheduled one a scan
    #[arg(long, conflicts_with_all = ["event", "format"])]
    pub(crate) lambda: bool,
}
