//! The exception register: its files are read before a scan, and their texts are kept with a saved scan.

use std::path::PathBuf;

use doorward_model::ScanReport;
use doorward_rules::exceptions::{Register, Terms};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::plain::harmless;

/// The exception register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionSettings {
    /// The files of the register; relative to the settings file that names them.
    pub(crate) files: Vec<PathBuf>,
    /// The longest term of an exception, in days.
    pub(crate) maximum_days: u32,
    /// How many days before its end an exception is due.
    pub(crate) warn_days: u32,
    /// How many load balancers an exception may cover without `many = true`.
    pub(crate) maximum_matches: usize,
}

impl ExceptionSettings {
    pub(crate) fn terms(&self) -> Terms {
        Terms { maximum_days: self.maximum_days, warn_days: self.warn_days, maximum_matches: self.maximum_matches }
    }

    /// Reads the files. A register that cannot be read stops everything before it starts: exceptions neither fail open
    /// nor fail into alarm for everything.
    pub(crate) fn read(&self) -> Result<ExceptionTexts, Failure> {
        let read = |path: &PathBuf| {
            let text = doorward_file::input::text(path);
            let label = path.display().to_string();
            text.map(|text| RegisterFile { path: label.clone(), text }).map_err(|e| {
                Failure::new(
                    Exit::Usage,
                    format!("{label}: the exception register (exceptions.files) cannot be read: {e}"),
                )
            })
        };
        Ok(ExceptionTexts { files: self.files.iter().map(read).collect::<Result<_, _>>()?, settings: self.clone() })
    }
}

/// One file of the register, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RegisterFile {
    /// Its path.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// The register as text, kept with a saved scan so that the scan is judged again by the same exceptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ExceptionTexts {
    pub(crate) settings: ExceptionSettings,
    pub(crate) files: Vec<RegisterFile>,
}

impl ExceptionTexts {
    /// Parses the register. The failure lists every error with file and line.
    pub(crate) fn register(&self) -> Result<Register, Failure> {
        let files: Vec<(String, String)> = self.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
        Register::parse(&files, &self.settings.terms()).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Usage, lines.join("\n"))
        })
    }
}

/// Reports on stderr the errors in the use of the register and, unless `quiet`, its warnings. Returns the exit code of the errors,
/// if there are any: the report is still written, because its figures show how wide an exception is.
pub(crate) fn notices(register: &Register, report: &ScanReport, quiet: bool) -> Option<Exit> {
    let caveat = if report.is_whole() { "" } else { " (not everything in scope was read)" };
    let mut exit = None;
    for notice in register.usage(&report.load_balancers, &report.findings, report.run.started) {
        let is_error = notice.kind.is_error();
        if is_error {
            exit = Some(Exit::Usage);
        }
        if is_error || !quiet {
            let before = if is_error { "error" } else { "warning" };
            crate::io::log(&format!("{before}: {}{caveat}", harmless(&notice.to_string())));
        }
    }
    exit
}
