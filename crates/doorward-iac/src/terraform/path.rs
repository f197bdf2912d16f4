//! Paths such as `var.albs["edge"].mode`, `local.albs[*].mode` and `aws_lb.a.arn`, and the names that they begin with.

use super::evaluation::Scope;
use super::expression::{self, Bound};
use super::syntax::{Expression, PathStep};
use super::types::{Type, as_number, as_text};
use super::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

/// Names that stand for something else than a resource.
const ROOTS: [&str; 8] = ["var", "local", "each", "count", "module", "path", "terraform", "self"];

/// The value of a name or path.
pub(super) fn evaluate(expression: &Expression, scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    let (base, steps) = match expression {
        Expression::Path(base, steps) => (&**base, steps.as_slice()),
        base => (base, &[][..]),
    };
    let Expression::Name(root) = base else {
        let base = expression::evaluate(base, scope, bound)?;
        return follow(base, steps, scope, bound);
    };
    if let Some(value) = bound.and_then(|bound| bound.get(root)) {
        return follow(value.clone(), steps, scope, bound);
    }
    if bound.is_some_and(Bound::is_all) {
        return Err(EvaluationFailure::refused(format!("the template has no variable {root}")));
    }
    let outside =
        || Ok(ConfigValue::unknown(format!("`{}` depends on values outside these files", spelled(root, steps))));
    let [PathStep::Attribute(name), steps @ ..] = steps else {
        return if steps.is_empty() {
            Err(EvaluationFailure::refused(format!("{root} is not a value")))
        } else {
            outside()
        };
    };
    if let Some(value) = named(root, name, scope) {
        return follow(value, steps, scope, bound);
    }
    match root.as_str() {
        "var" | "local" => Ok(ConfigValue::unknown(format!("{root}.{name} is not declared in these files"))),
        "module" => Ok(ConfigValue::unknown(format!("module.{name} is not evaluated from these files"))),
        _ => outside(),
    }
}

/// The value of a name that the configuration defines.
fn named(root: &str, name: &str, scope: &Scope<'_>) -> Option<ConfigValue> {
    if root == "path" {
        let surroundings = scope.surroundings();
        let (root, folder) = (surroundings.root, surroundings.folder);
        return match name {
            "root" => Some(ConfigValue::text(".")),
            "module" => Some(ConfigValue::text(relative(root, folder))),
            _ => None,
        };
    }
    if ROOTS.contains(&root) || scope.instance_names(root).is_some() { scope.value(root, name) } else { None }
}

/// The path from the root folder to a folder, as Terraform writes it.
fn relative(root: &str, folder: &str) -> String {
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (root, folder) = (parts(root), parts(folder));
    let common = root.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    let up = root[common..].iter().map(|_| "..".to_owned());
    let path: Vec<String> = up.chain(folder[common..].iter().cloned()).collect();
    if path.is_empty() { ".".to_owned() } else { path.join("/") }
}

/// The path as it is written, up to four names.
fn spelled(root: &str, steps: &[PathStep]) -> String {
    let mut text = root.to_owned();
    for step in steps.iter().take(3) {
        match step {
            PathStep::Attribute(name) => {
                text.push('.');
                text.push_str(name);
            }
            PathStep::Index(_) => text.push_str("[…]"),
            PathStep::FullSplat => text.push_str("[*]"),
            PathStep::AttributeSplat => text.push_str(".*"),
        }
    }
    text
}

/// The value at the end of a path.
fn follow(mut value: ConfigValue, steps: &[PathStep], scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    for (at, step) in steps.iter().enumerate() {
        scope.work().spend(1)?;
        let rest = &steps[at + 1..];
        value = match step {
            PathStep::Attribute(name) => attribute(&value, name)?,
            PathStep::Index(key) => index(&value, &expression::evaluate(key, scope, bound)?)?,
            PathStep::FullSplat => return splat(&value, rest, scope, bound),
            PathStep::AttributeSplat => {
                let end = rest.iter().position(|step| !matches!(step, PathStep::Attribute(_))).unwrap_or(rest.len());
                let value = splat(&value, &rest[..end], scope, bound)?;
                return follow(value, &rest[end..], scope, bound);
            }
        };
    }
    Ok(value)
}

