//! Deliveries: sends the findings of a report to Security Hub or to owners, through the sinks of the registry.

use std::path::Path;

use doorward_aws::{Clock, Stop};
use doorward_model::{DeliveryStatement, HistoryContext, ScanReport, SinkContext};

use crate::cli::ListFormat;
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, connect};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;
use doorward_outputs::{DeliveryInputs, DeliveryRow};

/// Deliveries with a lease of the ledger and an access of their own.
pub(crate) struct DeliveryRun<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Path,
    pub(crate) clock: Clock,
}

impl DeliveryRun<'_> {
    /// Delivers a report: waits for the lease, connects to AWS if the delivery calls it, sends, and releases the lease.
    pub(crate) async fn send(
        &self,
        delivery: DeliveryRow,
        source: &AssembledScan,
    ) -> Result<DeliveryStatement, Failure> {
        let settings = self.settings;
        let recorder = settings.ledger.open(self.ledger, &self.clock)?;
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let access = match (delivery.calls_aws)(&settings.notify) {
            true => {
                Some(connect(settings.connection(), &self.clock, None, &stop).await.map_err(|error| signal.or(error))?)
            }
            false => None,
        };
        let held = recorder.into_leased().await?;
        let environment = crate::io::environment(settings.access.profile.as_deref());
        let inputs = DeliveryInputs {
            environment: &environment,
            publish: &settings.publish,
            notify: &settings.notify,
            register: &source.register,
            frameworks: &settings.controls.frameworks,
            policy: &source.policy,
            load_balancers: &source.report.load_balancers,
            cost_centre_tags: &settings.owners.cost_centre_tags,
            changes_elsewhere: false,
            access: access.as_ref(),
            held: &held,
            clock: &self.clock,
        };
        let sent = emit(delivery, &inputs, (&source.report, &source.history), &stop).await;
        held.release()?;
        sent.map_err(|error| signal.or(error))
    }

    /// Delivers the newest recorded scan.
    pub(crate) async fn newest(&self, delivery: DeliveryRow) -> Result<DeliveryStatement, Failure> {
        self.send(delivery, &AssembledScan::of(None, self.settings, self.ledger)?).await
    }
}

/// Delivers a report and its history with the access and the lease of the caller.
pub(crate) async fn emit(
    delivery: DeliveryRow,
    inputs: &DeliveryInputs<'_>,
    (report, history): (&ScanReport, &HistoryContext),
    stop: &Stop,
) -> Result<DeliveryStatement, Failure> {
    let sink = (delivery.make)(inputs)?;
    sink.preflight().await?;
    let context = SinkContext { history, exit_code: Exit::Clean.code() };
    let receipt = tokio::select! {
        receipt = sink.emit(report, context) => receipt?,
        // A stop leaves intents without acknowledgement: the next delivery repeats exactly those.
        gap = stop.stopped(delivery.call) => {
            let problem = format!("stopped: {gap}; run `{}` again to continue", delivery.command);
            return Err(Failure::new(Exit::Sink, problem));
        }
    };
    let missing = || Failure::new(Exit::Internal, format!("{} reported no result of its delivery", sink.name()));
    receipt.statement.ok_or_else(missing)
}

/// Prints what a delivery reports, and gives its exit code.
pub(crate) fn show(statement: &DeliveryStatement, format: ListFormat) -> Result<Exit, Failure> {
    match format {
        ListFormat::Table => answer_text(&statement.text)?,
        ListFormat::Json => answer_json(&statement.document)?,
    };
    Ok(statement.result.into())
}
