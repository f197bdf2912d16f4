//! The sink of every output that goes to stdout or to a file.

use std::io::{self, BufWriter};
use std::path::PathBuf;

use doorward_model::{Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture};

use super::{OutputOptions, Render, SinkInputs};
use doorward_file::{Readers, check_writable, write_file};

/// Writes to stdout or to a file, which appears whole or not at all.
pub(super) struct StreamSink<'a> {
    name: &'static str,
    path: Option<PathBuf>,
    render: Render,
    inputs: SinkInputs<'a>,
}

impl<'a> StreamSink<'a> {
    /// A sink that writes to a file, or to stdout without a path.
    pub(super) fn new(name: &'static str, path: Option<PathBuf>, render: Render, inputs: SinkInputs<'a>) -> Self {
        let options = OutputOptions { colour: inputs.options.colour && path.is_none(), ..inputs.options };
        Self { name, path, render, inputs: SinkInputs { options, ..inputs } }
    }

    fn destination(&self) -> String {
        self.path.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string())
    }

    fn check(&self) -> Result<(), SinkError> {
        self.path.as_deref().map_or(Ok(()), check_writable).map_err(|error| SinkError {
            sink: self.name.to_owned(),
            problem: format!("{} cannot be written: {error}", self.destination()),
        })
    }

    fn write(&self, report: &ScanReport, context: &SinkContext<'_>) -> Result<Receipt, SinkError> {
        let mut written = None;
        let mut render = |out: &mut dyn io::Write| {
            written = Some((self.render)(out, report, &self.inputs, context)?);
            out.flush()
        };
        let done = match &self.path {
            Some(path) => write_file(path, Readers::Owner, &mut render),
            None => render(&mut BufWriter::new(io::stdout().lock())),
        };
        done.map_err(|error| self.error(&error))?;
        let (written, skipped) = written.map_or((0, Vec::new()), |written| (written.findings, written.skipped));
        let (sink, destination) = (self.name.to_owned(), self.destination());
        Ok(Receipt { sink, destination, findings_in: report.findings.len(), written, skipped, statement: None })
    }

    fn error(&self, error: &io::Error) -> SinkError {
        let sink = self.name.to_owned();
        if error.kind() == io::ErrorKind::BrokenPipe {
            return SinkError { sink, problem: String::new() };
        }
        SinkError { sink, problem: format!("{} could not be written: {error}", self.destination()) }
    }
}

impl Sink for StreamSink<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report, &context)))
    }
}
