//! The sinks of one command: checked before any work, and given the report at the end.

use std::path::Path;

use doorward_model::{HistoryContext, ScanReport, Sink, SinkContext, SinkError};

use crate::exit::{Exit, Failure};
use crate::internal_error;
use crate::io::written;
use doorward_file::check_writable;
use doorward_file::places::Places;
use doorward_outputs::{Format, OutputError, SinkInputs};

/// Sinks whose destinations can be written.
pub(crate) struct PreparedSinks<'a> {
    sinks: Vec<(String, Box<dyn Sink + 'a>)>,
    quiet: bool,
}

impl<'a> PreparedSinks<'a> {
    /// Checks, before any scan work, that every destination can be written and that none of them is a place that the command keeps.
    /// `also` is a file that is written besides.
    pub(crate) async fn new(
        formats: &[Format],
        inputs: SinkInputs<'a>,
        also: Option<&Path>,
        mut places: Places,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let plugins = inputs.plugins.map(|plugins| plugins.settings);
        for format in formats {
            let names = plugins.iter().flat_map(|plugins| plugins.keys());
            format.check(names).map_err(|problem| Failure::new(Exit::Usage, problem))?;
        }
        if formats.iter().filter(|format| format.is_for_stdout()).count() > 1 {
            let problem =
                "two formats would both be written to stdout; give all but one a file: --format json-v1=scan.json";
            return Err(Failure::new(Exit::Usage, problem));
        }
        formats.iter().for_each(|format| format.claim(&mut places));
        if let Some(path) = also {
            places.file("--save", path);
        }
        places.check()?;
        if let Some(path) = also {
            check_writable(path).map_err(|e| {
                Failure::new(Exit::Preflight, format!("--save: {} cannot be written: {e}", path.display()))
            })?;
        }
        if let Some(path) = also {
            internal_error::owe(&internal_error::saving(path));
        }
        let sinks = formats.iter().map(|format| Ok((format.to_string(), format.sink(inputs)?)));
        let sinks = sinks.collect::<Result<Vec<_>, OutputError>>()?;
        for (output, sink) in &sinks {
            internal_error::owe(output);
            sink.preflight().await.map_err(|error| Failure::new(Exit::Preflight, error.to_string()))?;
        }
        Ok(Self { sinks, quiet })
    }

    /// Gives the report to every sink. A sink that fails does not keep the others from writing; the first failure is returned.
    pub(crate) async fn emit(&self, report: &ScanReport, history: &HistoryContext, exit: Exit) -> Result<(), Failure> {
        let context = SinkContext { history, exit_code: exit.code() };
        let mut outcome = Ok(());
        for (output, sink) in &self.sinks {
            #[cfg(debug_assertions)]
            internal_error::provoke(output);
            let accounted = sink.emit(report, context).await.and_then(|receipt| match receipt.adds_up() {
                true => {
                    if !self.quiet {
                        written(&receipt.destination);
                    }
                    Ok(())
                }
                false => Err(SinkError { sink: receipt.sink, problem: "findings are unaccounted for".to_owned() }),
            });
            internal_error::settle(output);
            outcome = outcome.and(accounted.map_err(Failure::from));
        }
        if !self.quiet {
            exit.state_at_end(exit.meaning());
        }
        outcome
    }
}
