//! The formats of `--format`, their destinations, and handing the report to each.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub(crate) use doorward_file::{Readers, write_file};
use doorward_file::{check_writable, create_private_folder};
use doorward_model::{Policy, Receipt, ScanReport, SinkError, Skipped, Verdict};
use doorward_rules::exceptions::Register;
use doorward_sink_evidence::Dialect;
use doorward_sink_securityhub::{Index, Shape, asff_json, ocsf_ndjson};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::past::Past;
use crate::places::Places;
use crate::publish::{self, PublishSettings};
use evidence::Archive;

mod evidence;
mod json;
mod ndjson;
mod people;
mod table;

pub(crate) use evidence::EvidenceSettings;
pub(crate) use json::JsonDocument;
pub(crate) use ndjson::NdjsonLine;
pub(crate) use people::OwnersSettings;

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
    Owners,
    Html,
    Csv,
    CsvRaw,
    Evidence,
    Asff,
    Ocsf,
    OcsfSecurityLake,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Owners,
        Self::Html,
        Self::Csv,
        Self::CsvRaw,
        Self::Evidence,
        Self::Asff,
        Self::Ocsf,
        Self::OcsfSecurityLake,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json-v1",
            Self::Ndjson => "ndjson-v1",
            Self::Owners => "owners",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::CsvRaw => "csv-raw",
            Self::Evidence => "evidence",
            Self::Asff => "asff",
            Self::Ocsf => "ocsf",
            Self::OcsfSecurityLake => "ocsf-1.3",
        }
    }

    /// Whether it is a folder of files rather than one file.
    fn is_folder(self) -> bool {
        matches!(self, Self::Owners | Self::Evidence)
    }
}

impl Format {
    /// Whether it goes to stdout.
    pub(crate) fn is_for_stdout(&self) -> bool {
        self.path.is_none()
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
        if kind.is_folder() && path.is_none() {
            return Err(format!("{0} is a folder of files: write {0}=DIR", kind.name()));
        }
        Ok(Self { kind, path })
    }
}

impl Format {
    /// Every format but the table, into a folder: what the demo shows.
    pub(crate) fn all_into(folder: &Path) -> Vec<Self> {
        let files = [
            (Kind::Table, "scan.txt"),
            (Kind::Json, "scan.json"),
            (Kind::Ndjson, "scan.ndjson"),
            (Kind::Html, "scan.html"),
            (Kind::Owners, "owners"),
            (Kind::Csv, "scan.csv"),
            (Kind::Evidence, "evidence"),
            (Kind::Asff, "scan.asff.json"),
            (Kind::Ocsf, "scan.ocsf.ndjson"),
        ];
        files.into_iter().map(|(kind, name)| Self { kind, path: Some(folder.join(name)) }).collect()
    }

    /// The table for people.
    pub(crate) fn table(path: Option<PathBuf>) -> Self {
        Self { kind: Kind::Table, path }
    }

    /// What was asked for, or the table where nothing was.
    pub(crate) fn or_table(asked: &[Self]) -> Vec<Self> {
        if asked.is_empty() { vec![Self::table(None)] } else { asked.to_vec() }
    }

    /// Adds where it goes to the places of a command.
    pub(crate) fn claim(&self, places: &mut Places) {
        let what = format!("--format {}", self.kind.name());
        match &self.path {
            Some(path) if self.kind.is_folder() => places.folder(&what, path),
            Some(path) => places.file(&what, path),
            None => {}
        }
    }

    fn destination(&self) -> String {
        self.path.as_ref().map_or_else(|| "stdout".to_owned(), |path| path.display().to_string())
    }
}

/// What sinks are told besides the report.
pub(crate) struct Around<'a> {
    /// What was demanded.
    pub(crate) policy: &'a Policy,
    /// Who was allowed to fail a rule.
    pub(crate) register: &'a Register,
    /// What the ledger remembered.
    pub(crate) past: &'a Past,
    /// How the sinks are set.
    pub(crate) sinks: &'a SinkSettings,
    /// All settings, as text for evidence.
    pub(crate) settings: &'a str,
    /// What the program calls itself; its own hash where nothing is said.
    pub(crate) build: Option<&'a str>,
}

/// The settings of the sinks, as they are kept beside a saved scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SinkSettings {
    pub(crate) evidence: EvidenceSettings,
    pub(crate) owners: OwnersSettings,
    pub(crate) publish: PublishSettings,
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
pub(crate) struct Sinks(Vec<(Format, Option<Archive>)>);

