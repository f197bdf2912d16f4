//! The sink of a plugin: streams the report, and accepts only a receipt that accounts for every finding.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use doorward_aws::Clock;
use doorward_file::check_writable;
use doorward_model::{Finding, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture, Skipped, harmless};
use tokio::process::ChildStdin;
use tokio::time::Instant;

use crate::contract::{CONTRACT, DeliveryHeader, PluginDescription, PluginDestination, PluginReceipt, ReportHeader};
use crate::destination::Destination;
use crate::hash::{content_hash, delivery_id};
use crate::memory::{DeliveredFindings, DeliveryMemory, EarlierDeliveries, OpenLedger, Precedent};
use crate::program::last_words;
use crate::report_stream::{LineContext, changes, write};
use crate::{Plugin, PluginError};

/// The wait before the second try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// One line of `ndjson-v1`.
pub struct ReportLine<'a> {
    /// The finding, where the line is one.
    pub finding: Option<&'a Finding>,
    /// Whether it is the last line.
    pub is_end: bool,
    /// The line as JSON, without its line end.
    pub json: Vec<u8>,
}

/// The lines of one report.
pub type LinesOfReport<'a> = Box<dyn Iterator<Item = io::Result<ReportLine<'a>>> + Send + 'a>;

/// Gives the lines of a report as `ndjson-v1`, by its history and exit code.
pub type ReportLines<'a> = Box<dyn for<'r> Fn(&'r ScanReport, SinkContext<'r>) -> LinesOfReport<'r> + Send + Sync + 'a>;

/// A plugin as a sink.
pub struct PluginSink<'a> {
    /// The name in the settings, as in `--format`.
    pub name: String,
    /// The program.
    pub plugin: Plugin,
    /// How often it is tried.
    pub tries: u32,
    /// Whether it wants to know what changed since its last delivery.
    pub delta: bool,
    /// The path behind `--format NAME=`.
    pub path: Option<PathBuf>,
    /// The report as lines.
    pub lines: ReportLines<'a>,
    /// The ledger; absent where nothing is recorded.
    pub ledger: Option<OpenLedger<'a>>,
    /// Whether to deliver what arrived already.
    pub redeliver: bool,
    /// The clock of the ledger's dates.
    pub clock: Clock,
    /// The plugin's description; set by the preflight.
    pub description: OnceLock<PluginDescription>,
}

/// The content of one delivery besides the report.
struct Shipment<'a> {
    id: &'a str,
    /// Whether this delivery may have arrived before its first try.
    may_repeat: bool,
    /// Whether it is the one that arrived last.
    is_last: bool,
    previous: Option<&'a str>,
    destination: Destination<'a>,
    context: LineContext<'a>,
}