fn splat(value: &ConfigValue, steps: &[PathStep], scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    match value {
        ConfigValue::Null => Ok(ConfigValue::tuple(Vec::new())),
        ConfigValue::Unknown(unknown) => Ok(ConfigValue::unknown(unknown.cause.clone())),
        ConfigValue::List(list) => {
            if list.kind == ListKind::Set && super::functions::is_unordered(list) {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            let items = list.items.iter().map(|item| follow(item.clone(), steps, scope, bound));
            let kind = if list.kind == ListKind::Tuple { ListKind::Tuple } else { ListKind::List };
            Ok(ConfigValue::list(kind, items.collect::<Result<_, _>>()?))
        }
        single => Ok(ConfigValue::tuple(vec![follow(single.clone(), steps, scope, bound)?])),
    }
}

/// The value of an attribute.
pub(super) fn attribute(value: &ConfigValue, name: &str) -> Evaluation {
    match value {
        ConfigValue::Map(map) => match (map.entries.get(name), &map.rest) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(cause)) => Ok(ConfigValue::unknown(cause.clone())),
            (None, None) => Err(EvaluationFailure::refused(format!("there is no attribute {name}"))),
        },
        ConfigValue::Unknown(unknown) if unknown.outcomes.is_empty() => match &unknown.kind {
            Type::Object(attributes) => match attributes.get(name) {
                Some(attribute) => Ok(ConfigValue::unknown_of(unknown.cause.clone(), attribute.kind.clone())),
                None => Err(EvaluationFailure::refused(format!("there is no attribute {name}"))),
            },
            Type::Map(element) => Ok(ConfigValue::unknown_of(unknown.cause.clone(), (**element).clone())),
            _ => Ok(ConfigValue::unknown(unknown.cause.clone())),
        },
        ConfigValue::Unknown(_) => value.each_outcome(|outcome| attribute(outcome, name)),
        _ => Err(EvaluationFailure::refused(format!("the value has no attribute {name}"))),
    }
}

/// The element at a key. For an unknown key it is one of all elements.
pub(super) fn index(value: &ConfigValue, key: &ConfigValue) -> Evaluation {
    if let ConfigValue::Unknown(unknown) = value {
        if unknown.outcomes.is_empty() {
            return Ok(ConfigValue::unknown(unknown.cause.clone()));
        }
        return value.each_outcome(|outcome| index(outcome, key));
    }
    if let ConfigValue::Unknown(unknown) = key {
        if !unknown.outcomes.is_empty() {
            return key.each_outcome(|key| index(value, key));
        }
        return match value {
            ConfigValue::List(list) if !list.items.is_empty() => {
                Ok(ConfigValue::one_of(&unknown.cause, list.items.iter().cloned()))
            }
            ConfigValue::Map(map) if map.rest.is_none() && !map.entries.is_empty() => {
                Ok(ConfigValue::one_of(&unknown.cause, map.entries.values().cloned()))
            }
            _ => Ok(ConfigValue::unknown(unknown.cause.clone())),
        };
    }
    match value {
        ConfigValue::List(list) if list.kind != ListKind::Set => {
            let number = as_number(key)?.as_index();
            let found = number.and_then(|number| list.items.get(number));
            found.cloned().ok_or_else(|| EvaluationFailure::refused("the index is outside the list"))
        }
        ConfigValue::Map(_) => match as_text(key)? {
            ConfigValue::Text(key) => attribute(value, &key),
            _ => Err(EvaluationFailure::unsure("a key is not known")),
        },
        _ => Err(EvaluationFailure::refused("the value has no elements")),
    }
}
