//! Evaluation of expressions. Each part is visited once per pass of the loops around it, and collections are shared, so that
//! the work is counted in parts visited.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::evaluation::Scope;
use super::functions;
use super::operators::{binary, conditional, unary};
use super::path;
use super::syntax::{Expression, ForExpression, ForNames, FunctionCall, Part};
use super::types::{as_bool, as_text};
use super::value::{ConfigValue, Evaluation, EvaluationFailure, combinations};

/// The number of characters and elements that a step covers where no text is visited.
const TYPES_PER_STEP: usize = 16;

/// The names of the loops around an expression, the innermost first.
pub(super) struct Bound<'b> {
    names: Vec<(&'b str, ConfigValue)>,
    outer: Option<&'b Bound<'b>>,
    /// Whether no other names are defined, as in a template file.
    is_all: bool,
}

impl<'b> Bound<'b> {
    /// The names of a template file, besides which none is defined.
    pub(super) fn of_template(names: Vec<(&'b str, ConfigValue)>) -> Self {
        Self { names, outer: None, is_all: true }
    }

    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&ConfigValue> {
        let own = self.names.iter().rev().find(|(own, _)| *own == name).map(|(_, value)| value);
        own.or_else(|| self.outer?.get(name))
    }

    /// Whether no other names are defined.
    pub(super) fn is_all(&self) -> bool {
        self.is_all || self.outer.is_some_and(Bound::is_all)
    }
}

/// The value of an expression. A part that is not evaluated here is unknown and leaves the rest known.
pub(super) fn evaluate(expression: &Expression, scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    match part(expression, scope, bound) {
        Err(failure) if !failure.is_certain && !scope.work().is_spent() => Ok(ConfigValue::unknown(failure.message)),
        other => other,
    }
}

fn part(expression: &Expression, scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    scope.work().spend(1)?;
    let value = |expression: &Expression| evaluate(expression, scope, bound);
    match expression {
        Expression::Null => Ok(ConfigValue::Null),
        Expression::Bool(truth) => Ok(ConfigValue::Bool(*truth)),
        Expression::Number(number) => {
            number.map(ConfigValue::Number).ok_or_else(|| EvaluationFailure::unsure("a number has too many digits"))
        }
        Expression::Text(text) => Ok(ConfigValue::text(text.as_str())),
        Expression::Template(parts) => template(parts, scope, bound),
        Expression::Name(_) | Expression::Path(..) => path::evaluate(expression, scope, bound),
        Expression::Tuple(items) => Ok(ConfigValue::tuple(items.iter().map(value).collect::<Result<_, _>>()?)),
        Expression::Object(items) => object(items, scope, bound),
        Expression::Parenthesis(inner) => value(inner),
        Expression::Conditional(parts) => {
            let [condition, then, otherwise] = &**parts;
            let (condition, then, otherwise) = (value(condition)?, value(then), value(otherwise));
            let weight = |branch: &Evaluation| branch.as_ref().map_or(0, ConfigValue::weight);
            // The types of both branches are compared, but not their texts.
            scope.work().spend((weight(&then) + weight(&otherwise)) / TYPES_PER_STEP)?;
            conditional(&condition, then, otherwise)
        }
        Expression::Unary(operator, operand) => unary(*operator, &value(operand)?),
        Expression::Binary(operator, operands) => {
            let [left, right] = &**operands;
            let (left, right) = (value(left)?, value(right)?);
            scope.work().spend(left.weight().min(right.weight()))?;
            binary(*operator, &left, &right)
        }
        Expression::Call(call) => called(call, scope, bound),
        Expression::For(repeated) => for_each(repeated, scope, bound),
    }
}

fn object(items: &[(Expression, Expression)], scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    let mut entries = BTreeMap::new();
    let mut rest: Option<Rc<str>> = None;
    for (key, value) in items {
        let key = as_text(&evaluate(key, scope, bound)?)?;
        let value = evaluate(value, scope, bound)?;
        match key {
            // Of repeated keys the last one counts.
            ConfigValue::Text(key) => {
                entries.insert(key, value);
            }
            other => {
                let cause = other.cause().cloned().unwrap_or_else(|| "a key is not known".into());
                // An unknown key may replace each of the entries before it.
                for earlier in entries.values_mut() {
                    *earlier = ConfigValue::unknown(cause.clone());
                }
                rest = Some(cause);
            }
        }
    }
    Ok(ConfigValue::map(true, entries, rest))
}

fn called(call: &FunctionCall, scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    let value = |expression: &Expression| evaluate(expression, scope, bound);
    match call.name.as_str() {
        "try" if !call.expands => {
            let mut last = EvaluationFailure::refused("try has no argument");
            for argument in &call.arguments {
                match value(argument) {
                    Err(failure) if failure.is_certain => last = failure,
                    other => return other,
                }
            }
            return Err(last);
        }
        "can" => {
            let [argument] = call.arguments.as_slice() else {
                return Err(EvaluationFailure::refused("can takes one argument"));
            };
            return match value(argument) {
                Ok(found) => match found.cause() {
                    Some(cause) => Ok(ConfigValue::unknown(cause.clone())),
                    None => Ok(ConfigValue::Bool(true)),
                },
                Err(failure) if failure.is_certain => Ok(ConfigValue::Bool(false)),
                Err(failure) => Err(failure),
            };
        }
        _ => {}
    }
    let mut arguments = call.arguments.iter().map(value).collect::<Result<Vec<ConfigValue>, _>>()?;
    if call.expands {
        match arguments.pop() {
            Some(ConfigValue::List(list)) => arguments.extend(list.items.iter().cloned()),
            Some(ConfigValue::Unknown(unknown)) => return Ok(ConfigValue::unknown(unknown.cause.clone())),
            _ => return Err(EvaluationFailure::refused("the argument before ... is not a list")),
        }
    }
    let weight = arguments.iter().map(ConfigValue::weight).fold(0, usize::saturating_add);
    let visits_all = !matches!(call.name.as_str(), "lookup" | "element" | "length" | "one" | "coalesce" | "merge");
    scope.work().spend(if visits_all { weight } else { weight / TYPES_PER_STEP })?;
    functions::call(&call.name, &arguments, scope)
}

/// The passes of a loop over a collection: key and value of each.
fn passes(collection: &ConfigValue, ordered: bool) -> Result<Vec<(ConfigValue, ConfigValue)>, EvaluationFailure> {
    match collection {
        ConfigValue::List(list) => {
            if ordered && functions::is_unordered(list) {
                return Err(EvaluationFailure::unsure("the order of a set of collections is not known"));
            }
            let key = |(at, value): (usize, &ConfigValue)| match list.kind {
                super::value::ListKind::Set => (value.clone(), value.clone()),
                _ => (ConfigValue::from(at), value.clone()),
            };
            Ok(list.items.iter().enumerate().map(key).collect())
        }
        ConfigValue::Map(map) => match &map.rest {
            Some(cause) => Err(EvaluationFailure::unsure(cause.clone())),
            None => {
                Ok(map.entries.iter().map(|(key, value)| (ConfigValue::Text(key.clone()), value.clone())).collect())
            }
        },
        ConfigValue::Unknown(unknown) => Err(EvaluationFailure::unsure(unknown.cause.clone())),
        _ => Err(EvaluationFailure::refused("a loop needs a collection")),
    }
}

fn pass<'b>(names: &'b ForNames, key: ConfigValue, value: ConfigValue, outer: Option<&'b Bound<'b>>) -> Bound<'b> {
    let mut bound = vec![(names.value.as_str(), value)];
    bound.extend(names.key.as_deref().map(|name| (name, key)));
    Bound { names: bound, outer, is_all: false }
}

