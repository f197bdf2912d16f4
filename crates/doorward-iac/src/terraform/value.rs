//! Values of Terraform's language, of which parts may be unknown.
//!
//! An unknown value carries its cause and, where the files allow few values only, these outcomes. A collection with an unknown
//! member is known for the rest. Collections are shared, not copied.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::number::Number;
use super::types::Type;

/// The maximum weight of a value, in characters and elements. Values that contain other values several times grow exponentially.
const MAX_WEIGHT: usize = 65_536;
/// The maximum nesting of collections. It protects the recursion over values.
const MAX_DEPTH: usize = 64;
/// The maximum number of outcomes of an unknown value.
const MAX_OUTCOMES: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigValue {
    Null,
    Bool(bool),
    Number(Number),
    Text(Rc<str>),
    List(Rc<ListValue>),
    Map(Rc<MapValue>),
    Unknown(Rc<UnknownValue>),
}

/// The kind of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    /// Elements of different types.
    Tuple,
    List,
    /// Sorted and without repeated elements.
    Set,
}

/// A list, set or tuple.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListValue {
    pub(super) kind: ListKind,
    pub(super) items: Vec<ConfigValue>,
    weight: usize,
    depth: usize,
}

/// A map or object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MapValue {
    /// Whether it is an object, whose attributes may have different types.
    pub(super) is_object: bool,
    pub(super) entries: BTreeMap<Rc<str>, ConfigValue>,
    /// The cause why there may be further entries.
    pub(super) rest: Option<Rc<str>>,
    weight: usize,
    depth: usize,
}

/// A value that the files do not determine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownValue {
    /// The reason, as a clause.
    pub(super) cause: Rc<str>,
    /// Its type, as far as it is known.
    pub(super) kind: Type,
    /// The possible values; empty if any value is possible.
    pub(super) outcomes: Vec<ConfigValue>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EvaluationFailure {
    /// The reason, as a clause.
    pub(super) message: Rc<str>,
    /// Whether Terraform certainly refuses the expression, so that `try` takes the next one.
    pub(super) is_certain: bool,
}

impl EvaluationFailure {
    /// An expression that Terraform refuses.
    pub(super) fn refused(message: impl Into<Rc<str>>) -> Self {
        Self { message: message.into(), is_certain: true }
    }

    /// An expression that is not evaluated here.
    pub(super) fn unsure(message: impl Into<Rc<str>>) -> Self {
        Self { message: message.into(), is_certain: false }
    }
}

/// The value of an expression, or why there is none.
pub(super) type Evaluation = Result<ConfigValue, EvaluationFailure>;

impl From<bool> for ConfigValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<usize> for ConfigValue {
    fn from(number: usize) -> Self {
        Self::Number(Number::whole(number))
    }
}

impl From<&str> for ConfigValue {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for ConfigValue {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl ConfigValue {
    /// Text.
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        let text = text.into();
        if text.len() > MAX_WEIGHT { too_large() } else { Self::Text(text) }
    }

    /// A list of a kind.
    pub(super) fn list(kind: ListKind, items: Vec<Self>) -> Self {
        let weight = items.iter().map(Self::weight).fold(1, usize::saturating_add);
        let depth = 1 + items.iter().map(Self::depth).max().unwrap_or_default();
        if weight > MAX_WEIGHT || depth > MAX_DEPTH {
            return too_large();
        }
        Self::List(Rc::new(ListValue { kind, items, weight, depth }))
    }

    /// A tuple.
    pub(super) fn tuple(items: Vec<Self>) -> Self {
        Self::list(ListKind::Tuple, items)
    }

    /// A map or object, with the cause why there may be further entries.
    pub(super) fn map(is_object: bool, entries: BTreeMap<Rc<str>, Self>, rest: Option<Rc<str>>) -> Self {
        let weigh = |sum: usize, (key, value): (&Rc<str>, &Self)| sum.saturating_add(key.len() + value.weight());
        let weight = entries.iter().fold(1, weigh);
        let depth = 1 + entries.values().map(Self::depth).max().unwrap_or_default();
        if weight > MAX_WEIGHT || depth > MAX_DEPTH {
            return too_large();
        }
        Self::Map(Rc::new(MapValue { is_object, entries, rest, weight, depth }))
    }

    /// An object.
    pub(super) fn object(entries: BTreeMap<Rc<str>, Self>) -> Self {
        Self::map(true, entries, None)
    }

    /// A value that the files do not determine at all.
    pub(super) fn unknown(cause: impl Into<Rc<str>>) -> Self {
        Self::unknown_of(cause, Type::Any)
    }

