//! The output formats of a check.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use doorward_iac::SourceFile;
use doorward_model::{GapReason, ReportSettings, Severity, Verdict};

use crate::{CheckError, CheckReport};

mod github;
mod json;
mod junit;
mod pull_request;
mod sarif;
mod text;

pub use json::CheckDocument;

/// One `--format KIND[=PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutput {
    /// The format.
    pub format: CheckFormat,
    /// The file; `None` for stdout.
    pub path: Option<PathBuf>,
}

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFormat {
    /// SourceFile excerpts and counts, for people.
    Text,
    /// The document of [`CheckDocument`].
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// JUnit XML, for build servers.
    Junit,
    /// A summary in Markdown, for pull requests.
    Markdown,
}

const FORMATS: [(&str, CheckFormat); 6] = [
    ("text", CheckFormat::Text),
    ("json-v1", CheckFormat::Json),
    ("sarif", CheckFormat::Sarif),
    ("github", CheckFormat::Github),
    ("junit", CheckFormat::Junit),
    ("markdown", CheckFormat::Markdown),
];

impl FromStr for CheckOutput {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        let (name, path) = match text.split_once('=') {
            Some((_, "")) => return Err(CheckError::FormatWithoutFile { given: text.to_owned() }),
            Some((name, "-")) => (name, None),
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        // A name without a version is the newest version.
        let name = if name == "json" { "json-v1" } else { name };
        match FORMATS.into_iter().find(|(known, _)| *known == name) {
            Some((_, format)) => Ok(Self { format, path }),
            None => {
                let known = FORMATS.map(|(name, _)| name).join(", ");
                Err(CheckError::UnknownFormat { given: name.to_owned(), known })
            }
        }
    }
}

impl CheckOutput {
    /// The outputs of a check: text on stdout if none is given.
    ///
    /// # Errors
    ///
    /// More than one output on stdout.
    pub fn all(given: &[Self]) -> Result<Vec<Self>, CheckError> {
        match given.iter().filter(|output| output.path.is_none()).count() {
            0 if given.is_empty() => Ok(vec![Self { format: CheckFormat::Text, path: None }]),
            0 | 1 => Ok(given.to_vec()),
            _ => Err(CheckError::SeveralFormatsOnStdout),
        }
    }
}

/// The input of every format.
pub struct RenderInput<'a> {
    pub(crate) report: &'a CheckReport,
    pub(crate) thresholds: &'a ReportSettings,
    /// The exit code of the run.
    pub(crate) exit_code: u8,
    /// The checked files by path, for excerpts.
    pub(crate) sources: BTreeMap<&'a str, &'a SourceFile>,
}

impl<'a> RenderInput<'a> {
    /// The input for one report.
    pub fn new(
        report: &'a CheckReport,
        thresholds: &'a ReportSettings,
        exit_code: u8,
        sources: &'a [SourceFile],
    ) -> Self {
        let sources = sources.iter().map(|source| (source.path.as_str(), source)).collect();
        Self { report, thresholds, exit_code, sources }
    }
}

/// Options of the format `text`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Colours and styles by escape codes.
    pub colour: bool,
    /// Show informational failures and rules that were not asked, which are otherwise only counted.
    pub verbose: bool,
    /// The width in columns at which sentences are broken; none: they are not broken.
    pub width: Option<usize>,
}

impl CheckFormat {
    /// Writes a report.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(self, input: &RenderInput<'_>, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
        // Every format streams: as one string, the report of a large check would take its memory a second time.
        let mut out = BufWriter::new(out);
        match self {
            Self::Text => text::write(input, options, &mut out),
            Self::Json => json::write(input, &mut out),
            Self::Sarif => sarif::write(input, &mut out),
            Self::Github => github::write(input, &mut out),
            Self::Junit => junit::write(input, &mut out),
            Self::Markdown => pull_request::write(input, &mut out),
        }?;
        out.flush()
    }
}

/// The next step for a declaration that leaves a value to the deployed load balancer.
const NO_MODE: &str =
    "Set it here; or pass --new if nothing is deployed yet, or --scan FILE to take the value that a scan saw.";

/// The next step for a verdict: a failure's remedy, or the remedy of the first gap of an unknown verdict.
fn help(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Fail { remedy, .. } | Verdict::NotAsked { remedy, .. } => Some(remedy),
        Verdict::Unknown { gaps, .. } => gaps.first().map(|gap| match gap.reason {
            // The remedies of these reasons are written for a scan.
            GapReason::KeepsLiveValue => NO_MODE,
            GapReason::Malformed => "Correct the value in the file.",
            _ => gap.remedy(),
        }),
        Verdict::Pass { .. } | Verdict::Excepted { .. } | Verdict::NotApplicable { .. } => None,
    }
}

/// A number with its noun: `1 file`, `2 files`.
fn count(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// The three levels that compilers, SARIF and editors share.
enum Level {
    Error,
    Warning,
    Note,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High | Severity::Medium => Self::Error,
            Severity::Low => Self::Warning,
            Severity::Informational => Self::Note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(given: &[&str]) -> Result<Vec<CheckOutput>, String> {
        let parsed: Result<Vec<CheckOutput>, CheckError> = given.iter().map(|text| text.parse()).collect();
        parsed.and_then(|parsed| CheckOutput::all(&parsed)).map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })
    }

    #[test]
    fn one_output_at_most_goes_to_stdout() {
        let text = CheckOutput { format: CheckFormat::Text, path: None };
        let sarif = CheckOutput { format: CheckFormat::Sarif, path: Some("a=b.sarif".into()) };
        assert_eq!(outputs(&[]), Ok(vec![text.clone()]));
        assert_eq!(outputs(&["sarif=a=b.sarif", "text=-"]), Ok(vec![sarif, text]));
        for (given, expected) in [
            (&["text", "junit=-"][..], "two formats would both be written to stdout; give all but one a file"),
            (&["sarif="], "\"sarif=\" names no file after the ="),
            (&["xml"], "\"xml\" is not one of text, json-v1, sarif, github, junit, markdown"),
        ] {
            let error = outputs(given).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