impl Sinks {
    /// Checks that every destination can be written, before any scan work, and that none of them is one of the places that are
    /// kept. `also` is a file that is written beside them.
    pub(crate) fn prepare(
        formats: &[Format],
        settings: &SinkSettings,
        also: Option<&Path>,
        mut places: Places,
    ) -> Result<Self, Failure> {
        let usage = |problem: String| Err(Failure::new(Exit::Usage, problem));
        if formats.iter().filter(|format| format.path.is_none()).count() > 1 {
            return usage(
                "two formats would both be written to stdout; give all but one a file: --format json-v1=scan.json"
                    .into(),
            );
        }
        formats.iter().for_each(|format| format.claim(&mut places));
        if let Some(path) = also {
            places.file("--save", path);
        }
        places.check()?;
        let folders = formats.iter().filter(|format| format.kind.is_folder());
        for path in folders.filter_map(|format| format.path.as_deref()) {
            create_private_folder(path)
                .map_err(|e| Failure::new(Exit::Preflight, format!("{}: cannot be made: {e}", path.display())))?;
        }
        let files = formats.iter().filter(|format| !format.kind.is_folder());
        for path in files.filter_map(|format| format.path.as_deref()).chain(also) {
            check_writable(path)
                .map_err(|e| Failure::new(Exit::Preflight, format!("{}: cannot be written: {e}", path.display())))?;
        }
        let prepared = formats.iter().map(|format| {
            let archive = match (&format.kind, &format.path) {
                (Kind::Evidence, Some(folder)) => Some(Archive::open(folder, &settings.evidence)?),
                _ => None,
            };
            Ok((format.clone(), archive))
        });
        Ok(Self(prepared.collect::<Result<_, Failure>>()?))
    }

    /// Writes every format; one that fails does not keep the others from being written.
    pub(crate) fn emit(
        &self,
        report: &ScanReport,
        around: &Around<'_>,
        exit: Exit,
        manner: Manner,
    ) -> Result<(), Failure> {
        let mut failed = Ok(());
        for (format, archive) in &self.0 {
            let colour = format.path.is_none() && manner.colour;
            let written = match archive {
                Some(archive) => archive.write(report, around, exit, manner.quiet),
                None => write(format, report, around, exit, colour),
            };
            let accounted = written.and_then(|receipt: Receipt| match receipt.adds_up() {
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

fn write(
    format: &Format,
    report: &ScanReport,
    around: &Around<'_>,
    exit: Exit,
    colour: bool,
) -> Result<Receipt, Failure> {
    if let (true, Some(folder)) = (format.kind.is_folder(), &format.path) {
        return Ok(people::write_owners(folder, report, around)?);
    }
    let mut written = 0;
    let page = if format.kind == Kind::Html { Some(people::page(report, around)?) } else { None };
    let destination = format.destination();
    let csv = |out: &mut dyn Write, dialect| {
        let receipt = evidence::write_csv(out, &destination, report, around, dialect);
        receipt.map(|receipt| receipt.written).map_err(io::Error::other)
    };
    let renderer =
        || publish::renderer(&around.sinks.publish, around.register, around.policy, &report.load_balancers, false);
    let mut render = |mut out: &mut dyn Write| -> io::Result<()> {
        written = match format.kind {
            Kind::Table => table::write(out, report, colour)?,
            Kind::Json => json::write(out, report, exit)?,
            Kind::Ndjson => ndjson::write(out, report, exit)?,
            Kind::Csv => csv(out, Dialect::Excel)?,
            Kind::CsvRaw => csv(out, Dialect::Raw)?,
            Kind::Html | Kind::Owners | Kind::Evidence => {
                out.write_all(page.as_deref().unwrap_or_default().as_bytes())?;
                report.findings.len()
            }
            Kind::Asff => asff_json(&renderer(), &Index::new(report), &mut out)?,
            Kind::Ocsf => ocsf_ndjson(&renderer(), &Index::new(report), Shape::Current, &mut out)?,
            Kind::OcsfSecurityLake => ocsf_ndjson(&renderer(), &Index::new(report), Shape::SecurityLake, &mut out)?,
        };
        out.flush()
    };
    let done = match &format.path {
        Some(path) => write_file(path, Readers::Owner, &mut render),
        None => render(&mut BufWriter::new(io::stdout().lock())),
    };
    done.map_err(|e| Failure::writing(&format.destination(), &e))?;
    let count = |wanted: fn(&Verdict) -> bool| report.findings.iter().filter(|f| wanted(&f.verdict)).count();
    let left_out = [
        ("the rule does not apply", count(|verdict| matches!(verdict, Verdict::NotApplicable { .. }))),
        ("the rule was not asked", count(|verdict| matches!(verdict, Verdict::NotAsked { .. }))),
    ];
    let skipped = match format.kind {
        Kind::Asff | Kind::Ocsf | Kind::OcsfSecurityLake => {
            let left_out = left_out.into_iter().filter(|(_, count)| *count > 0);
            left_out.map(|(reason, count)| Skipped { reason: reason.to_owned(), count }).collect()
        }
        _ => Vec::new(),
    };
    Ok(Receipt {
        sink: format.kind.name().to_owned(),
        destination: format.destination(),
        findings_in: report.findings.len(),
        written,
        skipped,
    })
}
