//! The formats of `--format`, their destinations, and handing the report to each.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use doorward_model::{Receipt, ScanReport, SinkError};

use crate::exit::{Exit, Failure};

mod file;
mod json;
mod ndjson;
mod table;

pub(crate) use file::{Draft, write_file};
pub(crate) use json::JsonDocument;
pub(crate) use ndjson::NdjsonLine;

/// One `--format KIND[=PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    kind: Kind,
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    Json,
    Ndjson,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Ndjson];

    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json-v1",
            Self::Ndjson => "ndjson-v1",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("{text:?} names no file behind the =")),
            Some((kind, "-")) => (kind, None),
            Some((kind, path)) => (kind, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let kinds = || Kind::ALL.map(Kind::name).join(", ");
        let kind = Kind::ALL
            .into_iter()
            .find(|k| k.name() == kind)
            .ok_or_else(|| format!("{kind:?} is not one of {}", kinds()))?;
        Ok(Self { kind, path })
    }
}

impl Format {
    /// The table for people.
    pub(crate) fn table(path: Option<PathBuf>) -> Self {
        Self { kind: Kind::Table, path }
    }

    /// The whole report as one document.
    pub(crate) fn json(path: Option<PathBuf>) -> Self {
        Self { kind: Kind::Json, path }
    }

    /// The report line by line.
    pub(crate) fn ndjson(path: Option<PathBuf>) -> Self {
        Self { kind: Kind::Ndjson, path }
    }

    /// What was asked for, or the table where nothing was.
    pub(crate) fn or_table(asked: &[Self]) -> Vec<Self> {
        if asked.is_empty() { vec![Self::table(None)] } else { asked.to_vec() }
    }

    fn destination(&self) -> String {
        self.path.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string())
    }
}

/// How a report is handed over.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Whether text on stdout is coloured.
    pub(crate) colour: bool,
    /// No closing line.
    pub(crate) quiet: bool,
}

/// Where the report goes, checked before there is one.
pub(crate) struct Sinks(Vec<Format>);

impl Sinks {
    /// Checks that every destination can be written, before any scan work. `also` is a file that is written beside them.
    pub(crate) fn prepare(formats: &[Format], also: Option<&Path>) -> Result<Self, Failure> {
        let usage = |problem: String| Err(Failure::new(Exit::Usage, problem));
        if formats.iter().filter(|format| format.path.is_none()).count() > 1 {
            return usage(
                "two formats would both be written to stdout; give all but one a file: --format json-v1=scan.json"
                    .into(),
            );
        }
        let mut seen = BTreeSet::new();
        for path in formats.iter().filter_map(|format| format.path.as_deref()).chain(also) {
            file::writable(path)
                .map_err(|e| Failure::new(Exit::Preflight, format!("{}: cannot be written: {e}", path.display())))?;
            if file::is_replaceable(path) && !seen.insert(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
            {
                return usage(format!("{}: two outputs would be written to the same file", path.display()));
            }
        }
        Ok(Self(formats.to_vec()))
    }

    /// Writes every format; one that fails does not keep the others from being written.
    pub(crate) fn emit(&self, report: &ScanReport, exit: Exit, manner: Manner) -> Result<(), Failure> {
        let mut failed = Ok(());
        for format in &self.0 {
            let colour = format.path.is_none() && manner.colour;
            let written = write(format, report, exit, colour).map_err(|e| Failure::writing(&format.destination(), &e));
            let accounted = written.and_then(|receipt| match receipt.adds_up() {
                true => Ok(()),
                false => Err(SinkError { sink: receipt.sink, problem: "findings are unaccounted for".into() }.into()),
            });
            failed = failed.and(accounted);
        }
        if !manner.quiet && exit != Exit::Clean {
            let _ = writeln!(io::stderr(), "exit code {}: {}", exit.code(), exit.says());
        }
        failed
    }
}

fn write(format: &Format, report: &ScanReport, exit: Exit, colour: bool) -> io::Result<Receipt> {
    let mut written = 0;
    let mut render = |out: &mut dyn Write| -> io::Result<()> {
        written = match format.kind {
            Kind::Table => table::write(out, report, colour)?,
            Kind::Json => json::write(out, report, exit)?,
            Kind::Ndjson => ndjson::write(out, report, exit)?,
        };
        out.flush()
    };
    match &format.path {
        Some(path) => write_file(path, |file| render(file))?,
        None => render(&mut BufWriter::new(io::stdout().lock()))?,
    }
    Ok(Receipt {
        sink: format.kind.name().to_owned(),
        destination: format.destination(),
        findings_in: report.findings.len(),
        written,
        skipped: Vec::new(),
    })
}
