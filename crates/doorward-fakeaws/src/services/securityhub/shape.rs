//! Checks a finding against ASFF: required members, lengths, counts, enums, timestamps, and texts that must not be blank.

use serde_json::Value;

use crate::world::security_hub::values_at;

/// Required members.
const REQUIRED: [&str; 10] = [
    "SchemaVersion",
    "Id",
    "ProductArn",
    "GeneratorId",
    "AwsAccountId",
    "CreatedAt",
    "UpdatedAt",
    "Title",
    "Description",
    "Resources",
];

/// All top-level members that a provider may send.
const KNOWN: [&str; 41] = [
    "SchemaVersion",
    "Id",
    "ProductArn",
    "ProductName",
    "CompanyName",
    "Region",
    "GeneratorId",
    "AwsAccountId",
    "Types",
    "FirstObservedAt",
    "LastObservedAt",
    "CreatedAt",
    "UpdatedAt",
    "Severity",
    "Confidence",
    "Criticality",
    "Title",
    "Description",
    "Remediation",
    "SourceUrl",
    "ProductFields",
    "UserDefinedFields",
    "Malware",
    "Network",
    "NetworkPath",
    "Process",
    "Threats",
    "ThreatIntelIndicators",
    "Resources",
    "Compliance",
    "VerificationState",
    "WorkflowState",
    "Workflow",
    "RecordState",
    "RelatedFindings",
    "Note",
    "Vulnerabilities",
    "Action",
    "FindingProviderFields",
    "Sample",
    "AwsAccountName",
];

/// Lengths of texts, in UTF-16 units as AWS counts them.
const LENGTHS: [(&str, usize, usize); 15] = [
    ("Id", 1, 512),
    ("ProductArn", 12, 2048),
    ("ProductName", 1, 128),
    ("CompanyName", 1, 128),
    ("GeneratorId", 1, 512),
    ("AwsAccountName", 1, 50),
    ("Title", 1, 256),
    ("Description", 1, 1024),
    ("Remediation/Recommendation/Text", 1, 512),
    ("Severity/Original", 1, 64),
    ("FindingProviderFields/Severity/Original", 1, 64),
    ("Note/Text", 1, 512),
    ("Resources/*/Id", 1, 512),
    ("Resources/*/Type", 1, 256),
    ("Resources/*/Region", 1, 16),
];

/// Most entries of lists and maps.
const COUNTS: [(&str, usize, usize); 8] = [
    ("Resources", 1, 32),
    ("Types", 0, 50),
    ("FindingProviderFields/Types", 0, 50),
    ("ProductFields", 0, 50),
    ("UserDefinedFields", 0, 50),
    ("Compliance/RelatedRequirements", 0, 32),
    ("RelatedFindings", 1, 10),
    ("Resources/*/Tags", 0, 50),
];

/// Longest keys and values of maps.
const MAPS: [(&str, usize, usize); 4] = [
    ("ProductFields", 128, 2048),
    ("UserDefinedFields", 128, 1024),
    ("Resources/*/Tags", 128, 256),
    ("Resources/*/Details/Other", 128, 1024),
];

