//! The common type of several values, and whether two types are the same.
//!
//! The rules are those of <https://github.com/zclconf/go-cty/blob/main/cty/convert/unify.go>.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::convert::convert;
use super::{AttributeType, Type};
use crate::terraform::value::{ConfigValue, EvaluationFailure};

/// The common type of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Unified {
    /// The common type.
    Type(Type),
    /// There is none: Terraform refuses the values.
    None,
    /// The type depends on a value of unknown type.
    Unsure,
}

impl Unified {
    /// Converts values to the common type. If that is not known, a scalar may become text.
    pub(in super::super) fn apply(&self, items: &[ConfigValue]) -> Result<Vec<ConfigValue>, EvaluationFailure> {
        match self {
            Self::Type(kind) => items.iter().map(|item| convert(item, kind)).collect(),
            Self::None => Err(EvaluationFailure::refused("the values have no common type")),
            Self::Unsure => Ok(items.iter().map(or_text).collect()),
        }
    }
}

/// A value that may be converted to text.
fn or_text(value: &ConfigValue) -> ConfigValue {
    let cause = || Rc::from("a value of another type may convert it");
    match value {
        ConfigValue::Bool(_) | ConfigValue::Number(_) => match value.scalar_text() {
            Some(text) => ConfigValue::one_of(&cause(), [value.clone(), ConfigValue::text(text)]),
            None => ConfigValue::unknown(cause()),
        },
        _ => value.clone(),
    }
}

/// The common type of several types. `Any` stands for a type that is not known, or for null.
pub(in super::super) fn unify(types: &[Type]) -> Unified {
    let known: Vec<&Type> = types.iter().filter(|kind| **kind != Type::Any).collect();
    let is_sure = known.len() == types.len();
    let Some((first, rest)) = known.split_first() else { return Unified::Type(Type::Any) };
    let common = if rest.iter().all(|other| other == first) {
        Unified::Type((*first).clone())
    } else if known.iter().all(|kind| kind.is_primitive()) {
        // Numbers and truth values convert to text, but not to each other.
        if known.contains(&&Type::Text) { Unified::Type(Type::Text) } else { Unified::None }
    } else {
        structures(&known)
    };
    match common {
        // Text is the common type of all scalars, also of the unknown ones.
        Unified::Type(Type::Text) => common,
        Unified::Type(_) if !is_sure => Unified::Unsure,
        common => common,
    }
}

fn structures(types: &[&Type]) -> Unified {
    let all = |test: fn(&Type) -> bool| types.iter().all(|kind| test(kind));
    let any = |test: fn(&Type) -> bool| types.iter().any(|kind| test(kind));
    let is_object = |kind: &Type| matches!(kind, Type::Object(_));
    let is_map = |kind: &Type| matches!(kind, Type::Map(_));
    let is_tuple = |kind: &Type| matches!(kind, Type::Tuple(_));
    let is_list = |kind: &Type| matches!(kind, Type::List(_));
    let is_set = |kind: &Type| matches!(kind, Type::Set(_));
    if all(is_object) {
        return objects(types);
    }
    if all(is_tuple) {
        return tuples(types);
    }
    if any(is_map) && all(|kind| matches!(kind, Type::Map(_) | Type::Object(_))) {
        return inner(types).wrap(Type::Map);
    }
    if any(is_set) && all(|kind| matches!(kind, Type::Set(_) | Type::List(_) | Type::Tuple(_))) {
        return inner(types).wrap(Type::Set);
    }
    if any(is_list) && all(|kind| matches!(kind, Type::List(_) | Type::Tuple(_))) {
        return inner(types).wrap(Type::List);
    }
    Unified::None
}

impl Unified {
    fn wrap(self, collection: fn(Box<Type>) -> Type) -> Self {
        match self {
            Self::Type(kind) => Self::Type(collection(Box::new(kind))),
            other => other,
        }
    }
}

/// The common type of everything within the types.
fn inner(types: &[&Type]) -> Unified {
    let mut within = Vec::new();
    for kind in types {
        match kind {
            // The type of the elements of an empty collection does not count.
            Type::List(element) | Type::Set(element) | Type::Map(element) if **element == Type::Any => {}
            Type::List(element) | Type::Set(element) | Type::Map(element) => within.push((**element).clone()),
            Type::Tuple(items) => within.extend(items.iter().cloned()),
            Type::Object(attributes) => within.extend(attributes.values().map(|attribute| attribute.kind.clone())),
            _ => {}
        }
    }
    unify(&within)
}

fn tuples(types: &[&Type]) -> Unified {
    let items: Vec<&Vec<Type>> = types
        .iter()
        .filter_map(|kind| match kind {
            Type::Tuple(items) => Some(items),
            _ => None,
        })
        .collect();
    let length = items.first().map_or(0, |first| first.len());
    if items.iter().any(|items| items.len() != length) {
        return inner(types).wrap(Type::List);
    }
    let mut kinds = Vec::new();
    for at in 0..length {
        match unify(&items.iter().filter_map(|items| items.get(at).cloned()).collect::<Vec<_>>()) {
            Unified::Type(kind) => kinds.push(kind),
            other => return other,
        }
    }
    Unified::Type(Type::Tuple(kinds))
}

fn objects(types: &[&Type]) -> Unified {
    let all: Vec<&BTreeMap<Rc<str>, AttributeType>> = types
        .iter()
        .filter_map(|kind| match kind {
            Type::Object(attributes) => Some(attributes),
            _ => None,
        })
        .collect();
    let Some((first, rest)) = all.split_first() else { return Unified::None };
    if rest.iter().any(|other| !other.keys().eq(first.keys())) {
        return inner(types).wrap(Type::Map);
    }
    let mut attributes = BTreeMap::new();
    for name in first.keys() {
        let kinds: Vec<Type> = all.iter().filter_map(|one| one.get(name)).map(|one| one.kind.clone()).collect();
        match unify(&kinds) {
            Unified::Type(kind) => {
                attributes.insert(name.clone(), AttributeType { kind, is_optional: false, default: None });
            }
            other => return other,
        }
    }
    Unified::Type(Type::Object(attributes))
}

/// Whether two types are the same; `None` if that depends on a part that is not known.
pub(in super::super) fn same_type(a: &Type, b: &Type) -> Option<bool> {
    let all = |pairs: &mut dyn Iterator<Item = (Type, Type)>| {
        let mut result = Some(true);
        for (a, b) in pairs {
            match same_type(&a, &b) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => result = None,
            }
        }
        result
    };
    match (a, b) {
        (Type::Any, _) | (_, Type::Any) => None,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => same_type(a, b),
        (Type::Tuple(a), Type::Tuple(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            all(&mut a.iter().cloned().zip(b.iter().cloned()))
        }
        (Type::Object(a), Type::Object(b)) => {
            if !a.keys().eq(b.keys()) {
                return Some(false);
            }
            all(&mut a.values().zip(b.values()).map(|(a, b)| (a.kind.clone(), b.kind.clone())))
        }
        (a, b) => Some(a == b),
    }
}
