//! `--baseline`: the findings of an earlier check, which are accepted; only new ones determine the exit code.
//!
//! A baseline is the document of `--format json-v1`. A finding is accepted if the baseline contains it with the same verdict,
//! severity and mode: a mode that became worse is a new finding. Resources of Terraform and objects of Kubernetes are the same in any
//! file of their folder, so that a finding stays accepted when its file is renamed.

use std::collections::{BTreeMap, BTreeSet};

use doorward_iac::{Dialect, UnreadPart};
use doorward_model::{Observed, Verdict, data_problem};
use serde_json::Value;

use crate::{CheckReport, JudgedDeclaration};

/// The accepted findings and parts of an earlier check.
#[derive(Debug, Default)]
pub struct Baseline {
    findings: BTreeSet<String>,
    /// The findings by their key with the folder in place of the file.
    by_folder: BTreeMap<String, Vec<String>>,
    parts: BTreeSet<String>,
}

impl Baseline {
    /// Parses the document of an earlier check.
    ///
    /// # Errors
    ///
    /// A text that is no such document, as a predicate whose subject is the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("is not JSON: {}", data_problem(&error.to_string())))?;
        if document["format"] != "json-v1" || document["kind"] != "check" {
            return Err("is not the document of `doorward check --format json-v1`".to_owned());
        }
        let list = |key: &str| document[key].as_array().cloned().unwrap_or_default();
        let place = |value: &Value| format!("{} {}", value["file"], value["address"]);
        let declared = list("declared");
        let modes: BTreeMap<&str, &Value> =
            declared.iter().filter_map(|one| Some((one["id"].as_str()?, &one["mode"]))).collect();
        // Documents of earlier versions have no ids of declarations.
        let by_place: BTreeMap<String, &Value> = declared.iter().map(|one| (place(one), &one["mode"])).collect();
        let findings = list("findings");
        let findings =
            findings.iter().filter(|finding| finding["verdict"] == "fail" || finding["verdict"] == "unknown");
        let keys = findings.filter_map(|finding| {
            let subject = finding["id"].as_str().and_then(|id| id.splitn(4, '/').nth(3));
            let mode = subject.and_then(|id| modes.get(id)).or_else(|| by_place.get(&place(finding)));
            let mode = mode.and_then(|mode| mode["known"].as_str().or_else(|| mode["unread"]["reason"].as_str()));
            let of = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let key = key(finding["id"].as_str()?, &of("verdict"), &of("severity"), mode.unwrap_or_default());
            Some((in_folder(&key, &of("file")), key))
        });
        let (mut findings, mut by_folder) = (BTreeSet::new(), BTreeMap::<String, Vec<String>>::new());
        for (in_folder, key) in keys {
            by_folder.entry(in_folder).or_default().push(key.clone());
            findings.insert(key);
        }
        let unread = list("unread");
        let of = |part: &Value, key: &str| part[key].as_str().unwrap_or_default().to_owned();
        let parts = unread.iter().map(|part| format!("{}#{}", of(part, "file"), of(part, "address")));
        Ok(Self { findings, by_folder, parts: parts.collect() })
    }

    /// The key of a part that was not read.
    pub(crate) fn part(unread: &UnreadPart) -> String {
        format!("{}#{}", unread.place.file, unread.address)
    }
}

/// A key, with the folder of the file in place of the file.
fn in_folder(key: &str, file: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    key.replacen(&format!("{file}#"), &format!("{folder}#"), 1)
}

fn key(id: &str, verdict: &str, severity: &str, mode: &str) -> String {
    format!("{id} {verdict} {severity} {mode}")
}

impl CheckReport {
    /// Accepts what a baseline contains: it stays in the report and does not determine the exit code.
    pub fn accept(&mut self, baseline: &Baseline) {
        let keys = self.judged.iter().flat_map(|judged| {
            judged.verdicts.iter().map(move |(meta, verdict)| {
                let id = judged.id(meta.id);
                (key_of(&id, judged, verdict), id, judged)
            })
        });
        let keys: Vec<(String, String, &JudgedDeclaration)> = keys.collect();
        let mut accepted: BTreeSet<String> =
            keys.iter().filter(|(key, ..)| baseline.findings.contains(key)).map(|(_, id, _)| id.clone()).collect();
        // What the baseline has and this check does not may stand in another file of its folder now, each once.
        let found: BTreeSet<&str> = keys.iter().map(|(key, ..)| key.as_str()).collect();
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for (key, id, judged) in keys.iter().filter(|(key, ..)| !baseline.findings.contains(key)) {
            let declared = &judged.declared;
            if !matches!(declared.dialect, Dialect::Hcl | Dialect::Kubernetes) {
                continue;
            }
            let before = baseline.by_folder.get(&in_folder(key, &declared.place.file));
            let mut gone = before.into_iter().flatten().filter(|key| !found.contains(key.as_str()));
            if gone.any(|key| used.insert(key)) {
                accepted.insert(id.clone());
            }
        }
        let parts = self.unread.iter().map(Baseline::part).filter(|part| baseline.parts.contains(part));
        accepted.extend(parts);
        self.accepted = accepted;
    }
}

