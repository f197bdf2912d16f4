//! Lists of attributes that depend on conditions: `!If` around an entry, around the list, or around a value.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{GapReason, Observed};

use super::intrinsic::{Intrinsics, branches, is_intrinsic, is_nothing};
use crate::attributes::Attributes;
use crate::builder::gap;
use crate::tree::Node;

/// Attributes with the possible values of those that a condition or parameter determines.
pub(super) struct PossibleAttributes {
    pub(super) attributes: Attributes,
    /// The possible values, by AWS's keys.
    pub(super) outcomes: BTreeMap<String, Vec<Observed<String>>>,
    /// The keys that only some branches of a condition set.
    pub(super) conditional: BTreeSet<String>,
}

/// The attributes of a list. `names` are the names of key and value.
pub(super) fn of_list(intrinsics: Intrinsics<'_>, list: &Node, names: (&str, &str)) -> PossibleAttributes {
    let read = |node: &Node| intrinsics.value(node);
    let lists = branches(list);
    let is_conditional = |entry: &Node| branches(entry).len() > 1;
    let has_conditions = |list: &Node| list.as_seq().unwrap_or_default().iter().any(is_conditional);
    if lists.len() == 1 && !has_conditions(list) {
        let attributes = Attributes::of_list(intrinsics.text, list, names, &read);
        return PossibleAttributes {
            outcomes: values(intrinsics, list, names),
            attributes,
            conditional: BTreeSet::new(),
        };
    }
    let mut possible = PossibleAttributes {
        attributes: Attributes::default(),
        outcomes: BTreeMap::new(),
        conditional: BTreeSet::new(),
    };
    let all: Vec<Vec<Choice>> = lists.iter().map(|list| choices(intrinsics, list, names, &mut possible)).collect();
    let keys: BTreeSet<&String> = all.iter().flatten().flat_map(|choice| choice.values.keys()).collect();
    for key in keys {
        let mut outcomes: Vec<Option<Observed<String>>> = Vec::new();
        for choices in &all {
            outcomes.extend(outcomes_of(choices, key));
        }
        let mut kept: Vec<Observed<String>> = Vec::new();
        let is_open = outcomes.iter().any(Option::is_none);
        for outcome in outcomes.into_iter().flatten() {
            if !kept.contains(&outcome) {
                kept.push(outcome);
            }
        }
        let value = match kept.as_slice() {
            [only] if !is_open => only.clone(),
            _ => {
                let message = format!("{key} depends on a condition of the template");
                Observed::Unread(gap(intrinsics.text, GapReason::Unresolved, list.span.clone(), message))
            }
        };
        if !is_open && kept.len() > 1 {
            possible.outcomes.insert(key.clone(), kept);
        }
        possible.attributes.named.insert(key.clone(), value);
        possible.conditional.insert(key.clone());
    }
    possible
}

/// The possible values of the attributes of a literal list.
fn values(intrinsics: Intrinsics<'_>, list: &Node, names: (&str, &str)) -> BTreeMap<String, Vec<Observed<String>>> {
    let mut outcomes: BTreeMap<String, Vec<Observed<String>>> = BTreeMap::new();
    let mut repeated = BTreeSet::new();
    for entry in list.as_seq().unwrap_or_default() {
        let (Some(Observed::Known(key)), Some(value)) =
            (entry.get(names.0).map(|key| intrinsics.value(key)), entry.get(names.1))
        else {
            continue;
        };
        let found = observed(intrinsics, value);
        if outcomes.insert(key.clone(), found).is_some() {
            repeated.insert(key);
        }
    }
    outcomes.retain(|key, found| found.len() > 1 && !repeated.contains(key));
    outcomes
}

/// The possible values of a node; empty if the template does not limit them.
fn observed(intrinsics: Intrinsics<'_>, node: &Node) -> Vec<Observed<String>> {
    intrinsics.outcomes(node).into_iter().map(|one| one.map_or(Observed::Absent, Observed::Known)).collect()
}

/// The possible contents of one entry.
struct Choice {
    /// The possible values by key; an empty list for values that are not limited.
    values: BTreeMap<String, Vec<Observed<String>>>,
    /// The keys that every branch sets.
    always: BTreeSet<String>,
}

/// The entries of a list, which may be nothing.
fn choices(
    intrinsics: Intrinsics<'_>,
    list: &Node,
    names: (&str, &str),
    possible: &mut PossibleAttributes,
) -> Vec<Choice> {
    let text = intrinsics.text;
    if is_nothing(list) {
        return Vec::new();
    }
    let Some(entries) = list.as_seq().filter(|_| list.tag.is_none()) else {
        let message = "the attributes are not a literal list";
        possible.attributes.incomplete = Some(gap(text, GapReason::Unresolved, list.span.clone(), message));
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in entries {
        let mut choice = Choice { values: BTreeMap::new(), always: BTreeSet::new() };
        let branches = branches(entry);
        for (at, branch) in branches.iter().enumerate() {
            let mut own = BTreeSet::new();
            if !is_nothing(branch) {
                let key = match branch.get(names.0).map(|key| intrinsics.value(key)) {
                    Some(Observed::Known(key)) if !is_intrinsic(branch) => key,
                    _ => {
                        let message = "an attribute has no literal key";
                        let unresolved = gap(text, GapReason::Unresolved, branch.span.clone(), message);
                        possible.attributes.incomplete = Some(unresolved);
                        continue;
                    }
                };
                let (found, span) = match branch.get(names.1) {
                    Some(value) => (observed(intrinsics, value), value.span.clone()),
                    None => (Vec::new(), branch.span.clone()),
                };
                possible.attributes.spans.entry(key.clone()).or_insert(span);
                let is_limited = !found.is_empty();
                match choice.values.entry(key.clone()) {
                    std::collections::btree_map::Entry::Vacant(vacant) => drop(vacant.insert(found)),
                    std::collections::btree_map::Entry::Occupied(mut before) => {
                        if is_limited && !before.get().is_empty() {
                            before.get_mut().extend(found);
                        } else {
                            before.get_mut().clear();
                        }
                    }
                }
                own.insert(key);
            }
            choice.always = if at == 0 { own } else { &choice.always & &own };
        }
        all.push(choice);
    }
    all
}

/// The possible values of a key in one list; `None` among them for a value that is not limited.
fn outcomes_of(choices: &[Choice], key: &str) -> Vec<Option<Observed<String>>> {
    let mut found = Vec::new();
    let mut always = false;
    for choice in choices {
        if let Some(values) = choice.values.get(key) {
            if values.is_empty() {
                found.push(None);
            }
            found.extend(values.iter().cloned().map(Some));
            always |= choice.always.contains(key);
        }
    }
    if !always {
        found.push(Some(Observed::Absent));
    }
    found
}