impl PluginSink<'_> {
    fn failed(&self, problem: impl std::fmt::Display) -> SinkError {
        SinkError { sink: self.name.clone(), problem: problem.to_string() }
    }

    async fn check(&self) -> Result<(), SinkError> {
        let description = self.plugin.describe().await.map_err(|error| self.failed(error))?;
        let name = &self.name;
        match (description.destination, &self.path) {
            (PluginDestination::Remote, Some(_)) => {
                return Err(
                    self.failed(format!("it sends reports to a service and writes no file; use --format {name}"))
                );
            }
            (PluginDestination::File, None) => {
                return Err(self.failed(format!("it writes a file; use --format {name}=FILE")));
            }
            (PluginDestination::Folder, None) => {
                return Err(self.failed(format!("it writes a folder; use --format {name}=FOLDER")));
            }
            (PluginDestination::File | PluginDestination::Stream, Some(path)) => {
                check_writable(path)
                    .map_err(|error| self.failed(format!("{} cannot be written: {error}", path.display())))?;
            }
            (PluginDestination::Folder, Some(path)) => {
                doorward_file::create_private_folder(path)
                    .map_err(|error| self.failed(format!("{} cannot be created: {error}", path.display())))?;
            }
            (PluginDestination::Remote | PluginDestination::Stream, None) => {}
        }
        if self.delta && self.ledger.is_none() {
            return Err(self.failed("`delta` needs a ledger, which stores the last delivery, but this run has none"));
        }
        self.plugin.preflight().await.map_err(|error| self.failed(error))?;
        let _ = self.description.set(description);
        Ok(())
    }

    async fn deliver(&self, report: &ScanReport, context: SinkContext<'_>) -> Result<Receipt, SinkError> {
        let description = match self.description.get() {
            Some(description) => description,
            None => &self.plugin.describe().await.map_err(|error| self.failed(error))?,
        };
        let destination = self.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
        let hashes: Vec<String> = report.findings.iter().map(content_hash).collect();
        let id = delivery_id(&self.name, &destination, &report.run.id, &hashes);
        let memory = match &self.ledger {
            Some(open) => Some(DeliveryMemory::new(open().await?, &self.name, &destination)),
            None => None,
        };
        let earlier = memory.as_ref().map_or_else(|| Ok(EarlierDeliveries::default()), DeliveryMemory::earlier)?;
        let precedent = earlier.precedent(&id);
        let is_taken = precedent == Precedent::Arrived && description.destination == PluginDestination::Remote;
        let delivered = if is_taken && !self.redeliver {
            let count = report.findings.len();
            let skipped = vec![Skipped { reason: "this report was delivered already".to_owned(), count }];
            Ok(self.receipt(report, destination, 0, skipped))
        } else {
            let since = &earlier.findings;
            let (gone, next) =
                if self.delta { changes(report, &hashes, since) } else { (Vec::new(), DeliveredFindings::default()) };
            memory.as_ref().map_or(Ok(()), |memory| memory.intend(&id, next, &earlier, (self.clock)()))?;
            let shipment = Shipment {
                id: &id,
                may_repeat: precedent != Precedent::None,
                is_last: earlier.delivered.as_deref() == Some(&id),
                previous: earlier.delivered.as_deref(),
                destination: Destination::new(description.destination, self.path.as_deref()),
                context: LineContext { hashes: &hashes, since: self.delta.then_some((&since.hashes, gone.as_slice())) },
            };
            let delivered = keeping(memory.as_ref(), self.with_tries(report, context, &shipment)).await;
            let arrived = delivered.is_ok();
            let noted = memory.as_ref().filter(|_| arrived);
            let noted = noted.map_or(Ok(()), |memory| memory.acknowledge(&id, (self.clock)()));
            delivered.and_then(|receipt| noted.map(|()| receipt))
        };
        let released = memory.map_or(Ok(()), DeliveryMemory::release);
        delivered.and_then(|receipt| released.map(|()| receipt))
    }

    async fn with_tries(
        &self,
        report: &ScanReport,
        context: SinkContext<'_>,
        shipment: &Shipment<'_>,
    ) -> Result<Receipt, SinkError> {
        let end = Instant::now() + self.plugin.timeout();
        let mut wait = FIRST_WAIT;
        for tried in 1_u32.. {
            let left = end.saturating_duration_since(Instant::now());
            // A plugin that asks for another try may have done a part of its work.
            let may_repeat = shipment.may_repeat || tried > 1;
            match self.once(report, context, shipment, may_repeat, left).await {
                Err(error) if error.is_temporary && tried < self.tries && Instant::now() + wait < end => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(self.failed(error)),
                Ok(receipt) => return Ok(receipt),
            }
        }
        Err(self.failed("it was not tried"))
    }

    async fn once(
        &self,
        report: &ScanReport,
        context: SinkContext<'_>,
        shipment: &Shipment<'_>,
        may_repeat: bool,
        timeout: Duration,
    ) -> Result<Receipt, PluginError> {
        let draft = shipment.destination.draft()?;
        let place = draft.path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let header = ReportHeader {
            line: "header",
            contract: CONTRACT,
            config: self.plugin.config(),
            delivery: DeliveryHeader { id: shipment.id, may_repeat, previous: shipment.previous },
            destination: place.as_deref(),
            delta: self.delta,
        };
        let header = serde_json::to_vec(&header).map_err(|error| PluginError::new(error.to_string()))?;
        let lines = (self.lines)(report, context);
        let feed = |stdin: ChildStdin| write(stdin, header, lines, &shipment.context);
        let finished = self.plugin.call("emit", timeout, feed).await?;
        let answer: PluginReceipt = self.plugin.answer("emit", &finished)?;
        let words = last_words(&finished.stderr);
        let wrong = |problem: String| PluginError::new(format!("its receipt is wrong: {problem}{words}"));
        let sent = report.findings.len();
        if answer.findings_in != sent {
            return Err(wrong(format!(
                "{sent} findings were sent, but it reports that it read {}",
                answer.findings_in
            )));
        }
        let skipped: usize = answer.skipped.values().fold(0, |sum, count| sum.saturating_add(*count));
        if answer.written.saturating_add(skipped) != sent {
            let written = answer.written;
            return Err(wrong(format!("{written} written and {skipped} skipped are not {sent} findings")));
        }
        if !finished.fed {
            return Err(wrong("it returned a receipt before it read the report to its end".to_owned()));
        }
        shipment.destination.finish(&draft, shipment.is_last)?;
        let skipped = answer.skipped.into_iter();
        let skipped =
            skipped.map(|(reason, count)| Skipped { reason: harmless(&reason).into_owned(), count }).collect();
        let destination = answer.place.map(|place| harmless(&place).into_owned());
        let destination = destination.or_else(|| self.path.as_ref().map(|path| path.display().to_string()));
        Ok(self.receipt(report, destination.unwrap_or_else(|| "stdout".to_owned()), answer.written, skipped))
    }

    fn receipt(&self, report: &ScanReport, destination: String, written: usize, skipped: Vec<Skipped>) -> Receipt {
        let (sink, findings_in) = (self.name.clone(), report.findings.len());
        Receipt { sink, destination, findings_in, written, skipped, statement: None }
    }
}

/// Runs a delivery, which may last longer than a lease, and renews the lease of the ledger meanwhile.
async fn keeping<T>(memory: Option<&DeliveryMemory>, delivery: impl Future<Output = T>) -> T {
    let Some(memory) = memory else { return delivery.await };
    let mut delivery = std::pin::pin!(delivery);
    let mut renewal = tokio::time::interval(memory.renewal());
    // The first tick is at once: the lease was just renewed.
    renewal.tick().await;
    loop {
        tokio::select! {
            done = &mut delivery => return done,
            _ = renewal.tick() => memory.renew(),
        }
    }
}

impl Sink for PluginSink<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(self.check())
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(self.deliver(report, context))
    }
}
