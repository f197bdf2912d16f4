//! The contract of a sink: it turns a scan report into something outside and says what it did.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

use crate::ScanReport;

/// The future a sink returns.
pub type SinkFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// A sink could not do its work at all.
#[derive(Debug, thiserror::Error)]
#[error("{sink}: {problem}")]
pub struct SinkError {
    /// The sink's name.
    pub sink: String,
    /// One sentence: what failed and what to do next.
    pub problem: String,
}

/// Findings a sink left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Why.
    pub reason: String,
    /// How many.
    pub count: usize,
}

/// What a sink says it did. `findings_in = written + skipped`.
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
}

impl Receipt {
    /// Whether every finding is accounted for.
    pub fn adds_up(&self) -> bool {
        self.findings_in == self.written + self.skipped.iter().map(|s| s.count).sum::<usize>()
    }
}

/// Turns a scan report into something outside.
pub trait Sink: Send + Sync {
    /// The sink's name, as in `--format`.
    fn name(&self) -> &str;

    /// Checks, before any scan work, that [`Sink::emit`] can succeed.
    fn preflight(&self) -> SinkFuture<'_, ()>;

    /// Writes the report and says what it did.
    fn emit<'a>(&'a self, report: &'a ScanReport) -> SinkFuture<'a, Receipt>;
}
