//! A finding as an OCSF Compliance Finding (class_uid 2003), in the version of Security Hub's own findings and in the one that Security
//! Lake takes.
//!
//! Both say the same. The older shape keeps what 1.3 requires and later versions only recommend (`finding_info.title`,
//! `compliance.standards`, `product.vendor_name`; the newer one has them too), spells the reason `status_detail` instead
//! of `status_details`, and has no `compliance.checks`.

use serde_json::{Value, json};

use doorward_model::{Finding, Frameworks, RuleMeta, ScanReport, Severity, Verdict};

use crate::asff::Asff;
use crate::render::Rendered;

/// The version of the schema that a line follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// 1.6.0, the version that AWS documents for Security Hub
    /// (<https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-ocsf.html>).
    #[default]
    SecurityHub,
    /// 1.3.0, the newest that Security Lake takes from custom sources.
    SecurityLake,
}

impl Shape {
    /// The schema's version, as `metadata.version`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::SecurityHub => "1.6.0",
            Self::SecurityLake => "1.3.0",
        }
    }
}

/// Activity: what happened to the finding, as far as the ledger remembers it. Only an observation closes a finding: one that was resolved
/// earlier and is unknown now may fail again.
fn activity(finding: &Finding) -> (u32, &'static str) {
    let Some(history) = &finding.history else { return (1, "Create") };
    match &*finding.verdict {
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } if history.resolved.is_some() => (3, "Close"),
        Verdict::Fail { .. } | Verdict::Excepted { .. } if history.first_seen == history.last_seen => (1, "Create"),
        _ => (2, "Update"),
    }
}

/// State of the finding itself.
fn status(verdict: &Verdict) -> (u32, &'static str) {
    match verdict {
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } => (4, "Resolved"),
        Verdict::Excepted { .. } => (3, "Suppressed"),
        Verdict::Fail { .. } | Verdict::Unknown { .. } | Verdict::NotAsked { .. } => (1, "New"),
    }
}

/// OCSF numbers the severities from 1 (informational) to 5 (critical) and begins their names with a capital.
fn severity(label: &str) -> (u32, String) {
    let known = (1..).zip(Severity::ALL.iter().rev()).find(|(_, severity)| severity.label() == label);
    known.map_or((0, "Unknown".to_owned()), |(id, _)| {
        let (first, rest) = label.split_at(1);
        (id, format!("{first}{}", rest.to_ascii_lowercase()))
    })
}

fn compliance_status(status: &str) -> (u32, &'static str) {
    match status {
        "PASSED" => (1, "Pass"),
        "WARNING" => (2, "Warning"),
        "FAILED" => (3, "Fail"),
        _ => (0, "Unknown"),
    }
}

/// Milliseconds since the epoch.
fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map_or(0, |time| time.as_millisecond())
}

fn compliance(asff: &Asff, finding: &Finding, meta: &RuleMeta, frameworks: &Frameworks, shape: Shape) -> Value {
    let (status_id, status) = compliance_status(&asff.compliance.status);
    let mut standards: Vec<String> = Vec::new();
    for (framework, _) in frameworks.related(meta.id) {
        let standard = framework.label();
        if !standards.contains(&standard) {
            standards.push(standard);
        }
    }
    // Required up to 1.3: a rule that belongs to no framework follows the policy it was judged by.
    if standards.is_empty() {
        standards.push("Doorward policy".to_owned());
    }
    let reasons: Vec<&str> = asff.compliance.status_reasons.iter().map(|reason| reason.description.as_str()).collect();
    let mut compliance = json!({
        "control": meta.id,
        "requirements": asff.compliance.related_requirements,
        "standards": standards,
        "status": status,
        "status_code": finding.verdict.kind().to_string(),
        "status_id": status_id,
    });
    match shape {
        Shape::SecurityLake => compliance["status_detail"] = json!(reasons.join(" ")),
        Shape::SecurityHub => {
            compliance["status_details"] = json!(reasons);
            compliance["checks"] = json!([{
                "desc": meta.what,
                "name": meta.title,
                "severity_id": severity(&asff.finding_provider_fields.severity.label).0,
                "standards": standards,
                "status": status,
                "status_id": status_id,
                "uid": meta.id,
                "version": meta.version.to_string(),
            }]);
        }
    }
    compliance
}

fn resource(asff: &Asff, finding: &Finding) -> Value {
    let Some(resource) = asff.resources.first() else { return Value::Null };
    let labels: Vec<String> = resource.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    json!({
        "cloud_partition": finding.load_balancer.partition(),
        "data": resource.details,
        "labels": labels,
        "name": finding.name,
        "owner": {"name": asff.product_fields.get("doorward/owner")},
        "region": finding.region,
        "type": resource.kind,
        "uid": finding.load_balancer,
    })
}

/// One line.
pub(crate) fn line(
    report: &ScanReport,
    finding: &Finding,
    meta: &RuleMeta,
    rendered: &Rendered,
    frameworks: &Frameworks,
    shape: Shape,
) -> Value {
    let asff = &rendered.finding;
    let (activity_id, activity_name) = activity(finding);
    let (severity_id, severity) = severity(&asff.finding_provider_fields.severity.label);
    let (status_id, status) = status(&finding.verdict);
    let recommendation = &asff.remediation.recommendation;
    let account_name = asff.product_fields.get("doorward/account-name");
    json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Compliance Finding",
        "class_uid": 2003,
        "cloud": {
            "account": {"name": account_name, "type": "AWS Account", "type_id": 10, "uid": finding.account},
            "provider": "AWS",
            "region": finding.region,
        },
        "compliance": compliance(asff, finding, meta, frameworks, shape),
        "finding_info": {
            "analytic": {"name": meta.title, "type": "Rule", "type_id": 1, "uid": meta.id, "version": meta.version.to_string()},
            "created_time": millis(&asff.created_at),
            "desc": asff.description,
            "first_seen_time": millis(&asff.first_observed_at),
            "last_seen_time": millis(&asff.last_observed_at),
            "title": asff.title,
            "types": asff.finding_provider_fields.types,
            "uid": asff.id,
        },
        "message": asff.description,
        "metadata": {
            "correlation_uid": report.run.id,
            "product": {"name": "Doorward", "uid": "doorward", "vendor_name": "Doorward", "version": report.run.tool_version},
            "profiles": ["cloud"],
            "version": shape.version(),
        },
        "remediation": {"desc": recommendation.text, "references": recommendation.url.iter().collect::<Vec<_>>()},
        "resources": [resource(asff, finding)],
        "severity": severity,
        "severity_id": severity_id,
        "status": status,
        "status_id": status_id,
        "time": rendered.observed_at.as_millisecond(),
        "type_name": format!("Compliance Finding: {activity_name}"),
        "type_uid": 200_300 + activity_id,
        "unmapped": asff.product_fields,
    })
}
