//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
//!
//! Every result has a file and a line; one without makes some readers reject the whole file.

use doorward_model::{RuleMeta, Severity, Verdict, harmless};
use serde_json::{Value, json};

use super::{Told, document};

/// The log as text.
pub(super) fn text(told: &Told<'_>) -> std::io::Result<String> {
    let mut rules: Vec<&RuleMeta> =
        told.checked.judged.iter().flat_map(|judged| judged.verdicts.iter().map(|(meta, _)| *meta)).collect();
    rules.sort_by_key(|meta| meta.id);
    rules.dedup_by_key(|meta| meta.id);
    let problems = told.checked.problems.iter().map(|problem| {
        let location = place(&problem.file, json!({ "startLine": problem.line, "startColumn": problem.column }));
        json!({
            "level": "error",
            "message": { "text": plain(&format!("{} {}", problem.file, problem.problem)) },
            "locations": [location],
        })
    });
    let unread = told.checked.unread.iter().map(|unread| {
        let said = format!("{} was not read. {}", unread.address, unread.because);
        json!({ "level": "warning", "message": { "text": plain(&said) }, "locations": [whole(&unread.place)] })
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Doorward",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|meta| rule(meta)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": told.checked.problems.is_empty(),
                "exitCode": told.exit.code(),
                "toolExecutionNotifications": problems.chain(unread).collect::<Vec<_>>(),
            }],
            "results": results(told, &rules),
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
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
    match severity {
        Severity::Critical | Severity::High | Severity::Medium => "error",
        Severity::Low => "warning",
        Severity::Informational => "note",
    }
}

/// Failures, exceptions (suppressed) and what is not known (open). Passes are left out.
fn results(told: &Told<'_>, rules: &[&RuleMeta]) -> Vec<Value> {
    let mut results = Vec::new();
    for judged in &told.checked.judged {
        let declared = &judged.declared;
        for (meta, verdict) in &judged.verdicts {
            let (kind, level, help) = match verdict {
                Verdict::Fail { severity, remedy, .. } => ("fail", level(*severity), remedy.as_str()),
                Verdict::Excepted { severity, .. } => ("fail", level(*severity), ""),
                Verdict::Unknown { gaps, .. } => ("open", "none", gaps.first().map_or("", |gap| gap.reason.remedy())),
                Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => continue,
            };
            let said = format!("{}: {} {help}", declared.address, verdict.because());
            let id = document::id(&declared.place.file, &declared.address, meta.id);
            let mut result = json!({
                "ruleId": meta.id,
                "ruleIndex": rules.iter().position(|rule| rule.id == meta.id),
                "kind": kind,
                "level": level,
                "message": { "text": plain(said.trim_end()) },
                "locations": [whole(&declared.place)],
                "partialFingerprints": { "doorward/v1": plain(&id) },
            });
            if let (Verdict::Excepted { exception, expires, .. }, Some(result)) = (verdict, result.as_object_mut()) {
                let justification = format!("exception {exception}, until {expires}");
                let suppression =
                    json!([{ "kind": "external", "status": "accepted", "justification": plain(&justification) }]);
                result.insert("suppressions".to_owned(), suppression);
            }
            results.push(result);
        }
    }
    results
}

fn whole(at: &doorward_iac::Place) -> Value {
    let region = json!({
        "startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column,
    });
    place(&at.file, region)
}

fn place(file: &str, region: Value) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) }, "region": region } })
}

/// A path as a URI reference: absolute paths as `file:`, everything but unreserved characters escaped.
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
