//! Security Hub in one account-Region: one record per product and id, with AWS's rules for providers and customers.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Fields of the customer: an import does not change them once the record exists.
const CUSTOMER_OWNED: [&str; 5] = ["Note", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState"];

/// Days without an update after which a record is deleted.
const ACTIVE_DAYS: i64 = 90;
const ARCHIVED_DAYS: i64 = 30;

/// A record: the finding as GetFindings returns it, and the fields that the customer has overwritten.
#[derive(Debug, Clone)]
struct Record {
    finding: Value,
    overwritten: Vec<String>,
}

/// Product ARN and finding id.
pub(crate) type Key = (String, String);

/// Security Hub; enabled by default.
#[derive(Debug, Default)]
pub(crate) struct SecurityHub {
    pub(crate) disabled: bool,
    records: BTreeMap<Key, Record>,
}

/// A text member.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// A timestamp member.
pub(crate) fn time(value: &Value, name: &str) -> Option<Timestamp> {
    text(value, name)?.parse().ok()
}

/// Every value at a path such as `Resources/*/Id`; `*` stands for every element of a list.
pub(crate) fn values_at<'a>(finding: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('/').fold(vec![finding], |found, step| {
        let within = |value: &'a Value| match step {
            "*" => value.as_array().map(|items| items.iter().collect::<Vec<_>>()).unwrap_or_default(),
            name => value.get(name).into_iter().collect(),
        };
        found.into_iter().flat_map(within).collect()
    })
}

fn status(finding: &Value) -> &str {
    finding.pointer("/Compliance/Status").and_then(Value::as_str).unwrap_or("")
}

impl SecurityHub {
    /// Every finding, ordered by product and id.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Value> {
        self.records.values().map(|record| &record.finding)
    }

    /// Deletes records that were not updated for too long, counted from the later of `ProcessedAt` and `UpdatedAt`.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.records.retain(|_, record| {
            let finding = &record.finding;
            let touched = time(finding, "UpdatedAt").max(time(finding, "ProcessedAt"));
            let archived = text(finding, "RecordState") == Some("ARCHIVED");
            let days = if archived { ARCHIVED_DAYS } else { ACTIVE_DAYS };
            let end = touched.and_then(|touched| touched.checked_add(SignedDuration::from_hours(24 * days)).ok());
            end.is_none_or(|end| end >= now)
        });
    }

    /// Imports a validated finding. If it is not newer than the record, it is ignored without an error, as AWS does.
    pub(crate) fn import(&mut self, mut finding: Value, now: Timestamp) {
        let key = key_of(&finding);
        finding["ProcessedAt"] = json!(format!("{now:.3}"));
        default(&mut finding, "RecordState", json!("ACTIVE"));
        match self.records.get_mut(&key) {
            None => {
                default(&mut finding, "Workflow", json!({"Status": "NEW"}));
                finding["WorkflowState"] = json!("NEW");
                lift(&mut finding, &[]);
                self.records.insert(key, Record { finding, overwritten: Vec::new() });
            }
            Some(record) if time(&finding, "UpdatedAt") > time(&record.finding, "UpdatedAt") => {
                let before = &record.finding;
                for name in CUSTOMER_OWNED {
                    keep(&mut finding, before, name);
                }
                for name in ["Severity", "Types"] {
                    keep(&mut finding, before, name);
                }
                lift(&mut finding, &record.overwritten);
                let returned =
                    text(before, "RecordState") == Some("ARCHIVED") && text(&finding, "RecordState") == Some("ACTIVE");
                let worsened =
                    status(before) == "PASSED" && matches!(status(&finding), "FAILED" | "WARNING" | "NOT_AVAILABLE");
                let settled = finding.pointer("/Workflow/Status").and_then(Value::as_str);
                if (returned || worsened) && matches!(settled, Some("NOTIFIED" | "RESOLVED")) {
                    finding["Workflow"] = json!({"Status": "NEW"});
                }
                record.finding = finding;
            }
            Some(_) => {}
        }
    }

    /// Overwrites fields on behalf of the customer; false when there is no such record. `UpdatedAt` does not change.
    pub(crate) fn overwrite(&mut self, key: &Key, changes: &[(&str, Value)]) -> bool {
        let Some(record) = self.records.get_mut(key) else { return false };
        for (name, value) in changes {
            record.finding[*name] = value.clone();
            record.overwritten.push((*name).to_owned());
        }
        true
    }
}

/// The key of a finding.
pub(crate) fn key_of(finding: &Value) -> Key {
    let part = |name| text(finding, name).unwrap_or_default().to_owned();
    (part("ProductArn"), part("Id"))
}

fn default(finding: &mut Value, name: &str, value: Value) {
    if finding.get(name).is_none() {
        finding[name] = value;
    }
}

/// Copies a member from the record, or its absence.
fn keep(finding: &mut Value, before: &Value, name: &str) {
    match before.get(name) {
        Some(value) => finding[name] = value.clone(),
        None => {
            if let Some(members) = finding.as_object_mut() {
                members.remove(name);
            }
        }
    }
}

/// Copies the provider's severity and types to the top level, unless the customer has overwritten them there.
fn lift(finding: &mut Value, overwritten: &[String]) {
    for name in ["Severity", "Types"] {
        let provided = finding.pointer(&format!("/FindingProviderFields/{name}")).cloned();
        if let Some(value) = provided.filter(|_| !overwritten.iter().any(|known| known == name)) {
            finding[name] = value;
        }
    }
}
