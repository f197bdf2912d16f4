//! Operators. An operand with outcomes gives a result with outcomes.

use std::cmp::Ordering;
use std::rc::Rc;

use super::syntax::{BinaryOperator, UnaryOperator};
use super::types::{Type, Unified, as_bool, as_number, same_type, unify};
use super::value::{ConfigValue, Evaluation, EvaluationFailure, combinations};

/// Applies an operation to known values, or to every combination of their outcomes.
pub(super) fn lift(values: &[ConfigValue], mut operation: impl FnMut(&[ConfigValue]) -> Evaluation) -> Evaluation {
    let Some(cause) = values.iter().find_map(ConfigValue::cause).cloned() else { return operation(values) };
    let without = values.iter().find(|value| matches!(value, ConfigValue::Unknown(one) if one.outcomes.is_empty()));
    let cause = without.and_then(ConfigValue::cause).cloned().unwrap_or(cause);
    let Some(all) = combinations(values) else { return Ok(ConfigValue::unknown(cause)) };
    let results: Vec<Evaluation> = all.iter().map(|values| operation(values)).collect();
    if results.iter().all(Result::is_err) {
        return results.into_iter().next().unwrap_or(Ok(ConfigValue::unknown(cause)));
    }
    // Where Terraform refuses some outcomes, `try` may replace them.
    match results.into_iter().collect::<Result<Vec<_>, _>>() {
        Ok(values) => Ok(ConfigValue::one_of(&cause, values)),
        Err(_) => Ok(ConfigValue::unknown(cause)),
    }
}

/// The value of an operator with one operand.
pub(super) fn unary(operator: UnaryOperator, operand: &ConfigValue) -> Evaluation {
    operand.each_outcome(|operand| match operator {
        UnaryOperator::Not => Ok(ConfigValue::Bool(!as_bool(operand)?)),
        UnaryOperator::Negative => Ok(ConfigValue::Number(as_number(operand)?.negated())),
    })
}

/// The value of an operator with two operands.
pub(super) fn binary(operator: BinaryOperator, left: &ConfigValue, right: &ConfigValue) -> Evaluation {
    // One operand may decide the result.
    let decisive = match operator {
        BinaryOperator::And => Some(false),
        BinaryOperator::Or => Some(true),
        _ => None,
    };
    if let Some(decisive) = decisive {
        let is = |value: &ConfigValue| matches!(as_bool(value), Ok(truth) if truth == decisive);
        if (is(left) && right.cause().is_some()) || (is(right) && left.cause().is_some()) {
            return Ok(ConfigValue::Bool(decisive));
        }
    }
    lift(&[left.clone(), right.clone()], |operands| match operands {
        [left, right] => known(operator, left, right),
        _ => Err(EvaluationFailure::unsure("an operator takes two operands")),
    })
}

fn known(operator: BinaryOperator, left: &ConfigValue, right: &ConfigValue) -> Evaluation {
    let numbers = || Ok::<_, EvaluationFailure>((as_number(left)?, as_number(right)?));
    let number = |result: Option<super::number::Number>| {
        result.map(ConfigValue::Number).ok_or_else(|| EvaluationFailure::unsure("a result has too many digits"))
    };
    let compared = |accepts: fn(Ordering) -> bool| {
        let (left, right) = numbers()?;
        let order = left.compare(right).ok_or_else(|| EvaluationFailure::unsure("a number has too many digits"))?;
        Ok(ConfigValue::Bool(accepts(order)))
    };
    match operator {
        BinaryOperator::Or => Ok(ConfigValue::Bool(as_bool(left)? | as_bool(right)?)),
        BinaryOperator::And => Ok(ConfigValue::Bool(as_bool(left)? & as_bool(right)?)),
        BinaryOperator::Equal | BinaryOperator::NotEqual => match equal(left, right) {
            Equality::Known(same) => Ok(ConfigValue::Bool(same == (operator == BinaryOperator::Equal))),
            Equality::Unknown(cause) => Ok(ConfigValue::unknown_of(cause, Type::Bool)),
        },
        BinaryOperator::Less => compared(Ordering::is_lt),
        BinaryOperator::LessOrEqual => compared(Ordering::is_le),
        BinaryOperator::Greater => compared(Ordering::is_gt),
        BinaryOperator::GreaterOrEqual => compared(Ordering::is_ge),
        BinaryOperator::Add => numbers().and_then(|(left, right)| number(left.plus(right))),
        BinaryOperator::Subtract => numbers().and_then(|(left, right)| number(left.plus(right.negated()))),
        BinaryOperator::Multiply => numbers().and_then(|(left, right)| number(left.times(right))),
        BinaryOperator::Divide | BinaryOperator::Modulo => {
            let (left, right) = numbers()?;
            if right.as_whole() == Some(0) {
                return Err(EvaluationFailure::unsure("a division by zero"));
            }
            match operator {
                BinaryOperator::Divide => number(left.divided_by(right)),
                _ => number(left.modulo(right)),
            }
        }
    }
}