    /// An unknown value of a type.
    pub(super) fn unknown_of(cause: impl Into<Rc<str>>, kind: Type) -> Self {
        Self::Unknown(Rc::new(UnknownValue { cause: cause.into(), kind, outcomes: Vec::new() }))
    }

    /// One of several values. It is known if they are equal, and unknown without outcomes if there are too many.
    pub(super) fn one_of(cause: &Rc<str>, values: impl IntoIterator<Item = Self>) -> Self {
        let mut outcomes: Vec<Self> = Vec::new();
        for value in values {
            let more = match &value {
                Self::Unknown(unknown) if unknown.outcomes.is_empty() => return value,
                Self::Unknown(unknown) => unknown.outcomes.clone(),
                _ => vec![value],
            };
            for value in more {
                if !outcomes.contains(&value) {
                    outcomes.push(value);
                }
            }
            if outcomes.len() > MAX_OUTCOMES {
                return Self::unknown(cause.clone());
            }
        }
        match outcomes.as_slice() {
            [] => Self::unknown(cause.clone()),
            [only] => only.clone(),
            several => {
                let weight = several.iter().map(Self::weight).fold(1, usize::saturating_add);
                let depth = several.iter().map(Self::depth).max().unwrap_or_default();
                if weight > MAX_WEIGHT || depth >= MAX_DEPTH {
                    return too_large();
                }
                Self::Unknown(Rc::new(UnknownValue { cause: cause.clone(), kind: Type::Any, outcomes }))
            }
        }
    }

    /// The number of characters and elements.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 1,
            Self::Text(text) => 1 + text.len(),
            Self::List(list) => list.weight,
            Self::Map(map) => map.weight,
            Self::Unknown(unknown) => unknown.outcomes.iter().map(Self::weight).fold(1, usize::saturating_add),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            Self::Unknown(unknown) => 1 + unknown.outcomes.iter().map(Self::depth).max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// The cause, if the value itself is unknown.
    pub(super) fn cause(&self) -> Option<&Rc<str>> {
        match self {
            Self::Unknown(unknown) => Some(&unknown.cause),
            _ => None,
        }
    }

    /// The cause of the first unknown part.
    pub(super) fn unknown_part(&self) -> Option<&Rc<str>> {
        match self {
            Self::Unknown(unknown) => Some(&unknown.cause),
            Self::List(list) => list.items.iter().find_map(Self::unknown_part),
            Self::Map(map) => map.rest.as_ref().or_else(|| map.entries.values().find_map(Self::unknown_part)),
            _ => None,
        }
    }

    /// The text of a scalar, as the provider converts it.
    pub(super) fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_string()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Number(number) => number.text(),
            _ => None,
        }
    }

    /// Applies an operation to the value, or to each of its outcomes.
    pub(super) fn each_outcome(&self, mut operation: impl FnMut(&Self) -> Evaluation) -> Evaluation {
        let Self::Unknown(unknown) = self else { return operation(self) };
        if unknown.outcomes.is_empty() {
            return Ok(Self::unknown(unknown.cause.clone()));
        }
        let results: Vec<Evaluation> = unknown.outcomes.iter().map(&mut operation).collect();
        let failures = results.iter().filter(|result| result.is_err()).count();
        match results.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(values) => Ok(Self::one_of(&unknown.cause, values)),
            Err(failure) if failures == unknown.outcomes.len() => Err(failure),
            Err(_) => Ok(Self::unknown(unknown.cause.clone())),
        }
    }
}

/// The combinations of the outcomes of several values, each of which is a known value or has outcomes; `None` if a value has
/// none, or if there are too many.
pub(super) fn combinations(values: &[ConfigValue]) -> Option<Vec<Vec<ConfigValue>>> {
    let mut all: Vec<Vec<ConfigValue>> = vec![Vec::new()];
    for value in values {
        let outcomes = match value {
            ConfigValue::Unknown(unknown) if unknown.outcomes.is_empty() => return None,
            ConfigValue::Unknown(unknown) => unknown.outcomes.as_slice(),
            known => std::slice::from_ref(known),
        };
        if all.len() * outcomes.len() > MAX_OUTCOMES {
            return None;
        }
        all = all
            .iter()
            .flat_map(|before| outcomes.iter().map(move |next| before.iter().cloned().chain([next.clone()]).collect()))
            .collect();
    }
    Some(all)
}

fn too_large() -> ConfigValue {
    ConfigValue::unknown("a value exceeds the maximum size")
}