/// The steps of one pass of a loop, which keeps a value: nested loops over a few hundred elements would take gigabytes.
const STEPS_PER_PASS: usize = 8;

fn for_each(repeated: &ForExpression, scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    let collection = evaluate(&repeated.collection, scope, bound)?;
    let passes = passes(&collection, repeated.key.is_none() || repeated.groups)?;
    let mut items = Vec::new();
    let mut entries: BTreeMap<Rc<str>, ConfigValue> = BTreeMap::new();
    let mut groups: BTreeMap<Rc<str>, Vec<ConfigValue>> = BTreeMap::new();
    for (key, value) in passes {
        scope.work().spend(STEPS_PER_PASS)?;
        let bound = pass(&repeated.names, key, value, bound);
        if let Some(condition) = &repeated.condition {
            match evaluate(condition, scope, Some(&bound))? {
                ConfigValue::Unknown(unknown) => return Ok(ConfigValue::unknown(unknown.cause.clone())),
                condition if as_bool(&condition)? => {}
                _ => continue,
            }
        }
        let Some(key) = &repeated.key else {
            items.push(evaluate(&repeated.value, scope, Some(&bound))?);
            continue;
        };
        let key = match as_text(&evaluate(key, scope, Some(&bound))?)? {
            ConfigValue::Text(key) => key,
            other => {
                return Ok(ConfigValue::unknown(other.cause().cloned().unwrap_or_else(|| "a key is not known".into())));
            }
        };
        let value = evaluate(&repeated.value, scope, Some(&bound))?;
        if repeated.groups {
            groups.entry(key).or_default().push(value);
        } else if entries.insert(key.clone(), value).is_some() {
            return Err(EvaluationFailure::refused(format!("a loop sets the key {key:?} twice")));
        }
    }
    if repeated.key.is_none() {
        return Ok(ConfigValue::tuple(items));
    }
    entries.extend(groups.into_iter().map(|(key, values)| (key, ConfigValue::tuple(values))));
    Ok(ConfigValue::object(entries))
}

