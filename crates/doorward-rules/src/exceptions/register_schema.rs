//! The file format of the register, for its JSON Schema. [`Register::parse`](super::Register::parse) reads the files itself,
//! because it reports every error with its line.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// A file of the exception register.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExceptionRegister")]
#[expect(dead_code, reason = "only the schema is used")]
pub struct RegisterFile {
    /// The exceptions.
    exception: Vec<FileException>,
}

/// A dated, approved permission to fail a rule.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Exception")]
#[expect(dead_code, reason = "only the schema is used")]
struct FileException {
    /// The id, unique over all files.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    id: String,
    /// The id of the rule that may fail.
    rule: String,
    /// The load balancers that it covers. All given criteria must match; at least one is required.
    scope: FileScope,
    /// Why the rule cannot pass.
    reason: String,
    /// The risk until then.
    #[schemars(default)]
    risk: Option<String>,
    /// The control that compensates for the risk.
    #[schemars(default)]
    compensating_control: Option<String>,
    /// Who requested it.
    requester: String,
    /// Who approved it: another person.
    approver: String,
    /// Where the approval is recorded.
    #[schemars(default)]
    ticket: Option<String>,
    /// When it starts: a date (UTC), or a timestamp with an offset.
    start: String,
    /// The last day (UTC, included), or a timestamp with an offset at which it ends.
    expires: String,
    /// When it is reviewed before that.
    #[schemars(default)]
    review: Option<String>,
    /// Whether it may cover more load balancers than `exceptions.maximum_matches`.
    #[schemars(default)]
    many: Option<bool>,
}

/// The criteria of a scope. Each is one value or a list; a list matches if any of its entries matches.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Scope")]
#[expect(dead_code, reason = "only the schema is used")]
struct FileScope {
    /// ARNs of load balancers, compared exactly.
    #[schemars(default)]
    arn: Option<OneOrMany>,
    /// Account ids.
    #[schemars(default)]
    accounts: Option<OneOrMany>,
    /// Organizational units (OUs): a path of names or an id; OUs below are included.
    #[schemars(default)]
    ous: Option<OneOrMany>,
    /// Tags that must all match: the key exactly, the value as a glob without regard to case.
    #[schemars(default)]
    tags: Option<BTreeMap<String, String>>,
    /// Globs over names, without regard to case.
    #[schemars(default)]
    names: Option<OneOrMany>,
}

/// One value or a list.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is used")]
enum OneOrMany {
    /// One value.
    One(String),
    /// A list.
    Many(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::super::read_register::{KEYS, SCOPE_KEYS};

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schemars::schema_for!(super::RegisterFile);
        for (name, read) in [("Exception", &KEYS[..]), ("Scope", &SCOPE_KEYS[..])] {
            let properties = schema.pointer(&format!("/$defs/{name}/properties")).and_then(|keys| keys.as_object());
            let mut keys: Vec<&str> = properties.expect("an object").keys().map(String::as_str).collect();
            let mut read = read.to_vec();
            keys.sort_unstable();
            read.sort_unstable();
            assert_eq!(keys, read, "{name}");
        }
    }
}