/// Whether two values are equal.
pub(super) enum Equality {
    Known(bool),
    Unknown(Rc<str>),
}

/// Compares two values as `==` does. Values of different types are not equal.
pub(super) fn equal(left: &ConfigValue, right: &ConfigValue) -> Equality {
    let all = |pairs: &mut dyn Iterator<Item = (ConfigValue, ConfigValue)>| {
        let mut result = Equality::Known(true);
        for (left, right) in pairs {
            match equal(&left, &right) {
                Equality::Known(true) => {}
                Equality::Known(false) => return Equality::Known(false),
                unknown @ Equality::Unknown(_) => result = unknown,
            }
        }
        result
    };
    match (left, right) {
        (ConfigValue::Unknown(one), other) | (other, ConfigValue::Unknown(one)) => {
            // An unknown value of which no outcome equals the other one differs from it.
            let differs = |outcome: &ConfigValue| matches!(equal(outcome, other), Equality::Known(false));
            if !one.outcomes.is_empty() && one.outcomes.iter().all(differs) {
                return Equality::Known(false);
            }
            Equality::Unknown(one.cause.clone())
        }
        (ConfigValue::List(a), ConfigValue::List(b)) => {
            if a.items.len() != b.items.len() {
                return Equality::Known(false);
            }
            let same = all(&mut a.items.iter().cloned().zip(b.items.iter().cloned()));
            typed(same, left, right)
        }
        (ConfigValue::Map(a), ConfigValue::Map(b)) => {
            if let Some(cause) = a.rest.as_ref().or(b.rest.as_ref()) {
                return Equality::Unknown(cause.clone());
            }
            if !a.entries.keys().eq(b.entries.keys()) {
                return Equality::Known(false);
            }
            let same = all(&mut a.entries.values().cloned().zip(b.entries.values().cloned()));
            typed(same, left, right)
        }
        (left, right) => Equality::Known(left == right),
    }
}

/// Equal collections are equal only if their types are the same.
fn typed(same: Equality, left: &ConfigValue, right: &ConfigValue) -> Equality {
    if matches!(same, Equality::Known(false)) {
        return same;
    }
    match same_type(&Type::of(left), &Type::of(right)) {
        Some(true) => same,
        Some(false) => Equality::Known(false),
        None => Equality::Unknown("the type of a collection is not known".into()),
    }
}

/// The value of `condition ? then : otherwise`. Both branches are converted to their common type.
pub(super) fn conditional(condition: &ConfigValue, then: Evaluation, otherwise: Evaluation) -> Evaluation {
    let kind = |branch: &Evaluation| match branch {
        // null takes the type of the other branch.
        Ok(ConfigValue::Null) => None,
        Ok(value) => Some(Type::of(value)),
        Err(_) => Some(Type::Any),
    };
    let kinds: Vec<Type> = [kind(&then), kind(&otherwise)].into_iter().flatten().collect();
    let common = unify(&kinds);
    if common == Unified::None {
        return Err(EvaluationFailure::refused("the branches of a condition have no common type"));
    }
    let converted = |branch: Evaluation| {
        let values = common.apply(&[branch?])?;
        values.into_iter().next().ok_or_else(|| EvaluationFailure::unsure("a branch has no value"))
    };
    match condition {
        ConfigValue::Unknown(unknown) => {
            let known = condition.each_outcome(|outcome| Ok(ConfigValue::Bool(as_bool(outcome)?)))?;
            if let ConfigValue::Bool(truth) = known {
                return converted(if truth { then } else { otherwise });
            }
            match (converted(then), converted(otherwise)) {
                (Ok(then), Ok(otherwise)) => Ok(ConfigValue::one_of(&unknown.cause, [then, otherwise])),
                (Err(failure), Err(_)) => Err(failure),
                // A branch that Terraform refuses may be replaced by `try`.
                _ => Ok(ConfigValue::unknown(unknown.cause.clone())),
            }
        }
        known => converted(if as_bool(known)? { then } else { otherwise }),
    }
}
