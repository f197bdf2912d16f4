//! `doorward publish`: delivers the newest scan, or a saved one, to Security Hub; each finding once.

use std::path::Path;

use doorward_aws::{ClientProvider, Time};
use doorward_model::DeliveryStatement;
use doorward_sink_securityhub::{LedgerOutbox, OutboxError, Publisher, audit_statement};

use crate::cli::{Cli, PublishArguments};
use crate::delivery::{DeliveryRun, show};
use crate::exit::{Exit, Failure};
use crate::io::{connect, reading, runtime};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;
use doorward_outputs::SECURITY_HUB;

/// Runs `doorward publish`.
pub(crate) fn run(cli: &Cli, arguments: &PublishArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    let statement = if arguments.dry_run {
        let offline = ClientProvider::offline(Time::new(crate::clock::system()));
        publisher(&source, &settings, &path, offline)?.dry_run(&source.report).map_err(outbox_failed)?
    } else if arguments.reconcile {
        runtime()?.block_on(reconcile(&source, &settings, &path))?
    } else {
        let run = DeliveryRun { settings: &settings, ledger: &path, clock: crate::clock::system() };
        runtime()?.block_on(run.send(SECURITY_HUB, &source))?
    };
    show(&statement, arguments.format)
}

/// A publisher that only reads the ledger.
fn publisher(
    source: &AssembledScan,
    settings: &Settings,
    ledger: &Path,
    aws: ClientProvider,
) -> Result<Publisher<LedgerOutbox>, Failure> {
    let delivery = settings.publish.delivery_settings();
    Ok(Publisher::new(source.renderer(settings), delivery, aws, LedgerOutbox(reading(ledger)?)))
}

/// Compares the ledger with Security Hub. Changes nothing.
async fn reconcile(source: &AssembledScan, settings: &Settings, ledger: &Path) -> Result<DeliveryStatement, Failure> {
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let access =
        connect(settings.connection(), &crate::clock::system(), None, &stop).await.map_err(|error| signal.or(error))?;
    let publisher = publisher(source, settings, ledger, access.provider(settings.publish.purpose()))?;
    let audits = publisher.reconcile(&source.report.run.partition).await.map_err(outbox_failed)?;
    Ok(audit_statement(&audits))
}

fn outbox_failed(error: OutboxError) -> Failure {
    Failure::new(Exit::Sink, error.to_string())
}
