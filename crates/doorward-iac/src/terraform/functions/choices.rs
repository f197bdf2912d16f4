//! Functions whose result may be known although an argument is not: `merge`, `coalesce`, `lookup`, `element` and others.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{is_unordered, missing, whole};
use crate::terraform::operators::{Equality, equal, lift};
use crate::terraform::path::index;
use crate::terraform::types::{Type, Unified, convert, unify};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

/// The value of a call; `None` if the function is not one of these.
pub(super) fn call(name: &str, arguments: &[ConfigValue]) -> Option<Evaluation> {
    Some(match name {
        "merge" => merge(arguments),
        "coalesce" => coalesce(arguments),
        "coalescelist" => coalesce_list(arguments),
        "lookup" => lookup(arguments),
        "element" => element(arguments),
        "contains" => lift(arguments, contains),
        "concat" => concat(arguments),
        "length" => length(arguments),
        "one" => lift(arguments, one),
        _ => return None,
    })
}

fn merge(arguments: &[ConfigValue]) -> Evaluation {
    let mut entries: BTreeMap<Rc<str>, ConfigValue> = BTreeMap::new();
    let mut rest: Option<Rc<str>> = None;
    let mut kinds = Vec::new();
    for argument in arguments {
        match argument {
            ConfigValue::Null => {}
            ConfigValue::Map(map) => {
                kinds.push(Type::of(argument));
                if let Some(cause) = &map.rest {
                    hide(&mut entries, cause);
                    rest = Some(cause.clone());
                }
                entries.extend(map.entries.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            ConfigValue::Unknown(unknown) => {
                // Each entry before it may be replaced, and there may be more.
                hide(&mut entries, &unknown.cause);
                rest = Some(unknown.cause.clone());
                kinds.push(Type::Any);
            }
            _ => return Err(EvaluationFailure::refused("merge takes maps and objects")),
        }
    }
    let same = kinds.first().is_some_and(|first| matches!(first, Type::Map(_)) && kinds.iter().all(|one| one == first));
    Ok(ConfigValue::map(!same, entries, rest))
}

fn hide(entries: &mut BTreeMap<Rc<str>, ConfigValue>, cause: &Rc<str>) {
    for entry in entries.values_mut() {
        *entry = ConfigValue::unknown(cause.clone());
    }
}

/// The values in the type that they have in common.
fn common(values: &[ConfigValue]) -> Result<Vec<ConfigValue>, EvaluationFailure> {
    let kinds: Vec<Type> = values.iter().filter(|value| **value != ConfigValue::Null).map(Type::of).collect();
    match unify(&kinds) {
        Unified::None => Err(EvaluationFailure::refused("the arguments have no common type")),
        common => common.apply(values),
    }
}

/// The first value that is neither null nor empty.
fn coalesce(arguments: &[ConfigValue]) -> Evaluation {
    let mut candidates = Vec::new();
    let mut cause = None;
    for value in common(arguments)? {
        match &value {
            ConfigValue::Null => continue,
            ConfigValue::Text(text) if text.is_empty() => continue,
            ConfigValue::Unknown(unknown) => {
                cause = Some(unknown.cause.clone());
                if unknown.outcomes.is_empty() {
                    return Ok(value);
                }
                let is_given = |outcome: &&ConfigValue| {
                    !matches!(outcome, ConfigValue::Null) && **outcome != ConfigValue::text("")
                };
                let given: Vec<ConfigValue> = unknown.outcomes.iter().filter(is_given).cloned().collect();
                let all = given.len() == unknown.outcomes.len();
                candidates.extend(given);
                if all {
                    break;
                }
            }
            _ => {
                candidates.push(value);
                break;
            }
        }
    }
    match (candidates.is_empty(), cause) {
        (true, _) => Err(EvaluationFailure::refused("coalesce has no argument with a value")),
        (false, None) => Ok(candidates.swap_remove(0)),
        (false, Some(cause)) => Ok(ConfigValue::one_of(&cause, candidates)),
    }
}

fn coalesce_list(arguments: &[ConfigValue]) -> Evaluation {
    for value in arguments {
        match value {
            ConfigValue::List(list) if list.items.is_empty() => {}
            ConfigValue::Null => {}
            ConfigValue::List(_) | ConfigValue::Unknown(_) => return Ok(value.clone()),
            _ => return Err(EvaluationFailure::refused("coalescelist takes lists")),
        }
    }
    Err(EvaluationFailure::refused("coalescelist has no argument with elements"))
}

fn lookup(arguments: &[ConfigValue]) -> Evaluation {
    let (map, key, default) = match arguments {
        [map, key] => (map, key, None),
        [map, key, default] => (map, key, Some(default)),
        _ => return Err(missing()),
    };
    // The key is a text, to which Terraform converts other scalars.
    let converted = match key {
        ConfigValue::Bool(_) | ConfigValue::Number(_) => key.scalar_text().map(ConfigValue::text),
        _ => None,
    };
    let key = converted.as_ref().unwrap_or(key);
    let found = |map: &ConfigValue, key: &ConfigValue| match (map, key) {
        (ConfigValue::Map(entries), ConfigValue::Text(name)) => {
            match (entries.entries.get(name), &entries.rest, default) {
                // The default is converted to the type of a map's elements.
                (Some(value), ..) => Ok(value.clone()),
                (None, Some(cause), _) => Ok(ConfigValue::unknown(cause.clone())),
                (None, None, Some(default)) if entries.is_object => Ok(default.clone()),
                (None, None, Some(default)) => match Type::of(map) {
                    Type::Map(element) => convert(default, &element),
                    _ => Err(missing()),
                },
                (None, None, None) => Err(EvaluationFailure::refused(format!("there is no key {name:?}"))),
            }
        }
        (ConfigValue::Map(_), _) => Err(EvaluationFailure::refused("the key is no text")),
        _ => Err(EvaluationFailure::refused("lookup takes a map")),
    };
    match (map, key) {
        // An unknown key is one of all, or none of them.
        (ConfigValue::Map(entries), ConfigValue::Unknown(unknown))
            if unknown.outcomes.is_empty() && entries.rest.is_none() =>
        {
            Ok(ConfigValue::one_of(&unknown.cause, entries.entries.values().chain(default).cloned()))
        }
        _ => lift(&[map.clone(), key.clone()], |known| match known {
            [map, key] => found(map, key),
            _ => Err(missing()),
        }),
    }
}

fn element(arguments: &[ConfigValue]) -> Evaluation {
    let [list, at] = arguments else { return Err(missing()) };
    lift(&[list.clone(), at.clone()], |known| {
        let [ConfigValue::List(list), at] = known else {
            return Err(EvaluationFailure::refused("element takes a list"));
        };
        if is_unordered(list) {
            return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
        }
        let at = whole(at)?;
        match (usize::try_from(at), list.items.len()) {
            (_, 0) => Err(EvaluationFailure::refused("the list is empty")),
            // Versions of Terraform differ on a negative index.
            (Err(_), _) => Err(EvaluationFailure::unsure("a negative index depends on the version of Terraform")),
            (Ok(at), length) => list.items.get(at % length).cloned().ok_or_else(missing),
        }
    })
    .and_then(|value| match (&value, list, at) {
        // An unknown index gives one of the elements.
        (ConfigValue::Unknown(unknown), ConfigValue::List(known), ConfigValue::Unknown(_))
            if unknown.outcomes.is_empty() && !known.items.is_empty() =>
        {
            index(list, at)
        }
        _ => Ok(value),
    })
}

fn contains(arguments: &[ConfigValue]) -> Evaluation {
    let [ConfigValue::List(list), wanted] = arguments else {
        return Err(EvaluationFailure::refused("contains takes a list"));
    };
    let mut result = Ok(ConfigValue::Bool(false));
    for item in &list.items {
        // Elements of a list or set have one type, to which the wanted value is not converted.
        match equal(item, wanted) {
            Equality::Known(true) => return Ok(ConfigValue::Bool(true)),
            Equality::Known(false) => {}
            Equality::Unknown(cause) => result = Ok(ConfigValue::unknown_of(cause, Type::Bool)),
        }
    }
    result
}

fn concat(arguments: &[ConfigValue]) -> Evaluation {
    let mut items = Vec::new();
    let mut kinds = Vec::new();
    for argument in arguments {
        match argument {
            ConfigValue::List(list) if is_unordered(list) => {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            ConfigValue::List(list) => {
                items.extend(list.items.iter().cloned());
                kinds.push(list.kind);
            }
            ConfigValue::Unknown(unknown) => return Ok(ConfigValue::unknown(unknown.cause.clone())),
            _ => return Err(EvaluationFailure::refused("concat takes lists")),
        }
    }
    let same = {
        let types: Vec<Type> = arguments.iter().map(Type::of).collect();
        types.windows(2).all(|pair| pair[0] == pair[1])
    };
    let is_list = same && kinds.iter().all(|kind| *kind != ListKind::Tuple);
    Ok(ConfigValue::list(if is_list { ListKind::List } else { ListKind::Tuple }, items))
}

fn length(arguments: &[ConfigValue]) -> Evaluation {
    lift(arguments, |known| match known {
        [ConfigValue::List(list)] => Ok(ConfigValue::from(list.items.len())),
        [ConfigValue::Map(map)] => match &map.rest {
            None => Ok(ConfigValue::from(map.entries.len())),
            Some(cause) => Err(EvaluationFailure::unsure(cause.clone())),
        },
        // Terraform counts what a reader sees as one character, which may be several code points.
        [ConfigValue::Text(text)] if text.is_ascii() && !text.contains('\r') => Ok(ConfigValue::from(text.len())),
        [ConfigValue::Text(text)] if text.chars().all(|c| c < '\u{300}' && c != '\r') => {
            Ok(ConfigValue::from(text.chars().count()))
        }
        [ConfigValue::Text(_)] => {
            Err(EvaluationFailure::unsure("the length of the text depends on combined characters"))
        }
        _ => Err(EvaluationFailure::refused("the value has no length")),
    })
}

fn one(arguments: &[ConfigValue]) -> Evaluation {
    match arguments {
        [ConfigValue::List(list)] => match list.items.as_slice() {
            [] => Ok(ConfigValue::Null),
            [only] => Ok(only.clone()),
            _ => Err(EvaluationFailure::refused("the list has more than one element")),
        },
        [ConfigValue::Null] => Err(EvaluationFailure::unsure("the list is null")),
        [single] => Ok(single.clone()),
        _ => Err(missing()),
    }
}
