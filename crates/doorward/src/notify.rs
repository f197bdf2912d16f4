//! `doorward notify`: sends owners, leadership and FinOps digests through the channels in the settings, once each.

use doorward_notify::{LedgerDeliveryStore, plan, plan_statement};

use crate::cli::{Cli, NotifyArguments};
use crate::delivery::{DeliveryRun, show};
use crate::exit::{Exit, Failure};
use crate::io::{reading, runtime};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use doorward_outputs::{NOTIFY, channels};

/// Runs `doorward notify`.
pub(crate) fn run(cli: &Cli, arguments: &NotifyArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    source.warn_of_age(&settings, crate::clock::now());
    let statement = if arguments.dry_run {
        let channels = channels(&settings.notify, &source.policy, &settings.owners.cost_centre_tags)?;
        let store = LedgerDeliveryStore(reading(&path)?);
        let planned = plan(&source.report, &doorward_rules::definitions(), &source.history, &channels, &store);
        let (planned, without_channel) = planned.map_err(|e| Failure::new(Exit::Sink, e.to_string()))?;
        plan_statement(&planned, &without_channel)
    } else {
        let run = DeliveryRun { settings: &settings, ledger: &path, clock: crate::clock::system() };
        runtime()?.block_on(run.send(NOTIFY, &source))?
    };
    show(&statement, arguments.format)
}