const SEVERITIES: &[&str] = &["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
const ENUMS: [(&str, &[&str]); 8] = [
    ("SchemaVersion", &["2018-10-08"]),
    ("Severity/Label", SEVERITIES),
    ("FindingProviderFields/Severity/Label", SEVERITIES),
    ("Compliance/Status", &["PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"]),
    ("RecordState", &["ACTIVE", "ARCHIVED"]),
    ("Workflow/Status", &["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]),
    ("VerificationState", &["UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"]),
    ("Resources/*/Partition", &["aws", "aws-cn", "aws-us-gov", "aws-us-iso", "aws-us-iso-b", "AzureCloud"]),
];

const TIMES: [&str; 5] = [
    "CreatedAt",
    "UpdatedAt",
    "FirstObservedAt",
    "LastObservedAt",
    "Resources/*/Details/AwsElbv2LoadBalancer/CreatedTime",
];

/// Namespaces of finding types.
const NAMESPACES: [&str; 5] =
    ["Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors", "Sensitive Data Identifications"];

/// The first problem of a finding, as the rest of a message that starts with `Invalid parameter 'Findings[0].`.
pub(super) fn check(finding: &Value) -> Result<(), String> {
    let members = finding.as_object().ok_or("' is not a structure.")?;
    for name in REQUIRED {
        if members.get(name).is_none_or(Value::is_null) {
            return Err(format!("{name}'. It is required."));
        }
    }
    if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("{unknown}'. There is no such member."));
    }
    not_blank("", finding)?;
    for (path, least, most) in LENGTHS {
        each(finding, path, |value| {
            let length = value.as_str().ok_or("is not a text")?.encode_utf16().count();
            within(length, least, most)
        })?;
    }
    for (path, least, most) in COUNTS {
        each(finding, path, |value| {
            let count = value.as_array().map(Vec::len).or_else(|| value.as_object().map(serde_json::Map::len));
            within(count.ok_or("is neither list nor map")?, least, most)
        })?;
    }
    for (path, key, value) in MAPS {
        each(finding, path, |map| {
            for (name, entry) in map.as_object().ok_or("is not a map")? {
                within(name.chars().count(), 1, key)?;
                within(entry.as_str().ok_or("has a value that is not a text")?.chars().count(), 1, value)?;
            }
            Ok(())
        })?;
    }
    for (path, allowed) in ENUMS {
        each(finding, path, |value| {
            let known = value.as_str().is_some_and(|text| allowed.contains(&text));
            if known { Ok(()) } else { Err(format!("must be one of {}", allowed.join(", "))) }
        })?;
    }
    for path in TIMES {
        each(finding, path, |value| {
            let text = value.as_str().unwrap_or_default();
            text.parse::<jiff::Timestamp>().map(|_| ()).map_err(|_| "is no timestamp".to_owned())
        })?;
    }
    for path in ["Types/*", "FindingProviderFields/Types/*"] {
        each(finding, path, |value| classified(value.as_str().unwrap_or_default()))?;
    }
    each(finding, "AwsAccountId", |value| {
        let digits = value.as_str().unwrap_or_default();
        let good = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if good { Ok(()) } else { Err("must be twelve digits".to_owned()) }
    })?;
    each(finding, "Compliance/StatusReasons/*", |reason| {
        let code = reason.get("ReasonCode").is_some_and(Value::is_string);
        if code { Ok(()) } else { Err("needs a ReasonCode".to_owned()) }
    })?;
    for name in ["Id", "Type"] {
        each(
            finding,
            "Resources/*",
            |resource| {
                if resource.get(name).is_some() { Ok(()) } else { Err(format!("needs {name}")) }
            },
        )?;
    }
    Ok(())
}

fn within(number: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&number) {
        Ok(())
    } else {
        Err(format!("has {number} characters or entries, and must have from {least} to {most}"))
    }
}

fn classified(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('/').collect();
    let known = parts.first().is_some_and(|namespace| NAMESPACES.contains(namespace));
    if known && parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()) {
        Ok(())
    } else {
        Err("must be namespace/category/classifier".to_owned())
    }
}

/// Refuses texts and keys of maps that consist of white space.
fn not_blank(path: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.trim().is_empty() => {
            Err(format!("{}'. It must not be blank.", path.trim_start_matches('.')))
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(number, item)| not_blank(&format!("{path}[{number}]"), item))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if name.trim().is_empty() {
                return Err(format!("{}'. It has a blank key.", path.trim_start_matches('.')));
            }
            not_blank(&format!("{path}.{name}"), member)
        }),
        _ => Ok(()),
    }
}

/// Applies a check to every value at a path.
fn each(finding: &Value, path: &str, check: impl Fn(&Value) -> Result<(), String>) -> Result<(), String> {
    values_at(finding, path)
        .into_iter()
        .try_for_each(|value| check(value).map_err(|problem| format!("{path}'. It {problem}.")))
}
