//! The filters of GetFindings: values of one field are alternatives, except that all exclusions apply; all fields must match.

use jiff::Timestamp;
use serde_json::Value;

use crate::world::security_hub::values_at;

/// Filter names and where their values are; a `*` stands for every element of a list.
const TEXTS: [(&str, &str); 15] = [
    ("AwsAccountId", "AwsAccountId"),
    ("ComplianceSecurityControlId", "Compliance/SecurityControlId"),
    ("ComplianceStatus", "Compliance/Status"),
    ("Description", "Description"),
    ("GeneratorId", "GeneratorId"),
    ("Id", "Id"),
    ("ProductArn", "ProductArn"),
    ("RecordState", "RecordState"),
    ("ResourceId", "Resources/*/Id"),
    ("ResourceType", "Resources/*/Type"),
    ("SeverityLabel", "Severity/Label"),
    ("Title", "Title"),
    ("Type", "Types/*"),
    ("VerificationState", "VerificationState"),
    ("WorkflowStatus", "Workflow/Status"),
];
const TIMES: [&str; 4] = ["CreatedAt", "FirstObservedAt", "LastObservedAt", "UpdatedAt"];

/// Most values of one filter.
const VALUES: usize = 20;

enum Test {
    Text { path: &'static str, comparison: Comparison, value: String },
    Time { name: &'static str, from: Option<Timestamp>, to: Option<Timestamp> },
}

#[derive(Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
enum Comparison {
    Equals,
    Prefix,
    Contains,
    NotEquals,
    PrefixNotEquals,
    NotContains,
}

impl Comparison {
    fn excludes(self) -> bool {
        matches!(self, Self::NotEquals | Self::PrefixNotEquals | Self::NotContains)
    }

    /// Whether a value matches, before an exclusion inverts the result.
    fn hits(self, seen: &str, value: &str) -> bool {
        match self {
            Self::Equals | Self::NotEquals => seen == value,
            Self::Prefix | Self::PrefixNotEquals => seen.starts_with(value),
            Self::Contains | Self::NotContains => seen.contains(value),
        }
    }
}

/// All filters of a call, by field.
pub(super) struct Filters(Vec<Vec<Test>>);

impl Filters {
    /// Parses `Filters`; the error names the filter that is not supported.
    pub(super) fn parse(filters: &Value) -> Result<Self, String> {
        let Some(fields) = filters.as_object() else { return Ok(Self(Vec::new())) };
        let mut all = Vec::new();
        for (name, values) in fields {
            let values = values.as_array().ok_or_else(|| format!("Filters.{name} is not a list"))?;
            if values.len() > VALUES {
                return Err(format!("Filters.{name} has more than {VALUES} values"));
            }
            let tests: Result<Vec<Test>, String> = values.iter().map(|value| test(name, value)).collect();
            all.push(tests?);
        }
        Ok(Self(all))
    }

    /// Whether a finding matches all filters.
    pub(super) fn fit(&self, finding: &Value) -> bool {
        self.0.iter().all(|tests| {
            let (exclusions, alternatives): (Vec<&Test>, Vec<&Test>) =
                tests.iter().partition(|test| matches!(test, Test::Text { comparison, .. } if comparison.excludes()));
            exclusions.iter().all(|test| !hit(test, finding))
                && (alternatives.is_empty() || alternatives.iter().any(|test| hit(test, finding)))
        })
    }
}

fn test(name: &str, value: &Value) -> Result<Test, String> {
    if let Some((_, path)) = TEXTS.iter().find(|(known, _)| *known == name) {
        let comparison =
            value.get("Comparison").and_then(Value::as_str).and_then(|text| text.parse::<Comparison>().ok());
        let text = value.get("Value").and_then(Value::as_str);
        return match comparison.zip(text) {
            Some((comparison, text)) => Ok(Test::Text { path, comparison, value: text.to_owned() }),
            None => Err(format!("Filters.{name} needs a Comparison and a Value")),
        };
    }
    let Some(known) = TIMES.iter().find(|known| **known == name) else {
        return Err(format!("Filters.{name} is not emulated"));
    };
    let bound = |key: &str| -> Result<Option<Timestamp>, String> {
        let Some(text) = value.get(key).and_then(Value::as_str) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("Filters.{name}.{key} is no timestamp"))
    };
    if value.get("DateRange").is_some() {
        return Err(format!("Filters.{name}.DateRange is not emulated; give Start and End"));
    }
    Ok(Test::Time { name: known, from: bound("Start")?, to: bound("End")? })
}

fn hit(test: &Test, finding: &Value) -> bool {
    match test {
        Test::Text { path, comparison, value } => {
            values_at(finding, path).into_iter().filter_map(Value::as_str).any(|seen| comparison.hits(seen, value))
        }
        Test::Time { name, from, to } => {
            let Some(seen) = finding.get(*name).and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok())
            else {
                return false;
            };
            from.is_none_or(|from| seen >= from) && to.is_none_or(|to| seen <= to)
        }
    }
}
