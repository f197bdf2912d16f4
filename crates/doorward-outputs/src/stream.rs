//! The sink of every output that goes to stdout or to a file.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use doorward_model::{Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture, Skipped};

use crate::{OutputOptions, Render, SinkInputs, filtered};
use doorward_file::{Readers, check_writable, write_file};
use doorward_sink_text::{ANY_WIDTH, TextStyle};

/// Writes to stdout or to a file, which appears whole or not at all.
pub(crate) struct StreamSink<'a> {
    name: &'static str,
    path: Option<PathBuf>,
    render: Render,
    inputs: SinkInputs<'a>,
}

impl<'a> StreamSink<'a> {
    /// A sink that writes to a file, or to stdout without a path.
    pub(crate) fn new(name: &'static str, path: Option<PathBuf>, render: Render, inputs: SinkInputs<'a>) -> Self {
        let options = match &path {
            None => inputs.options,
            Some(_) => OutputOptions { style: TextStyle::default(), width: ANY_WIDTH, ..inputs.options },
        };
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
        let mut stdout = Pipe { out: io::stdout().lock(), closed: false };
        let done = match &self.path {
            Some(path) => write_file(path, Readers::Owner, &mut render),
            None => render(&mut BufWriter::new(&mut stdout)),
        };
        let findings_in = report.findings.len();
        let (sink, destination) = (self.name.to_owned(), self.destination());
        match done {
            Ok(()) => {}
            // A reader such as `head` has what it wanted.
            Err(_) if stdout.closed => {
                let skipped = Skipped { reason: "the reader of stdout closed it".to_owned(), count: findings_in };
                return Ok(Receipt {
                    sink,
                    destination,
                    findings_in,
                    written: 0,
                    skipped: vec![skipped],
                    statement: None,
                });
            }
            Err(error) => {
                let problem = format!("{destination} could not be written: {error}");
                return Err(SinkError { sink, problem });
            }
        }
        if let Some(notice) = filtered::notice(self.name, self.inputs.filter) {
            (self.inputs.options.notice)(&notice);
        }
        let (written, skipped) = written.map_or((0, Vec::new()), |written| (written.findings, written.skipped));
        Ok(Receipt { sink, destination, findings_in, written, skipped, statement: None })
    }
}

/// Stdout, and whether its reader closed it: a writer above may put another error in the place of that one.
struct Pipe<W> {
    out: W,
    closed: bool,
}

impl<W: Write> Pipe<W> {
    fn note<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.closed |= done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        done
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.write(bytes);
        self.note(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.flush();
        self.note(done)
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
