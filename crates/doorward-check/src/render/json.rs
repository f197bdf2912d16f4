//! The format `json-v1` of a check.
//!
//! Within v1, keys are added and never renamed, removed or redefined. Readers should ignore keys they do not know.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_iac::SourceRange;
use doorward_model::{Mode, Observed, Verdict, VerdictKind};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::RenderInput;
use crate::{CheckReport, JudgedDeclaration};

/// The document.
#[derive(Serialize, JsonSchema)]
pub struct CheckDocument<'a> {
    /// `json-v1`.
    format: &'static str,
    /// `check`.
    kind: &'static str,
    /// Doorward's version.
    tool_version: &'static str,
    /// The exit code of the run; see `doorward explain exit-codes`.
    exit_code: u8,
    /// The number of verdicts by rule and kind.
    verdicts: BTreeMap<&'a str, BTreeMap<VerdictKind, usize>>,
    /// The files that were read.
    files: Vec<CheckedFile<'a>>,
    /// The declarations, ordered by place.
    #[schemars(with = "Vec<CheckedDeclaration<'a>>")]
    declared: Declarations<'a>,
    /// Every verdict, ordered by place and rule.
    #[schemars(with = "Vec<CheckFinding<'a>>")]
    findings: Findings<'a>,
    /// Files that could not be parsed.
    problems: Vec<CheckProblem<'a>>,
    /// Files, modules and templates that were not read and may declare load balancers.
    unread: Vec<NotRead<'a>>,
    /// Files, modules and templates that were not read and in which nothing indicates a load balancer. They do not change the
    /// exit code.
    unexamined: Vec<NotExamined<'a>>,
}

/// A file that was read.
#[derive(Serialize, JsonSchema)]
struct CheckedFile<'a> {
    /// Its path.
    file: &'a str,
    /// Its dialect.
    dialect: &'a str,
}

/// A range of a file. Lines and columns count from 1, columns in characters; the end is exclusive.
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

impl<'a> From<&'a SourceRange> for Stretch<'a> {
    fn from(place: &'a SourceRange) -> Self {
        let SourceRange { file, line, column, end_line, end_column, .. } = place;
        Self { file, line: *line, column: *column, end_line: *end_line, end_column: *end_column }
    }
}

/// A declaration.
#[derive(Serialize, JsonSchema)]
struct CheckedDeclaration<'a> {
    /// Unique in the document; the end of the ids of its findings.
    id: String,
    /// Its address in its dialect.
    address: &'a str,
    /// Its dialect.
    dialect: &'a str,
    /// Where the mode is set, or where the declaration begins if it is not.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// `create`, `update`, `keep`, or `unspecified` where the declaration does not determine it.
    action: &'a str,
    /// The kind of load balancer; absent for a declaration that cannot set a mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<&'a str>,
    /// The mode after deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a Observed<Mode>>,
    /// The required mode, where it is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    required_mode: Option<Mode>,
    /// The owner, for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    /// Where the value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    /// Whether `--fix` can set the mode.
    fixable: bool,
    /// Why it cannot; absent if it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfixable: Option<&'a str>,
}

/// One verdict.
#[derive(Serialize, JsonSchema)]
struct CheckFinding<'a> {
    /// Depends on file, address, root and rule only; unique in the document.
    id: String,
    /// The rule.
    rule: &'a str,
    /// The declaration's address.
    address: &'a str,
    /// Its place.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// The verdict.
    #[serde(flatten)]
    verdict: &'a Verdict,
    /// Present and true if the baseline contains the finding, so that it does not change the exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
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
    /// The problem: a predicate whose subject is the file.
    problem: &'a str,
}

/// A file, module or template that was not read.
#[derive(Serialize, JsonSchema)]
struct NotRead<'a> {
    /// Its name or address.
    address: &'a str,
    /// Where it is referenced.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// The reason, and what to do.
    because: &'a str,
}

/// A file, module or template in which nothing indicates a load balancer.
#[derive(Serialize, JsonSchema)]
struct NotExamined<'a> {
    /// Its name or address.
    address: &'a str,
    /// Where it is referenced.
    #[serde(flatten)]
    place: Stretch<'a>,
    /// `module-without-load-balancers`, `module-of-other-resources`, `unknown-module`, `manifest-of-other-kinds`,
    /// `template-of-other-resources`, `missing-manifest`, `remote-manifests`, `remote-manifests-without-load-balancers`,
    /// `unknown-values`, `template`, `broken-file` or `encrypted-file`.
    reason: &'a str,
    /// The source of a module, or the problem of a file.
    detail: &'a str,
}

/// The declarations, converted one at a time while they are serialized.
struct Declarations<'a>(&'a CheckReport);

impl Serialize for Declarations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.judged.iter().map(CheckedDeclaration::of))
    }
}

/// The verdicts, converted one at a time while they are serialized.
struct Findings<'a>(&'a CheckReport);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let findings = self.0.judged.iter().flat_map(|judged| {
            judged.verdicts.iter().map(|(meta, verdict)| CheckFinding {
                id: judged.id(meta.id),
                rule: meta.id,
                address: &judged.declared.address,
                place: (&judged.declared.place).into(),
                verdict,
                accepted: self.0.accepted.contains(&judged.id(meta.id)).then_some(true),
            })
        });
        serializer.collect_seq(findings)
    }
}

impl<'a> CheckedDeclaration<'a> {
    fn of(judged: &'a JudgedDeclaration) -> Self {
        let declared = &judged.declared;
        let lb = declared.load_balancer();
        Self {
            id: judged.subject(),
            address: &declared.address,
            dialect: declared.dialect.as_str(),
            place: (&declared.place).into(),
            action: declared.action.as_str(),
            load_balancer: lb.map(|lb| lb.kind.as_str()),
            mode: lb.filter(|lb| lb.kind.can_parse_http()).map(|lb| &lb.mode),
            required_mode: judged.required,
            owner: lb.map(|lb| lb.owner.as_str()),
            note: declared.note.as_deref(),
            fixable: declared.edit().is_ok(),
            unfixable: declared.edit().err(),
        }
    }
}

/// Writes the document.
pub(super) fn write(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = input.report;
    let document = CheckDocument {
        format: "json-v1",
        kind: "check",
        tool_version: env!("CARGO_PKG_VERSION"),
        exit_code: input.exit_code,
        verdicts: report.tally(),
        files: report.files.iter().map(|(file, dialect)| CheckedFile { file, dialect: dialect.as_str() }).collect(),
        declared: Declarations(report),
        findings: Findings(report),
        problems: report
            .errors
            .iter()
            .map(|p| CheckProblem { file: &p.file, line: p.line, column: p.column, problem: &p.message })
            .collect(),
        unread: report
            .unread
            .iter()
            .map(|u| NotRead { address: &u.address, place: (&u.place).into(), because: &u.because })
            .collect(),
        unexamined: report
            .unexamined
            .iter()
            .map(|u| NotExamined {
                address: &u.address,
                place: (&u.place).into(),
                reason: u.reason.as_str(),
                detail: &u.detail,
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
