//! The sink of a plugin: streams the report, and accepts only a receipt that accounts for every finding.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use doorward_aws::Clock;
use doorward_file::{AtomicFile, Readers, check_writable};
use doorward_model::{Finding, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture, Skipped, harmless};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::time::Instant;

use crate::contract::{
    CONTRACT, DeliveryHeader, FindingGone, PluginDescription, PluginDestination, PluginReceipt, ReportHeader, SinceLast,
};
use crate::hash::{content_hash, delivery_id};
use crate::memory::{DeliveredFindings, DeliveryMemory, EarlierDeliveries, OpenLedger};
use crate::program::last_words;
use crate::{Plugin, PluginError};

/// How much is written to a plugin at once, in bytes.
const CHUNK: usize = 1 << 16;
/// The place of the rule in an id that stands for a load balancer.
const ANY_RULE: &str = "*";
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
    may_repeat: bool,
    previous: Option<&'a str>,
    hashes: &'a [String],
    /// The content hashes of the last delivery, and the findings that are gone since then; none without `delta`.
    since: Option<(&'a BTreeMap<String, String>, &'a [String])>,
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
        let arrived = earlier.delivered.as_deref() == Some(&id);
        let delivered = if arrived && description.destination == PluginDestination::Remote && !self.redeliver {
            let count = report.findings.len();
            let skipped = vec![Skipped { reason: "this report was delivered already".to_owned(), count }];
            Ok(self.receipt(report, destination, 0, skipped))
        } else {
            let (gone, next) = self.changes(report, &hashes, &earlier);
            memory.as_ref().map_or(Ok(()), |memory| memory.intend(&id, &next, (self.clock)()))?;
            let shipment = Shipment {
                id: &id,
                may_repeat: arrived || earlier.open.as_deref() == Some(&id),
                previous: earlier.delivered.as_deref(),
                hashes: &hashes,
                since: self.delta.then_some((&earlier.findings.hashes, gone.as_slice())),
            };
            let delivered = self.with_tries(report, context, description.destination, &shipment).await;
            let arrived = delivered.is_ok();
            let noted = memory.as_ref().filter(|_| arrived);
            let noted = noted.map_or(Ok(()), |memory| memory.acknowledge(&id, (self.clock)()));
            delivered.and_then(|receipt| noted.map(|()| receipt))
        };
        let released = memory.map_or(Ok(()), DeliveryMemory::release);
        delivered.and_then(|receipt| released.map(|()| receipt))
    }

    /// The findings of the last delivery that are gone, and what the next delivery compares with. What was not read or not asked is not
    /// gone, and neither is what an older scan does not have.
    fn changes(
        &self,
        report: &ScanReport,
        hashes: &[String],
        earlier: &EarlierDeliveries,
    ) -> (Vec<String>, DeliveredFindings) {
        if !self.delta {
            return (Vec::new(), DeliveredFindings::default());
        }
        // A load balancer of the report exists, whatever rules were asked of it.
        let read: BTreeSet<(&str, &str)> = report
            .coverage
            .lines
            .iter()
            .filter(|line| line.fully_listed)
            .filter_map(|line| Some((line.region.as_ref()?.as_str(), line.account.as_str())))
            .collect();
        let exist: BTreeSet<String> =
            report.load_balancers.iter().map(|lb| Finding::id_for(&lb.arn, ANY_RULE)).collect();
        // What an older scan does not have may have been created since.
        let is_older = earlier.findings.scanned.is_some_and(|scanned| report.run.started < scanned);
        let has_ended = |id: &str| {
            let parts: Vec<&str> = id.splitn(6, '/').collect();
            let [own, partition, region, account, _, resource] = parts.as_slice() else { return false };
            let of_load_balancer = [own, partition, region, account, &ANY_RULE, resource].map(|part| *part).join("/");
            !is_older && read.contains(&(*region, *account)) && !exist.contains(&of_load_balancer)
        };
        let mut next: BTreeMap<String, String> =
            report.findings.iter().map(|finding| finding.id.clone()).zip(hashes.iter().cloned()).collect();
        let mut gone = Vec::new();
        for (id, hash) in &earlier.findings.hashes {
            if next.contains_key(id) {
                continue;
            }
            if has_ended(id) {
                gone.push(id.clone());
            } else {
                next.insert(id.clone(), hash.clone());
            }
        }
        let scanned = earlier.findings.scanned.max(Some(report.run.started));
        (gone, DeliveredFindings { hashes: next, scanned })
    }

    async fn with_tries(
        &self,
        report: &ScanReport,
        context: SinkContext<'_>,
        kind: PluginDestination,
        shipment: &Shipment<'_>,
    ) -> Result<Receipt, SinkError> {
        let end = Instant::now() + self.plugin.timeout();
        let mut wait = FIRST_WAIT;
        for tried in 1_u32.. {
            let left = end.saturating_duration_since(Instant::now());
            match self.once(report, context, kind, shipment, left).await {
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
        kind: PluginDestination,
        shipment: &Shipment<'_>,
        timeout: Duration,
    ) -> Result<Receipt, PluginError> {
        let written_to = Destination::new(kind, self.path.as_deref())?;
        let place = written_to.path().map(|path| path.to_string_lossy().into_owned());
        let header = ReportHeader {
            line: "header",
            contract: CONTRACT,
            config: self.plugin.config(),
            delivery: DeliveryHeader { id: shipment.id, may_repeat: shipment.may_repeat, previous: shipment.previous },
            destination: place.as_deref(),
            delta: self.delta,
        };
        let header = serde_json::to_vec(&header).map_err(|error| PluginError::new(error.to_string()))?;
        let lines = (self.lines)(report, context);
        let feed = |stdin: ChildStdin| write(stdin, header, lines, shipment);
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
        written_to.finish(self.path.as_deref())?;
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

/// Writes the header and the lines, no faster than the plugin reads.
async fn write<'a>(
    mut stdin: ChildStdin,
    header: Vec<u8>,
    lines: LinesOfReport<'a>,
    shipment: &Shipment<'_>,
) -> io::Result<()> {
    let mut chunk = header;
    chunk.push(b'\n');
    let mut hashes = shipment.hashes.iter();
    for line in lines {
        let ReportLine { finding, is_end, mut json } = line?;
        // Only a finding takes the next hash.
        if let Some((finding, hash)) = finding.and_then(|finding| Some((finding, hashes.next()?))) {
            json.pop();
            write!(json, ",\"content_hash\":\"{hash}\"")?;
            if let Some((earlier, _)) = shipment.since {
                let since = match earlier.get(&finding.id) {
                    None => SinceLast::New,
                    Some(before) if before == hash => SinceLast::Same,
                    Some(_) => SinceLast::Changed,
                };
                write!(json, ",\"since_last\":{}", serde_json::to_string(&since)?)?;
            }
            json.push(b'}');
        }
        if let (true, Some((_, gone))) = (is_end, shipment.since) {
            for id in gone {
                serde_json::to_writer(&mut chunk, &FindingGone { line: "finding_gone", id })?;
                chunk.push(b'\n');
            }
        }
        chunk.append(&mut json);
        chunk.push(b'\n');
        if chunk.len() >= CHUNK {
            stdin.write_all(&chunk).await?;
            chunk.clear();
        }
    }
    stdin.write_all(&chunk).await?;
    stdin.shutdown().await
}

/// Where a plugin writes.
enum Destination {
    /// The path that the user named, or nowhere.
    Named(Option<PathBuf>),
    /// A temporary file, which Doorward puts in its place.
    Temporary(tempfile::TempDir, PathBuf),
}

impl Destination {
    fn new(kind: PluginDestination, path: Option<&Path>) -> Result<Self, PluginError> {
        if kind != PluginDestination::Stream {
            let path = path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
            return Ok(Self::Named(path));
        }
        let folder = tempfile::tempdir()
            .map_err(|error| PluginError::new(format!("no temporary folder can be created: {error}")))?;
        let file = folder.path().join("output");
        Ok(Self::Temporary(folder, file))
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Named(path) => path.as_deref(),
            Self::Temporary(_, path) => Some(path),
        }
    }

    /// Puts the output in its place.
    fn finish(self, path: Option<&Path>) -> Result<(), PluginError> {
        let Self::Temporary(_folder, file) = self else { return Ok(()) };
        let copy = || {
            let mut from = std::fs::File::open(&file)?;
            let Some(path) = path else {
                let mut stdout = io::stdout().lock();
                return io::copy(&mut from, &mut stdout).and_then(|_| stdout.flush());
            };
            let mut into = AtomicFile::create(path, Readers::Owner)?;
            io::copy(&mut from, &mut into)?;
            into.finish()
        };
        copy().map_err(|error| PluginError::new(format!("its output could not be moved to its destination: {error}")))
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
