//! Terraform's functions: <https://developer.hashicorp.com/terraform/language/functions>
//!
//! A call of a function that is not listed here is unknown, for example of one that depends on the present time or on random
//! numbers.

use super::evaluation::Scope;
use super::operators::lift;
use super::types::{Type, as_number, as_text, convert, set_of};
use super::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind, ListValue};

mod choices;
mod collections;
mod encodings;
mod file_functions;
mod format_function;
mod hashes;
mod networks;
mod numbers;
mod patterns;
mod sets;
mod texts;
mod times;
mod yaml_text;

/// Functions that are unknown on purpose, with the reason.
const NOT_EVALUATED: [(&str, &str); 7] = [
    ("timestamp", "the time when Terraform runs is not known here"),
    ("plantimestamp", "the time of the plan is not known here"),
    ("uuid", "a random number is not known here"),
    ("bcrypt", "a random number is not known here"),
    ("rsadecrypt", "a private key is not read"),
    ("base64gzip", "the bytes depend on how Terraform compresses"),
    ("issensitive", "whether a value is sensitive is not followed"),
];

/// A function of arguments that are known; their members may be unknown.
type Function = fn(&[ConfigValue]) -> Evaluation;

/// The value of a call.
pub(super) fn call(name: &str, arguments: &[ConfigValue], scope: &Scope<'_>) -> Evaluation {
    let name = name.strip_prefix("core::").unwrap_or(name);
    if let Some(result) = choices::call(name, arguments) {
        return result;
    }
    if let Some(result) = file_functions::call(name, arguments, scope) {
        return result;
    }
    let function = texts::find(name)
        .or_else(|| collections::find(name))
        .or_else(|| sets::find(name))
        .or_else(|| numbers::find(name))
        .or_else(|| encodings::find(name))
        .or_else(|| patterns::find(name))
        .or_else(|| hashes::find(name))
        .or_else(|| networks::find(name))
        .or_else(|| times::find(name))
        .or_else(|| conversion(name));
    match function {
        Some(function) => lift(arguments, function),
        None => {
            let reason = NOT_EVALUATED.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason);
            let reason = reason.map_or_else(
                || format!("the function {name} is not evaluated here"),
                |reason| format!("the value of {name} is not known: {reason}"),
            );
            Err(EvaluationFailure::unsure(reason))
        }
    }
}

fn conversion(name: &str) -> Option<Function> {
    Some(match name {
        "tostring" => |arguments| convert_only(arguments, &Type::Text),
        "tonumber" => |arguments| convert_only(arguments, &Type::Number),
        "tobool" => |arguments| convert_only(arguments, &Type::Bool),
        "tolist" => |arguments| convert_only(arguments, &Type::List(Box::new(Type::Any))),
        "toset" => |arguments| convert_only(arguments, &Type::Set(Box::new(Type::Any))),
        "tomap" => |arguments| convert_only(arguments, &Type::Map(Box::new(Type::Any))),
        "sensitive" | "nonsensitive" | "ephemeralasnull" => |arguments| only(arguments).cloned(),
        _ => return None,
    })
}

fn convert_only(arguments: &[ConfigValue], kind: &Type) -> Evaluation {
    convert(only(arguments)?, kind)
}

/// Whether the order of the elements does not follow from their values.
pub(super) fn is_unordered(list: &ListValue) -> bool {
    list.kind == ListKind::Set && list.items.len() > 1 && !list.items.iter().all(|item| Type::of(item).is_primitive())
}

/// The only argument.
fn only(arguments: &[ConfigValue]) -> Result<&ConfigValue, EvaluationFailure> {
    match arguments {
        [only] => Ok(only),
        _ => Err(EvaluationFailure::refused("the function takes one argument")),
    }
}

fn missing() -> EvaluationFailure {
    EvaluationFailure::refused("the function takes another number of arguments")
}

fn unsure(value: &ConfigValue) -> EvaluationFailure {
    EvaluationFailure::unsure(value.unknown_part().cloned().unwrap_or_else(|| "a part is not known".into()))
}

/// The text of an argument.
fn text(value: &ConfigValue) -> Result<std::rc::Rc<str>, EvaluationFailure> {
    match as_text(value)? {
        ConfigValue::Text(text) => Ok(text),
        other => Err(unsure(&other)),
    }
}

/// The number of an argument as a whole number.
fn whole(value: &ConfigValue) -> Result<i64, EvaluationFailure> {
    let number = as_number(value)?.as_whole();
    number
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| EvaluationFailure::refused("a whole number is required"))
}

/// The elements of a list, set or tuple in their order.
fn items(value: &ConfigValue) -> Result<&[ConfigValue], EvaluationFailure> {
    match value {
        ConfigValue::List(list) if is_unordered(list) => {
            Err(EvaluationFailure::unsure("the order of a set of collections is not known"))
        }
        ConfigValue::List(list) => Ok(&list.items),
        ConfigValue::Unknown(_) => Err(unsure(value)),
        _ => Err(EvaluationFailure::refused("a list is required")),
    }
}

/// The elements of a list of scalars as texts.
fn texts_of(value: &ConfigValue) -> Result<Vec<std::rc::Rc<str>>, EvaluationFailure> {
    items(value)?.iter().map(text).collect()
}

/// A list of text.
fn text_list(texts: impl IntoIterator<Item = String>) -> ConfigValue {
    ConfigValue::list(ListKind::List, texts.into_iter().map(ConfigValue::text).collect())
}

/// A list as Terraform's functions return it for a list, or a tuple for a tuple.
fn like(value: &ConfigValue, items: Vec<ConfigValue>) -> ConfigValue {
    match value {
        ConfigValue::List(list) if list.kind != ListKind::Tuple => ConfigValue::list(ListKind::List, items),
        _ => ConfigValue::tuple(items),
    }
}

/// A set of the elements, converted to their common type.
fn set(items: Vec<ConfigValue>) -> Evaluation {
    match convert(&ConfigValue::tuple(items), &Type::List(Box::new(Type::Any)))? {
        ConfigValue::List(list) => Ok(set_of(list.items.clone())),
        other => Err(unsure(&other)),
    }
}
