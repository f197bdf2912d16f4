//! The scope of an exception: each criterion checked, so that none is silently empty or can never match.

use doorward_model::{AccountId, Arn, Pattern};
use toml_edit::{Item, TableLike};

use super::{ExceptionScope, Reader, Span, kind, place, unknown};

pub(in super::super) const KEYS: [&str; 5] = ["arn", "accounts", "ous", "tags", "names"];

impl Reader<'_> {
    /// Reads the scope. None where anything about it is wrong: half a scope covers too much.
    pub(super) fn scope(&mut self, exception: &dyn TableLike, span: &Span, named: &str) -> Option<ExceptionScope> {
        let Some(item) = exception.get("scope") else {
            self.complain(span.clone(), format!("{named} has no scope; name what it covers by {}", KEYS.join(", ")));
            return None;
        };
        let at = place(exception, "scope", item);
        let Some(table) = item.as_table_like() else {
            self.complain(at, format!("scope is {}, not a table with {}", kind(item), KEYS.join(", ")));
            return None;
        };
        let before = self.errors.len();
        let mut scope = ExceptionScope::default();
        for (key, item) in table.iter() {
            let at = place(table, key, item);
            match key {
                "arn" => scope.arn = self.each(item, key, at, arn),
                "accounts" => {
                    scope.accounts =
                        self.each(item, key, at, |text| AccountId::new(text).map_err(|error| error.to_string()));
                }
                "ous" => scope.ous = self.each(item, key, at, unit),
                "names" => scope.names = self.each(item, key, at, |text| Ok(Pattern::from(text))),
                "tags" => self.tags(item, at, &mut scope),
                _ => self.complain(at, unknown("key", key, &KEYS).replace("key ", "key scope.")),
            }
        }
        if scope.is_empty() && self.errors.len() == before {
            let problem = format!(
                "{named} has an empty scope, which would cover every load balancer; name what it \
                 covers by {}",
                KEYS.join(", ")
            );
            self.complain(at, problem);
        }
        (self.errors.len() == before).then_some(scope)
    }

    /// A list of texts, or one text for a list of one.
    fn each<T>(&mut self, item: &Item, key: &str, at: Span, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let entries: Vec<(Option<&str>, &'static str, Span)> = match (item.as_str(), item.as_array()) {
            (Some(text), _) => vec![(Some(text), "text", at.clone())],
            (None, Some(array)) => {
                array.iter().map(|value| (value.as_str(), kind_of(value), value.span().or(at.clone()))).collect()
            }
            (None, None) => vec![(None, kind(item), at.clone())],
        };
        if entries.is_empty() {
            self.complain(at, format!("scope.{key} is empty; leave it out, or name what it covers"));
        }
        let mut all = Vec::new();
        for (text, kind, at) in entries {
            match text {
                Some(text) if text.trim().is_empty() => self.complain(at, format!("scope.{key} has an empty entry")),
                Some(text) => match read(text) {
                    Ok(value) => all.push(value),
                    Err(problem) => self.complain(at, format!("scope.{key}: {problem}")),
                },
                None => self.complain(at, format!("scope.{key} contains {kind}; write text in quotes")),
            }
        }
        all
    }

    fn tags(&mut self, item: &Item, at: Span, scope: &mut ExceptionScope) {
        let Some(tags) = item.as_table_like() else {
            self.complain(at, format!("scope.tags is {}, not keys and values", kind(item)));
            return;
        };
        if tags.is_empty() {
            self.complain(at, "scope.tags is empty; leave it out, or name what it covers".to_owned());
        }
        for (key, item) in tags.iter() {
            match item.as_str() {
                Some(text) => {
                    scope.tags.insert(key.to_owned(), Pattern::from(text));
                }
                None => {
                    let problem = format!("scope.tags.{key} is {}, not text", kind(item));
                    self.complain(place(tags, key, item), problem);
                }
            }
        }
    }
}

fn kind_of(value: &toml_edit::Value) -> &'static str {
    kind(&Item::Value(value.clone()))
}

/// An ARN is compared exactly, so a glob in it would never match.
fn arn(text: &str) -> Result<Arn, String> {
    if text.contains(['*', '?']) {
        return Err(format!(
            "{text:?} contains a wildcard, but ARNs are compared exactly; use `names`, or list each ARN"
        ));
    }
    Arn::new(text).map_err(|error| error.to_string())
}

/// A unit is a path of names from the root, or an id; anything else would never match.
fn unit(text: &str) -> Result<String, String> {
    if text.starts_with('/') || text.starts_with("ou-") || text.starts_with("r-") {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is neither a path (/Workloads/Prod) nor an id (ou-..., r-...)"))
    }
}
