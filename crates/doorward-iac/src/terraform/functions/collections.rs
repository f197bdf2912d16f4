//! Functions of lists and maps.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Function, items, like, missing, only, text, text_list, texts_of, unsure, whole};
use crate::terraform::operators::{Equality, equal};
use crate::terraform::types::{Type, as_bool, convert};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind, MapValue};

/// The maximum number of elements that a function creates from a few arguments.
pub(super) const MAX_CREATED: usize = 4_096;

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "alltrue" => |arguments| truths(arguments, false),
        "anytrue" => |arguments| truths(arguments, true),
        "chunklist" => chunklist,
        "compact" => compact,
        "distinct" => distinct,
        "flatten" => |arguments| {
            let mut flat = Vec::new();
            flatten(only(arguments)?, &mut flat)?;
            Ok(ConfigValue::tuple(flat))
        },
        "index" => index,
        "keys" => |arguments| {
            let map = map(only(arguments)?)?;
            let keys = map.entries.keys().map(|key| ConfigValue::Text(key.clone())).collect();
            Ok(ConfigValue::list(if map.is_object { ListKind::Tuple } else { ListKind::List }, keys))
        },
        "values" => |arguments| {
            let map = map(only(arguments)?)?;
            let values = map.entries.values().cloned().collect();
            Ok(ConfigValue::list(if map.is_object { ListKind::Tuple } else { ListKind::List }, values))
        },
        "matchkeys" => matchkeys,
        "reverse" => |arguments| {
            let list = only(arguments)?;
            Ok(like(list, items(list)?.iter().rev().cloned().collect()))
        },
        "slice" => slice,
        "sort" => |arguments| {
            let mut texts: Vec<String> = texts_of(only(arguments)?)?.iter().map(ToString::to_string).collect();
            texts.sort();
            Ok(text_list(texts))
        },
        "transpose" => transpose,
        "zipmap" => zipmap,
        _ => return None,
    })
}

/// The entries of a map whose keys are all known.
fn map(value: &ConfigValue) -> Result<&MapValue, EvaluationFailure> {
    match value {
        ConfigValue::Map(map) => match &map.rest {
            None => Ok(map),
            Some(cause) => Err(EvaluationFailure::unsure(cause.clone())),
        },
        ConfigValue::Unknown(_) => Err(unsure(value)),
        _ => Err(EvaluationFailure::refused("a map is required")),
    }
}

/// Whether any element is `decisive`, which an unknown element may be.
fn truths(arguments: &[ConfigValue], decisive: bool) -> Evaluation {
    let mut unknown = None;
    for item in items(only(arguments)?)? {
        match item {
            ConfigValue::Unknown(_) => unknown = Some(unsure(item)),
            ConfigValue::Null => return Ok(ConfigValue::Bool(false)),
            item if as_bool(item)? == decisive => return Ok(ConfigValue::Bool(decisive)),
            _ => {}
        }
    }
    unknown.map_or(Ok(ConfigValue::Bool(!decisive)), Err)
}

fn chunklist(arguments: &[ConfigValue]) -> Evaluation {
    let [list, size] = arguments else { return Err(missing()) };
    let size = usize::try_from(whole(size)?).map_err(|_| EvaluationFailure::refused("the size is negative"))?;
    let converted = convert(list, &Type::List(Box::new(Type::Any)))?;
    let elements = items(&converted)?;
    let size = if size == 0 { elements.len().max(1) } else { size };
    let chunks = elements.chunks(size).map(|chunk| ConfigValue::list(ListKind::List, chunk.to_vec()));
    Ok(ConfigValue::list(ListKind::List, chunks.collect()))
}

fn compact(arguments: &[ConfigValue]) -> Evaluation {
    let mut kept = Vec::new();
    for item in items(only(arguments)?)? {
        match item {
            ConfigValue::Null => {}
            item => {
                let text = text(item)?;
                if !text.is_empty() {
                    kept.push(ConfigValue::Text(text));
                }
            }
        }
    }
    Ok(ConfigValue::list(ListKind::List, kept))
}

