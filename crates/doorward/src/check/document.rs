//! `json-v1` of a check.
//!
//! Promise: within v1, keys are added and never renamed, removed or given another meaning; readers should ignore keys
//! they do not know.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_iac::{Place, Subject};
use doorward_model::{Mode, Observed, Verdict, VerdictKind};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::Told;
use super::judge::{Checked, Judged};

/// The document.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CheckDocument<'a> {
    /// `json-v1`.
    format: &'static str,
    /// `check`.
    kind: &'static str,
    /// Doorward's version.
    tool_version: &'static str,
    /// The exit code of the run that wrote it; `doorward explain exit-codes` explains it.
    exit_code: u8,
    /// Verdicts by rule and kind.
    verdicts: BTreeMap<&'a str, BTreeMap<VerdictKind, usize>>,
    /// The files that were read.
    files: Vec<CheckedFile<'a>>,
    /// What is declared, ordered by place.
    #[schemars(with = "Vec<CheckedDeclaration<'a>>")]
    declared: Declarations<'a>,
    /// Every verdict, ordered by place and rule.
    #[schemars(with = "Vec<CheckFinding<'a>>")]
    findings: Findings<'a>,
    /// Files that could not be read as what they are.
    problems: Vec<CheckProblem<'a>>,
    /// What is declared elsewhere and was not read.
    unread: Vec<NotRead<'a>>,
}

/// A file that was read.
#[derive(Serialize, JsonSchema)]
struct CheckedFile<'a> {
    /// Its path.
    file: &'a str,
    /// Its dialect.
    dialect: &'a str,
}

/// A stretch of a file. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Serialize, JsonSchema)]
struct Stretch<'a> {
    /// The file.
    file: &'a str,
    /// The first line.
    line: usize,
    /// The first column.
    column: usize,
    /// The last line.
    end_line: usize,
    /// The column after the last.
    end_column: usize,
}

impl<'a> From<&'a Place> for Stretch<'a> {
    fn from(place: &'a Place) -> Self {
        let Place { file, line, column, end_line, end_column, .. } = place;
        Self { file, line: *line, column: *column, end_line: *end_line, end_column: *end_column }
    }
}

/// What is declared.
#[derive(Serialize, JsonSchema)]
struct CheckedDeclaration<'a> {
    /// What its language calls it.
    address: &'a str,
    /// Its language.
    dialect: &'a str,
    /// Where the mode is written, or where the declaration begins.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// `create`, `update`, `keep`, or `unsaid`.
    action: &'a str,
    /// The kind of load balancer; absent where it is none that could carry a mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<&'a str>,
    /// The mode it will be in.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a Observed<Mode>>,
    /// The mode that is required, where that is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    required_mode: Option<Mode>,
    /// The owner as people should read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    /// How the value got to its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    /// Whether `--fix` can write the mode, or why it cannot.
    fixable: Result<(), &'a str>,
}

/// One verdict.
#[derive(Serialize, JsonSchema)]
struct CheckFinding<'a> {
    /// Stable for a file, an address and a rule.
    id: String,
    /// The rule.
    rule: &'a str,
    /// What is judged.
    address: &'a str,
    /// Where.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// The answer.
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// A file that could not be read.
#[derive(Serialize, JsonSchema)]
struct CheckProblem<'a> {
    /// The file.
    file: &'a str,
    /// The line.
    line: usize,
    /// The column.
    column: usize,
    /// What is wrong with it.
    problem: &'a str,
}

/// What was not read.
#[derive(Serialize, JsonSchema)]
struct NotRead<'a> {
    /// What it is.
    address: &'a str,
    /// Where it is asked for.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// Why, and what to do.
    because: &'a str,
}

/// The id of a finding: made of file, address and rule, of nothing else.
pub(super) fn id(file: &str, address: &str, rule: &str) -> String {
    format!("doorward/check/{rule}/{file}#{address}")
}

/// The declarations, made one by one as they are written.
struct Declarations<'a>(&'a Checked);

impl Serialize for Declarations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.judged.iter().map(CheckedDeclaration::of))
    }
}

/// The verdicts, made one by one as they are written.
struct Findings<'a>(&'a Checked);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = self.0.judged.iter().flat_map(|judged| {
            judged.verdicts.iter().map(|(meta, verdict)| CheckFinding {
                id: id(&judged.declared.place.file, &judged.declared.address, meta.id),
                rule: meta.id,
                address: &judged.declared.address,
                place: (&judged.declared.place).into(),
                verdict,
            })
        });
        serializer.collect_seq(findings)
    }
}

impl<'a> CheckedDeclaration<'a> {
    fn of(judged: &'a Judged) -> Self {
        let declared = &judged.declared;
        let lb = declared.load_balancer();
        Self {
            address: &declared.address,
            dialect: declared.dialect.as_str(),
            place: (&declared.place).into(),
            action: declared.action.as_str(),
            load_balancer: lb.map(|lb| lb.kind.as_str()),
            mode: lb.filter(|lb| lb.kind.can_parse_http()).map(|lb| &lb.mode),
            required_mode: judged.required,
            owner: lb.map(|lb| lb.owner_label()),
            note: declared.note.as_deref(),
            fixable: match (&declared.fix, &declared.subject) {
                (_, Subject::Incapable(because)) => Err(because),
                (Ok(_), _) => Ok(()),
                (Err(why), _) => Err(why),
            },
        }
    }
}

/// Writes the document.
pub(super) fn write(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let checked = told.checked;
    let document = CheckDocument {
        format: "json-v1",
        kind: "check",
        tool_version: env!("CARGO_PKG_VERSION"),
        exit_code: told.exit.code(),
        verdicts: checked.tally(),
        files: checked.files.iter().map(|(file, dialect)| CheckedFile { file, dialect: dialect.as_str() }).collect(),
        declared: Declarations(checked),
        findings: Findings(checked),
        problems: checked
            .problems
            .iter()
            .map(|p| CheckProblem { file: &p.file, line: p.line, column: p.column, problem: &p.problem })
            .collect(),
        unread: checked
            .unread
            .iter()
            .map(|u| NotRead { address: &u.address, place: (&u.place).into(), because: &u.because })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
