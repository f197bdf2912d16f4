//! Functions of sets.

use super::collections::MAX_CREATED;
use super::{Function, items, missing, set, unsure};
use crate::terraform::types::{Type, convert};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "setunion" => |arguments| {
            let mut all = Vec::new();
            for one in arguments {
                all.extend(members(one)?);
            }
            set(all)
        },
        "setintersection" => |arguments| filtered(arguments, true),
        "setsubtract" => |arguments| match arguments {
            [_, _] => filtered(arguments, false),
            _ => Err(missing()),
        },
        "setproduct" => product,
        _ => return None,
    })
}

/// The known elements of a set or list.
fn members(value: &ConfigValue) -> Result<Vec<ConfigValue>, EvaluationFailure> {
    if value.unknown_part().is_some() {
        return Err(unsure(value));
    }
    match convert(value, &Type::Set(Box::new(Type::Any)))? {
        ConfigValue::List(list) => Ok(list.items.clone()),
        other => Err(unsure(&other)),
    }
}

/// The elements of the first set that all other sets contain, or that none of them contains.
fn filtered(arguments: &[ConfigValue], contained: bool) -> Evaluation {
    let (first, rest) = arguments.split_first().ok_or_else(missing)?;
    let rest = rest.iter().map(members).collect::<Result<Vec<_>, _>>()?;
    let mut kept = members(first)?;
    // Elements of different types are converted to a common one first.
    let kind = |items: &[ConfigValue]| items.first().map(Type::of);
    if rest.iter().any(|other| kind(other).is_some() && kind(&kept).is_some() && kind(other) != kind(&kept)) {
        return Err(EvaluationFailure::unsure("sets of different types are not compared"));
    }
    kept.retain(|item| rest.iter().all(|other| other.contains(item) == contained));
    set(kept)
}

fn product(arguments: &[ConfigValue]) -> Evaluation {
    let mut all: Vec<Vec<ConfigValue>> = vec![Vec::new()];
    let are_lists = arguments.iter().all(|one| matches!(one, ConfigValue::List(list) if list.kind != ListKind::Set));
    for argument in arguments {
        let items = items(argument)?;
        if all.len() * items.len() > MAX_CREATED {
            return Err(EvaluationFailure::unsure("a product has too many elements"));
        }
        all = all
            .iter()
            .flat_map(|before| items.iter().map(move |item| before.iter().cloned().chain([item.clone()]).collect()))
            .collect();
    }
    let all: Vec<ConfigValue> = all.into_iter().map(ConfigValue::tuple).collect();
    if are_lists { convert(&ConfigValue::tuple(all), &Type::List(Box::new(Type::Any))) } else { set(all) }
}
