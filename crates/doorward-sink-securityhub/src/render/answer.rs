//! A verdict in ASFF: title, status with its reasons, severity, remediation.

use std::collections::BTreeMap;

use doorward_model::{Finding, RuleMeta, Verdict};

use super::{ExceptedAs, FindingRenderer, requirements};
use crate::asff::{AsffSeverity, Compliance, Recommendation, Remediation, StatusReason};
use crate::limits::Cuts;

/// Most reasons of one status, and the length of one.
const REASONS: usize = 20;
const REASON: usize = 1024;

/// The prefix of a rule's title if it does not fail.
const PASSED: &str = "Checked and not found: ";
const UNKNOWN: &str = "Could not be checked: ";
const EXCEPTED: &str = "Excepted until ";

/// A rule's title without what [`answer`] put before it.
pub(crate) fn plain_title(title: &str) -> &str {
    let excepted = || title.strip_prefix(EXCEPTED).and_then(|rest| rest.split_once(": ")).map(|(_, title)| title);
    title.strip_prefix(PASSED).or_else(|| title.strip_prefix(UNKNOWN)).or_else(excepted).unwrap_or(title)
}

/// A verdict in Security Hub's words.
pub(super) struct RenderedVerdict {
    pub(super) title: String,
    pub(super) remediation: Remediation,
    pub(super) compliance: Compliance,
    pub(super) severity: AsffSeverity,
    pub(super) fields: BTreeMap<String, String>,
}

fn harmless(original: Option<doorward_model::Severity>) -> AsffSeverity {
    AsffSeverity { label: "INFORMATIONAL".to_owned(), original: original.map(|severity| severity.as_str().to_owned()) }
}

fn graded(severity: doorward_model::Severity) -> AsffSeverity {
    AsffSeverity { label: severity.label(), original: None }
}

/// The words for a finding of a rule that applies.
pub(super) fn answer(
    renderer: &FindingRenderer,
    meta: &RuleMeta,
    finding: &Finding,
    cuts: &mut Cuts,
) -> RenderedVerdict {
    let mut fields = BTreeMap::new();
    let mut reasons: Vec<(String, String)> = Vec::new();
    let mut remedy = meta.remediation.to_owned();
    let (title, status, severity) = match &*finding.verdict {
        Verdict::Fail { because, severity, remedy: own, .. } => {
            reasons.push(("OBSERVED".to_owned(), because.clone()));
            remedy.clone_from(own);
            let overdue = finding.deadline.as_ref().filter(|deadline| deadline.is_overdue());
            if let Some(deadline) = overdue {
                reasons
                    .push(("OVERDUE".to_owned(), format!("It is overdue: it may be open for {} days.", deadline.days)));
            }
            let severity = match overdue {
                Some(_) if renderer.overdue_raises => {
                    AsffSeverity { original: Some(severity.as_str().to_owned()), ..graded(severity.raised(1)) }
                }
                _ => graded(*severity),
            };
            (meta.title.to_owned(), "FAILED", severity)
        }
        Verdict::Excepted { because, severity, exception, expires, .. } => {
            let mut why = format!("{because} Exception {exception} allows it until the end of {expires} (UTC)");
            fields.insert("doorward/exception".to_owned(), exception.clone());
            fields.insert("doorward/exception-expires".to_owned(), expires.clone());
            if let Some(approval) = renderer.approvals.get(exception) {
                why.push_str(&format!(", approved by {}", approval.approver));
                fields.insert("doorward/exception-approver".to_owned(), approval.approver.clone());
                fields.insert("doorward/exception-reason".to_owned(), approval.reason.clone());
            }
            why.push('.');
            reasons.push(("EXCEPTED".to_owned(), why));
            let status = match renderer.excepted {
                ExceptedAs::Failed => "FAILED",
                ExceptedAs::Warning => "WARNING",
            };
            (format!("{EXCEPTED}{expires}: {}", meta.title), status, harmless(Some(*severity)))
        }
        Verdict::Unknown { because, gaps, .. } => {
            for gap in gaps {
                reasons.push((gap.reason.code().to_uppercase().replace('-', "_"), gap.to_string()));
            }
            if let Some(gap) = gaps.first() {
                gap.remedy().clone_into(&mut remedy);
            }
            let status = if gaps.is_empty() { "WARNING" } else { "NOT_AVAILABLE" };
            if gaps.is_empty() {
                reasons.push(("NOT_REPORTED".to_owned(), because.clone()));
            }
            (format!("{UNKNOWN}{}", meta.title), status, graded(meta.severity))
        }
        // Nothing is rendered of what was not asked; if it ever is, it is not available and never passed.
        Verdict::NotAsked { because, remedy: own, .. } => {
            reasons.push(("NOT_ASKED".to_owned(), because.clone()));
            remedy.clone_from(own);
            (format!("Not asked: {}", meta.title), "NOT_AVAILABLE", graded(meta.severity))
        }
        Verdict::Pass { because, .. } | Verdict::NotApplicable { because, .. } => {
            reasons.push(("OBSERVED".to_owned(), because.clone()));
            "Nothing to do: the check passed.".clone_into(&mut remedy);
            (format!("{PASSED}{}", meta.title), "PASSED", harmless(None))
        }
    };
    if reasons.len() > REASONS {
        cuts.note(format!("Compliance.StatusReasons ({} of {} left out)", reasons.len() - REASONS, reasons.len()));
        reasons.truncate(REASONS);
    }
    let status_reasons = reasons
        .into_iter()
        .map(|(code, why)| StatusReason {
            reason_code: code,
            description: cuts.text("Compliance.StatusReasons", &why, REASON),
        })
        .collect();
    let text = cuts.text("Remediation.Recommendation.Text", &remedy, 512);
    RenderedVerdict {
        title,
        remediation: Remediation {
            recommendation: Recommendation { text, url: meta.references.first().map(|url| (*url).to_owned()) },
        },
        compliance: Compliance {
            status: status.to_owned(),
            related_requirements: requirements(&renderer.frameworks, meta.id, cuts),
            status_reasons,
        },
        severity,
        fields,
    }
}
