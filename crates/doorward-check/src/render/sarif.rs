//! The format `sarif`: SARIF 2.1.0, <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
//!
//! Every result has a file and a line: some readers reject a log with a result without them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{RuleMeta, Severity, Verdict, harmless};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Level, RenderInput, help};
use crate::JudgedDeclaration;

/// The log. Results are converted one at a time while it is serialized.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [Run<'a>; 1],
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    column_kind: &'static str,
    invocations: Value,
    results: Results<'a>,
    tool: Value,
}

/// Failures, excepted failures (suppressed) and unknown verdicts (open). Passes are left out.
struct Results<'a> {
    report: &'a crate::CheckReport,
    rules: &'a [&'static RuleMeta],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.report.judged.iter().flat_map(|judged| {
            let accepted = |rule: &str| self.report.accepted.contains(&judged.id(rule));
            let results = judged.verdicts.iter();
            results.filter_map(move |(meta, verdict)| result(judged, meta, verdict, self.rules, accepted(meta.id)))
        });
        serializer.collect_seq(all)
    }
}

/// Writes the log.
pub(super) fn write(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&str, &'static RuleMeta> = BTreeMap::new();
    for (meta, _) in input.report.judged.iter().flat_map(|judged| &judged.verdicts) {
        rules.insert(meta.id, meta);
    }
    let rules: Vec<&'static RuleMeta> = rules.into_values().collect();
    let errors = input.report.errors.iter().map(|error| {
        let location = place(&error.file, json!({ "startLine": error.line, "startColumn": error.column }));
        json!({
            "level": "error",
            "message": { "text": plain(&format!("{} {}", error.file, error.message)) },
            "locations": [location],
        })
    });
    let unread = input.report.unread.iter().map(|unread| {
        let message = format!("{} was not read. {}", unread.address, unread.because);
        json!({ "level": "warning", "message": { "text": plain(&message) }, "locations": [whole(&unread.place)] })
    });
    let run = Run {
        column_kind: "unicodeCodePoints",
        invocations: json!([{
            "executionSuccessful": input.report.errors.is_empty(),
            "exitCode": input.exit_code,
            "toolExecutionNotifications": errors.chain(unread).collect::<Vec<_>>(),
        }]),
        results: Results { report: input.report, rules: &rules },
        tool: json!({ "driver": {
            "name": "Doorward",
            "informationUri": "https://github.com/doorward/doorward",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.iter().map(|meta| rule(meta)).collect::<Vec<_>>(),
        } }),
    };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", runs: [run], version: "2.1.0" };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(meta: &RuleMeta) -> Value {
    json!({
        "id": meta.id,
        "shortDescription": { "text": meta.title },
        "fullDescription": { "text": meta.what },
        "help": { "text": meta.remediation },
        "helpUri": meta.references.first().copied().unwrap_or("https://github.com/doorward/doorward"),
        "defaultConfiguration": { "level": level(meta.severity) },
        "properties": { "version": meta.version, "tags": ["security"] },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity.into() {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// One result; `None` for a pass.
fn result(
    judged: &JudgedDeclaration,
    meta: &RuleMeta,
    verdict: &Verdict,
    rules: &[&RuleMeta],
    accepted: bool,
) -> Option<Value> {
    let declared = &judged.declared;
    let (kind, level) = match verdict {
        Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } => ("fail", level(*severity)),
        Verdict::Unknown { .. } => ("open", "none"),
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => return None,
    };
    let message = format!("{}: {} {}", declared.address, verdict.because(), help(verdict).unwrap_or_default());
    let id = judged.id(meta.id);
    let mut result = json!({
        "ruleId": meta.id,
        "ruleIndex": rules.iter().position(|rule| rule.id == meta.id),
        "kind": kind,
        "level": level,
        "message": { "text": plain(message.trim_end()) },
        "locations": [whole(&declared.place)],
        "partialFingerprints": { "doorward/v1": plain(&id) },
        "properties": { "reason": verdict.reason().code() },
    });
    if let (Verdict::Excepted { exception, expires, .. }, Some(result)) = (verdict, result.as_object_mut()) {
        let justification = format!("exception {exception}, until {expires}");
        let suppression = json!([{ "kind": "external", "status": "accepted", "justification": plain(&justification) }]);
        result.insert("suppressions".to_owned(), suppression);
    } else if accepted && let Some(result) = result.as_object_mut() {
        let suppression = json!([{ "kind": "external", "status": "accepted", "justification": "in the baseline" }]);
        result.insert("suppressions".to_owned(), suppression);
    }
    Some(result)
}

fn whole(at: &doorward_iac::SourceRange) -> Value {
    let region = json!({
        "startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column,
    });
    place(&at.file, region)
}

fn place(file: &str, region: Value) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) }, "region": region } })
}

/// A path as a URI reference: `file:` for absolute paths, everything but unreserved characters percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

fn plain(text: &str) -> String {
    harmless(text).into_owned()
}