fn key_of(id: &str, judged: &JudgedDeclaration, verdict: &Verdict) -> String {
    let mode = judged.declared.load_balancer().and_then(|lb| match &lb.mode {
        Observed::Known(mode) if lb.kind.can_parse_http() => Some(mode.as_str().to_owned()),
        // What is unknown for another reason is another finding: a value that is malformed now may have been a variable.
        Observed::Unread(gap) => Some(gap.reason.to_string()),
        _ => None,
    });
    let severity = match verdict {
        Verdict::Fail { severity, .. } => severity.as_str(),
        _ => "",
    };
    key(id, &verdict.kind().to_string(), severity, &mode.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use doorward_iac::{Deployment, SourceFile, SourceRange};
    use doorward_model::{FailOn, ReportSettings, VerdictReason};

    use super::*;

    #[test]
    fn an_accepted_part_does_not_answer_a_verdict_that_was_not_asked() {
        let text = "resource \"aws_lb\" \"a\" {}\n".as_bytes().to_vec();
        let source = SourceFile::new("main.tf", text, true).unwrap();
        let mut parsed = doorward_iac::parse(&[source], &Deployment::default(), &|_| Ok(Vec::new()));
        let rules = doorward_rules::all();
        let meta = |id: &str| rules.iter().map(|rule| rule.meta()).find(|meta| meta.id == id).unwrap();
        let not_asked = Verdict::NotAsked {
            reason: VerdictReason::TargetGroupsNotCollected,
            because: String::new(),
            remedy: String::new(),
        };
        let unknown = Verdict::Unknown { reason: VerdictReason::ModeUnread, because: String::new(), gaps: Vec::new() };
        let verdicts = vec![(meta("upstream-http1"), not_asked), (meta("desync-mode-below-required"), unknown)];
        let declared = parsed.declared.remove(0);
        let place = SourceRange::at_start("other.tf".to_owned());
        let mut report = CheckReport {
            judged: vec![JudgedDeclaration { declared: declared.into(), verdicts, required: None, twins_before: 0 }],
            errors: Vec::new(),
            unread: vec![UnreadPart { address: "other.tf".to_owned(), place, because: String::new() }],
            unexamined: Vec::new(),
            accepted: BTreeSet::new(),
            ignored: 0,
            files: Vec::new(),
            requested: BTreeSet::new(),
        };
        let part = Baseline::part(&report.unread[0]);
        let mode = report.judged[0].id("desync-mode-below-required");
        let thresholds = ReportSettings { fail_on: FailOn::Low, minimum_coverage: 100.0 };
        let mut is_covered = |accepted: &[&String], is_mode_judged: bool| {
            if !is_mode_judged {
                report.judged[0].verdicts.truncate(1);
            }
            report.accepted = accepted.iter().map(|one| (*one).clone()).collect();
            report.outcome(&thresholds).covered
        };
        // The accepted verdict is the answer; the part answers nothing.
        assert!(is_covered(&[&part, &mode], true));
        assert!(!is_covered(&[&part], true));
        assert!(!is_covered(&[&part], false));
        assert!(!is_covered(&[], false));
    }

    /// One module that two roots call declares two load balancers at one place.
    #[test]
    fn declarations_at_one_place_have_modes_of_their_own() {
        let finding = |id: &str| {
            format!(
                r#"{{"id": "doorward/check/rule/{id}", "file": "m.tf", "address": "a", "verdict": "fail", "severity": "high"}}"#
            )
        };
        let declared = |id: &str, mode: &str| {
            format!(r#"{{"id": "{id}", "file": "m.tf", "address": "a", "mode": {{"known": "{mode}"}}}}"#)
        };
        let text = format!(
            r#"{{"format": "json-v1", "kind": "check", "declared": [{}, {}], "findings": [{}, {}]}}"#,
            declared("one:m.tf#a", "monitor"),
            declared("two:m.tf#a", "defensive"),
            finding("one:m.tf#a"),
            finding("two:m.tf#a"),
        );
        let keys: Vec<String> = Baseline::parse(&text).unwrap().findings.into_iter().collect();
        assert_eq!(
            keys,
            ["doorward/check/rule/one:m.tf#a fail high monitor", "doorward/check/rule/two:m.tf#a fail high defensive"]
        );
    }

    #[test]
    fn what_is_unknown_for_another_reason_is_not_accepted() {
        let baseline = |reason: &str| {
            let text = format!(
                r#"{{"format": "json-v1", "kind": "check", "declared": [{{"file": "main.tf", "address": "aws_lb.a",
                "mode": {{"unread": {{"reason": "{reason}"}}}}}}], "findings": [{{"id": "1", "file": "main.tf", "address": "aws_lb.a",
                "verdict": "unknown"}}]}}"#
            );
            Baseline::parse(&text).unwrap().findings
        };
        assert_eq!(baseline("unresolved"), baseline("unresolved"));
        assert_ne!(baseline("unresolved"), baseline("malformed"));
    }
}
