//! Types of values: the constraints of variables, conversion, and the common type of several values.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::number::Number;
use super::syntax::Expression;
use super::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

mod convert;
mod unify;

pub(super) use convert::{as_bool, as_number, as_text, convert, set_of};
pub(super) use unify::{Unified, same_type, unify};

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Any type, or one that is not known.
    Any,
    Bool,
    Number,
    Text,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Tuple(Vec<Type>),
    Object(BTreeMap<Rc<str>, AttributeType>),
}

/// The type of an attribute of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributeType {
    pub(super) kind: Type,
    /// Whether the attribute may be left out.
    pub(super) is_optional: bool,
    /// The value of an attribute that is left out or null.
    pub(super) default: Option<ConfigValue>,
}

impl Type {
    /// The type that a constraint names; `None` for an expression that is no constraint. `constant` evaluates the default
    /// of an optional attribute.
    pub(super) fn of_constraint(expression: &Expression, constant: &dyn Fn(&Expression) -> Evaluation) -> Option<Self> {
        match expression {
            // Old configurations quote the name of a type.
            Expression::Name(name) | Expression::Text(name) => Some(match name.as_str() {
                "any" => Self::Any,
                "bool" => Self::Bool,
                "number" => Self::Number,
                "string" => Self::Text,
                "list" => Self::List(Box::new(Self::Any)),
                "set" => Self::Set(Box::new(Self::Any)),
                "map" => Self::Map(Box::new(Self::Any)),
                _ => return None,
            }),
            Expression::Call(call) => {
                let [inner] = call.arguments.as_slice() else { return None };
                let of = |inner: &Expression| Self::of_constraint(inner, constant);
                match (call.name.as_str(), inner) {
                    ("list", inner) => of(inner).map(|inner| Self::List(Box::new(inner))),
                    ("set", inner) => of(inner).map(|inner| Self::Set(Box::new(inner))),
                    ("map", inner) => of(inner).map(|inner| Self::Map(Box::new(inner))),
                    ("tuple", Expression::Tuple(items)) => items.iter().map(of).collect::<Option<_>>().map(Self::Tuple),
                    ("object", Expression::Object(items)) => {
                        let mut attributes = BTreeMap::new();
                        for (key, value) in items {
                            let Expression::Text(name) = key else { return None };
                            attributes.insert(name.as_str().into(), AttributeType::of_constraint(value, constant)?);
                        }
                        Some(Self::Object(attributes))
                    }
                    _ => None,
                }
            }
            Expression::Parenthesis(inner) => Self::of_constraint(inner, constant),
            _ => None,
        }
    }

    /// The type of a value. The parts that do not follow from it are `Any`.
    pub(super) fn of(value: &ConfigValue) -> Self {
        match value {
            ConfigValue::Null => Self::Any,
            ConfigValue::Bool(_) => Self::Bool,
            ConfigValue::Number(_) => Self::Number,
            ConfigValue::Text(_) => Self::Text,
            ConfigValue::Unknown(unknown) => match unknown.outcomes.split_first() {
                None => unknown.kind.clone(),
                Some((first, rest)) => {
                    let first = Self::of(first);
                    if rest.iter().all(|other| Self::of(other) == first) { first } else { Self::Any }
                }
            },
            ConfigValue::List(list) => match list.kind {
                ListKind::Tuple => Self::Tuple(list.items.iter().map(Self::of).collect()),
                ListKind::List => Self::List(Box::new(Self::of_elements(list.items.iter()))),
                ListKind::Set => Self::Set(Box::new(Self::of_elements(list.items.iter()))),
            },
            ConfigValue::Map(map) if map.is_object => {
                let attribute = |(name, value): (&Rc<str>, &ConfigValue)| {
                    let kind = Self::of(value);
                    (name.clone(), AttributeType { kind, is_optional: false, default: None })
                };
                Self::Object(map.entries.iter().map(attribute).collect())
            }
            ConfigValue::Map(map) => Self::Map(Box::new(Self::of_elements(map.entries.values()))),
        }
    }

    /// The type of the elements of a collection, which all have the same.
    fn of_elements<'v>(elements: impl Iterator<Item = &'v ConfigValue>) -> Self {
        elements.map(Self::of).find(|kind| *kind != Self::Any).unwrap_or(Self::Any)
    }

    /// Whether it is text, a number or a truth value.
    pub(super) fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::Text)
    }
}

impl AttributeType {
    fn of_constraint(expression: &Expression, constant: &dyn Fn(&Expression) -> Evaluation) -> Option<Self> {
        let Expression::Call(call) = expression else {
            let kind = Type::of_constraint(expression, constant)?;
            return Some(Self { kind, is_optional: false, default: None });
        };
        match (call.name.as_str(), call.arguments.as_slice()) {
            ("optional", [kind, default @ ..]) => {
                let kind = Type::of_constraint(kind, constant)?;
                let default = match default {
                    [] => None,
                    [default] => Some(constant(default).and_then(|value| convert(&value, &kind)).ok()?),
                    _ => return None,
                };
                Some(Self { kind, is_optional: true, default })
            }
            _ => Some(Self { kind: Type::of_constraint(expression, constant)?, is_optional: false, default: None }),
        }
    }
}

/// The number that a text stands for.
fn number_of(text: &str) -> Result<Number, EvaluationFailure> {
    Number::parse(text).ok_or_else(|| match text.parse::<f64>() {
        Ok(_) => EvaluationFailure::unsure("a number has too many digits"),
        Err(_) => EvaluationFailure::refused(format!("{text:?} is not a number")),
    })
}