fn distinct(arguments: &[ConfigValue]) -> Evaluation {
    let list = convert(only(arguments)?, &Type::List(Box::new(Type::Any)))?;
    if list.unknown_part().is_some() {
        return Err(unsure(&list));
    }
    let mut kept: Vec<ConfigValue> = Vec::new();
    for item in items(&list)? {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    Ok(ConfigValue::list(ListKind::List, kept))
}

fn flatten(value: &ConfigValue, flat: &mut Vec<ConfigValue>) -> Result<(), EvaluationFailure> {
    for item in items(value)? {
        match item {
            ConfigValue::List(_) => flatten(item, flat)?,
            // An unknown element may be a list.
            ConfigValue::Unknown(unknown) if !Type::of(item).is_primitive() => {
                return Err(EvaluationFailure::unsure(unknown.cause.clone()));
            }
            item => flat.push(item.clone()),
        }
    }
    Ok(())
}

fn index(arguments: &[ConfigValue]) -> Evaluation {
    let [list, wanted] = arguments else { return Err(missing()) };
    for (at, item) in items(list)?.iter().enumerate() {
        match equal(item, wanted) {
            Equality::Known(true) => return Ok(ConfigValue::from(at)),
            Equality::Known(false) => {}
            Equality::Unknown(cause) => return Err(EvaluationFailure::unsure(cause)),
        }
    }
    Err(EvaluationFailure::refused("the list does not contain the value"))
}

fn matchkeys(arguments: &[ConfigValue]) -> Evaluation {
    let [values, keys, wanted] = arguments else { return Err(missing()) };
    let (values, keys, wanted) = (items(values)?, items(keys)?, items(wanted)?);
    if values.len() != keys.len() {
        return Err(EvaluationFailure::refused("the lists have different lengths"));
    }
    let mut kept = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        for wanted in wanted {
            match equal(key, wanted) {
                Equality::Known(true) => {
                    kept.push(value.clone());
                    break;
                }
                Equality::Known(false) => {}
                Equality::Unknown(cause) => return Err(EvaluationFailure::unsure(cause)),
            }
        }
    }
    convert(&ConfigValue::tuple(kept), &Type::List(Box::new(Type::Any)))
}

fn slice(arguments: &[ConfigValue]) -> Evaluation {
    let [list, from, to] = arguments else { return Err(missing()) };
    let (from, to) = (usize::try_from(whole(from)?), usize::try_from(whole(to)?));
    match (from, to) {
        (Ok(from), Ok(to)) => match items(list)?.get(from..to) {
            Some(part) => Ok(like(list, part.to_vec())),
            None => Err(EvaluationFailure::refused("the slice is outside the list")),
        },
        _ => Err(EvaluationFailure::refused("the slice has a negative end")),
    }
}

fn transpose(arguments: &[ConfigValue]) -> Evaluation {
    let mut turned: BTreeMap<Rc<str>, Vec<ConfigValue>> = BTreeMap::new();
    for (key, texts) in &map(only(arguments)?)?.entries {
        for text in texts_of(texts)? {
            turned.entry(text).or_default().push(ConfigValue::Text(key.clone()));
        }
    }
    let lists = turned.into_iter().map(|(key, values)| (key, ConfigValue::list(ListKind::List, values)));
    Ok(ConfigValue::map(false, lists.collect(), None))
}

fn zipmap(arguments: &[ConfigValue]) -> Evaluation {
    let [keys, values] = arguments else { return Err(missing()) };
    let is_object = !matches!(values, ConfigValue::List(list) if list.kind != ListKind::Tuple);
    let (keys, values) = (texts_of(keys)?, items(values)?);
    if keys.len() != values.len() {
        return Err(EvaluationFailure::refused("the lists have different lengths"));
    }
    Ok(ConfigValue::map(is_object, keys.into_iter().zip(values.iter().cloned()).collect(), None))
}
