//! The part of a difference that is shown.

use doorward_model::owner_key;

use crate::diff::DiffLine;
use crate::findings::OWNER_UNREAD;
use crate::known_names::KnownNames;

/// Criteria of findings; several values of one are alternatives, and without a value everything is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffFilter {
    /// Owners, as last read.
    pub owners: Vec<String>,
    /// Account ids.
    pub accounts: Vec<String>,
    /// Rules.
    pub rules: Vec<String>,
    /// Severities.
    pub severities: Vec<String>,
}

impl DiffFilter {
    /// The first value that is recorded nowhere, so that the difference would read as if nothing had changed: its flag, the value, and what
    /// is recorded. Rules and severities are not among them: which of them exist does not depend on what is recorded.
    pub fn unrecorded<'a>(&'a self, known: &'a KnownNames) -> Option<(&'static str, &'a str, &'a [String])> {
        let lists = [("--account", &self.accounts, &known.accounts), ("--owner", &self.owners, &known.owners)];
        lists.into_iter().find_map(|(flag, given, known)| {
            let is_known = |name: &String| known.iter().any(|one| owner_key(one) == owner_key(name));
            Some((flag, given.iter().find(|name| !is_known(name))?.as_str(), known.as_slice()))
        })
    }

    /// Whether a finding is selected. One whose owner or severity is not known may be of any.
    pub fn selects(&self, line: &DiffLine) -> bool {
        let one_of =
            |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| owner_key(one) == owner_key(value));
        (line.owner == OWNER_UNREAD || one_of(&self.owners, &line.owner))
            && one_of(&self.accounts, line.place.account.as_str())
            && one_of(&self.rules, &line.rule)
            && line.severity.is_none_or(|severity| one_of(&self.severities, severity.as_str()))
    }
}

impl std::fmt::Display for DiffFilter {
    /// `owner payments or search; severity high`; empty where everything is selected.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("owner", &self.owners),
            ("account", &self.accounts),
            ("rule", &self.rules),
            ("severity", &self.severities),
        ];
        let given = parts.into_iter().filter(|(_, values)| !values.is_empty());
        let words: Vec<String> = given.map(|(name, values)| format!("{name} {}", values.join(" or "))).collect();
        f.write_str(&words.join("; "))
    }
}
