//! Conversion of values to types.

use std::collections::BTreeMap;

use super::unify::{Unified, unify};
use super::{Type, number_of};
use crate::terraform::number::Number;
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind, MapValue};

/// Converts a value to a type, as Terraform does for a variable.
pub(in super::super) fn convert(value: &ConfigValue, wanted: &Type) -> Evaluation {
    match (value, wanted) {
        (ConfigValue::Null, _) | (_, Type::Any) => Ok(value.clone()),
        (ConfigValue::Unknown(unknown), _) if unknown.outcomes.is_empty() => {
            Ok(ConfigValue::unknown_of(unknown.cause.clone(), wanted.clone()))
        }
        (ConfigValue::Unknown(_), _) => value.each_outcome(|outcome| convert(outcome, wanted)),
        (_, Type::Text) => as_text(value),
        (_, Type::Bool) => as_bool(value).map(ConfigValue::Bool),
        (_, Type::Number) => as_number(value).map(ConfigValue::Number),
        (ConfigValue::List(list), Type::List(element)) => {
            if list.kind == ListKind::Set && has_no_order(&list.items) {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            Ok(ConfigValue::list(ListKind::List, elements(&list.items, element)?))
        }
        (ConfigValue::List(list), Type::Set(element)) => Ok(set_of(elements(&list.items, element)?)),
        (ConfigValue::List(list), Type::Tuple(kinds)) if list.items.len() == kinds.len() => {
            let items = list.items.iter().zip(kinds).map(|(item, kind)| convert(item, kind));
            Ok(ConfigValue::tuple(items.collect::<Result<_, _>>()?))
        }
        (ConfigValue::Map(map), Type::Map(element)) => {
            let values: Vec<ConfigValue> = map.entries.values().cloned().collect();
            let entries = map.entries.keys().cloned().zip(elements(&values, element)?).collect();
            Ok(ConfigValue::map(false, entries, map.rest.clone()))
        }
        (ConfigValue::Map(map), Type::Object(_)) => object(map, wanted),
        _ => Err(EvaluationFailure::refused("a value does not have the type that is required")),
    }
}

/// Whether the order of the elements of a set does not follow from their values.
pub(in super::super) fn has_no_order(items: &[ConfigValue]) -> bool {
    items.len() > 1 && items.iter().any(|item| !Type::of(item).is_primitive())
}

fn object(map: &MapValue, wanted: &Type) -> Evaluation {
    let Type::Object(attributes) = wanted else { return Err(EvaluationFailure::unsure("not an object")) };
    let mut entries = BTreeMap::new();
    for (name, attribute) in attributes {
        let value = match (map.entries.get(name), &map.rest) {
            (Some(value), _) => value.clone(),
            (None, Some(cause)) => ConfigValue::unknown(cause.clone()),
            (None, None) if attribute.is_optional => ConfigValue::Null,
            (None, None) => return Err(EvaluationFailure::refused(format!("the attribute {name} is missing"))),
        };
        // A default replaces null, which one of several outcomes may be.
        let value = match (&value, &attribute.default) {
            (ConfigValue::Null, Some(default)) => default.clone(),
            (ConfigValue::Unknown(unknown), Some(default)) if unknown.outcomes.contains(&ConfigValue::Null) => {
                let filled = unknown.outcomes.iter().map(|outcome| match outcome {
                    ConfigValue::Null => default.clone(),
                    other => other.clone(),
                });
                ConfigValue::one_of(&unknown.cause, filled)
            }
            _ => value,
        };
        entries.insert(name.clone(), convert(&value, &attribute.kind)?);
    }
    Ok(ConfigValue::object(entries))
}

/// Converts elements to the type of the elements; for any type, to the one that they have in common.
fn elements(items: &[ConfigValue], element: &Type) -> Result<Vec<ConfigValue>, EvaluationFailure> {
    let common = match element {
        Type::Any => unify(&items.iter().map(Type::of).collect::<Vec<_>>()),
        element => Unified::Type(element.clone()),
    };
    common.apply(items)
}

/// A set of values, which are sorted and unique. A set with an unknown element is unknown.
pub(in super::super) fn set_of(items: Vec<ConfigValue>) -> ConfigValue {
    if let Some(cause) = items.iter().find_map(ConfigValue::unknown_part) {
        return ConfigValue::unknown_of(cause.clone(), Type::Set(Box::new(Type::Any)));
    }
    let mut unique: Vec<ConfigValue> = Vec::new();
    if has_no_order(&items) {
        for item in items {
            if !unique.contains(&item) {
                unique.push(item);
            }
        }
    } else {
        unique = items;
        unique.sort_by(|a, b| match (a, b) {
            (ConfigValue::Text(a), ConfigValue::Text(b)) => a.cmp(b),
            (ConfigValue::Number(a), ConfigValue::Number(b)) => a.compare(*b).unwrap_or(std::cmp::Ordering::Equal),
            (ConfigValue::Bool(a), ConfigValue::Bool(b)) => a.cmp(b),
            _ => std::cmp::Ordering::Equal,
        });
        unique.dedup();
    }
    ConfigValue::list(ListKind::Set, unique)
}

/// A value as text. Only the text of a known scalar is known.
pub(in super::super) fn as_text(value: &ConfigValue) -> Evaluation {
    match value {
        ConfigValue::Text(_) => Ok(value.clone()),
        ConfigValue::Bool(truth) => Ok(ConfigValue::text(truth.to_string())),
        ConfigValue::Number(number) => match number.text() {
            Some(text) => Ok(ConfigValue::text(text)),
            None => Err(EvaluationFailure::unsure("a fraction has no end")),
        },
        ConfigValue::Unknown(_) => value.each_outcome(as_text),
        ConfigValue::Null => Err(EvaluationFailure::refused("a null value is no text")),
        ConfigValue::List(_) | ConfigValue::Map(_) => Err(EvaluationFailure::refused("a collection is no text")),
    }
}

/// A value as a truth value.
pub(in super::super) fn as_bool(value: &ConfigValue) -> Result<bool, EvaluationFailure> {
    match value {
        ConfigValue::Bool(truth) => Ok(*truth),
        ConfigValue::Text(text) => match &**text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(EvaluationFailure::refused(format!("{text:?} is neither true nor false"))),
        },
        ConfigValue::Unknown(unknown) => Err(EvaluationFailure::unsure(unknown.cause.clone())),
        _ => Err(EvaluationFailure::refused("true or false is required")),
    }
}

/// A value as a number.
pub(in super::super) fn as_number(value: &ConfigValue) -> Result<Number, EvaluationFailure> {
    match value {
        ConfigValue::Number(number) => Ok(*number),
        ConfigValue::Text(text) => number_of(text),
        ConfigValue::Unknown(unknown) => Err(EvaluationFailure::unsure(unknown.cause.clone())),
        _ => Err(EvaluationFailure::refused("a number is required")),
    }
}
