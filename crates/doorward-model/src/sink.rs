//! The contract of a sink: it writes or delivers a scan report and returns a receipt.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

use crate::{HistoryContext, ScanReport};

/// The future a sink returns.
pub type SinkFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// A sink could not write or deliver a report at all.
#[derive(Debug, thiserror::Error)]
#[error("{sink}: {problem}")]
pub struct SinkError {
    /// The sink's name.
    pub sink: String,
    /// One sentence: what failed and what to do next.
    pub problem: String,
}

/// Findings that a sink left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The reason.
    pub reason: String,
    /// The number of findings.
    pub count: usize,
}

/// A sink's account of what became of every finding: `findings_in = written + skipped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The sink's name.
    pub sink: String,
    /// Where it wrote: a path, `stdout`, an address.
    pub destination: String,
    /// Findings it was handed.
    pub findings_in: usize,
    /// Findings it wrote.
    pub written: usize,
    /// Findings it left out, by reason.
    pub skipped: Vec<Skipped>,
    /// The result of a delivery beyond the counts; absent for outputs to stdout, files and folders.
    #[serde(skip)]
    pub statement: Option<DeliveryStatement>,
}

/// The result of a delivery, for the command that requested it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStatement {
    /// Whether everything arrived.
    pub result: DeliveryResult,
    /// All of it, as text for people. Text from outside is in it as it was received: the caller escapes control characters.
    pub text: String,
    /// One line about it.
    pub summary: String,
    /// All of it, as the document of the delivery's command.
    pub document: serde_json::Value,
}

/// Whether a delivery arrived, the best result first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryResult {
    /// Everything that was to be sent was accepted.
    Complete,
    /// Everything was accepted, and some of it was sent as not available because its readings are old.
    Stale,
    /// Not everything was accepted.
    Incomplete,
}

impl Receipt {
    /// Whether every finding is accounted for.
    pub fn adds_up(&self) -> bool {
        self.findings_in == self.written + self.skipped.iter().map(|s| s.count).sum::<usize>()
    }
}

/// The destination of a sink's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkShape {
    /// To stdout or to a file.
    Stream,
    /// To a folder of files.
    Folder,
    /// To a service, by a command of its own.
    Remote,
}

/// The input of a sink besides the report, known only after the report is assembled.
#[derive(Debug, Clone, Copy)]
pub struct SinkContext<'a> {
    /// The earlier scans of the ledger.
    pub history: &'a HistoryContext,
    /// The exit code that the program will have, unless a sink fails.
    pub exit_code: u8,
}

/// An output: it writes a scan report to a file or a folder, or delivers it to a service.
pub trait Sink: Send + Sync {
    /// The sink's name, as in `--format`.
    fn name(&self) -> &str;

    /// Checks, before any scan work, that [`Sink::emit`] can succeed.
    fn preflight(&self) -> SinkFuture<'_, ()>;

    /// Writes or delivers the report.
    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt>;
}