/// The value of a template. A template of a single interpolation keeps the type of its value.
pub(super) fn template(parts: &[Part], scope: &Scope<'_>, bound: Option<&Bound<'_>>) -> Evaluation {
    if let [Part::Interpolation(only)] = parts {
        return evaluate(only, scope, bound);
    }
    let mut texts = Vec::new();
    rendered(parts, scope, bound, &mut texts)?;
    joined(&texts)
}

/// The texts of a template in their order, each of which may have outcomes.
fn rendered(
    parts: &[Part],
    scope: &Scope<'_>,
    bound: Option<&Bound<'_>>,
    texts: &mut Vec<ConfigValue>,
) -> Result<(), EvaluationFailure> {
    for part in parts {
        scope.work().spend(1)?;
        match part {
            Part::Literal(text) => {
                scope.work().spend(text.len())?;
                texts.push(ConfigValue::text(text.as_str()));
            }
            Part::Interpolation(expression) => {
                let text = as_text(&evaluate(expression, scope, bound)?)?;
                scope.work().spend(text.weight())?;
                texts.push(text);
            }
            Part::If { condition, then, otherwise } => match evaluate(condition, scope, bound)? {
                ConfigValue::Unknown(unknown) => texts.push(ConfigValue::unknown(unknown.cause.clone())),
                condition => {
                    rendered(if as_bool(&condition)? { then } else { otherwise }, scope, bound, texts)?;
                }
            },
            Part::For { names, collection, body } => {
                let collection = evaluate(collection, scope, bound)?;
                if let ConfigValue::Unknown(unknown) = &collection {
                    texts.push(ConfigValue::unknown(unknown.cause.clone()));
                    continue;
                }
                for (key, value) in passes(&collection, true)? {
                    rendered(body, scope, Some(&pass(names, key, value, bound)), texts)?;
                }
            }
        }
    }
    Ok(())
}

/// The texts as one, or the outcomes of it.
pub(super) fn joined(texts: &[ConfigValue]) -> Evaluation {
    let concat = |texts: &[ConfigValue]| {
        let texts = texts.iter().filter_map(|text| match text {
            ConfigValue::Text(text) => Some(&**text),
            _ => None,
        });
        ConfigValue::text(texts.collect::<String>())
    };
    let Some(cause) = texts.iter().find_map(ConfigValue::cause) else { return Ok(concat(texts)) };
    let cause = cause.clone();
    match combinations(texts) {
        Some(all) => Ok(ConfigValue::one_of(&cause, all.iter().map(|texts| concat(texts)))),
        None => {
            let without =
                texts.iter().find(|text| matches!(text, ConfigValue::Unknown(one) if one.outcomes.is_empty()));
            Ok(ConfigValue::unknown_of(
                without.and_then(ConfigValue::cause).cloned().unwrap_or(cause),
                super::types::Type::Text,
            ))
        }
    }
}
