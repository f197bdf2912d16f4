//! Functions of numbers.

use std::cmp::Ordering;

use super::collections::MAX_CREATED;
use super::{Function, items, missing, only, text, unsure, whole};
use crate::terraform::number::Number;
use crate::terraform::types::as_number;
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "abs" => |arguments| one(arguments, |number| if number.is_negative() { number.negated() } else { number }),
        "ceil" => |arguments| one(arguments, Number::ceil),
        "floor" => |arguments| one(arguments, Number::floor),
        "signum" => |arguments| {
            let number = as_number(only(arguments)?)?;
            let sign = match number.compare(Number::whole(0)) {
                Some(Ordering::Less) => Number::whole(1).negated(),
                Some(Ordering::Equal) => Number::whole(0),
                _ => Number::whole(1),
            };
            Ok(ConfigValue::Number(sign))
        },
        "max" => |arguments| extreme(arguments, Ordering::Greater),
        "min" => |arguments| extreme(arguments, Ordering::Less),
        "sum" => sum,
        "pow" => pow,
        "log" => log,
        "parseint" => parseint,
        "range" => range,
        _ => return None,
    })
}

fn one(arguments: &[ConfigValue], function: impl Fn(Number) -> Number) -> Evaluation {
    Ok(ConfigValue::Number(function(as_number(only(arguments)?)?)))
}

fn extreme(arguments: &[ConfigValue], wanted: Ordering) -> Evaluation {
    let mut best: Option<Number> = None;
    for argument in arguments {
        let number = as_number(argument)?;
        if best.is_none_or(|best| number.compare(best) == Some(wanted)) {
            best = Some(number);
        }
    }
    best.map(ConfigValue::Number).ok_or_else(missing)
}

fn too_large() -> EvaluationFailure {
    EvaluationFailure::unsure("a number has too many digits")
}

fn sum(arguments: &[ConfigValue]) -> Evaluation {
    let list = items(only(arguments)?)?;
    if list.is_empty() {
        return Err(EvaluationFailure::refused("the list is empty"));
    }
    let mut total = Number::whole(0);
    for item in list {
        if item.cause().is_some() {
            return Err(unsure(item));
        }
        total = total.plus(as_number(item)?).ok_or_else(too_large)?;
    }
    Ok(ConfigValue::Number(total))
}

fn pow(arguments: &[ConfigValue]) -> Evaluation {
    let [base, exponent] = arguments else { return Err(missing()) };
    let base = as_number(base)?;
    let exponent = as_number(exponent)?.as_index().filter(|exponent| *exponent <= 128).ok_or_else(too_large)?;
    let mut result = Number::whole(1);
    for _ in 0..exponent {
        result = result.times(base).ok_or_else(too_large)?;
    }
    Ok(ConfigValue::Number(result))
}

/// The logarithm, which Terraform calculates with 64 bits as the quotient of two natural ones. The last digit depends on how
/// those are calculated, and `floor` and `ceil` may depend on it.
fn log(arguments: &[ConfigValue]) -> Evaluation {
    let [number, base] = arguments else { return Err(missing()) };
    let float = |value: &ConfigValue| {
        let text = as_number(value)?.text().ok_or_else(|| EvaluationFailure::unsure("a fraction has no end"))?;
        let float = text.parse::<f64>().map_err(|_| too_large())?;
        if float.is_normal() && float > 0.0 {
            Ok(float)
        } else {
            Err(EvaluationFailure::unsure("the number has no logarithm"))
        }
    };
    let result = natural_logarithm(float(number)?) / natural_logarithm(float(base)?);
    Number::parse(&result.to_string())
        .map(ConfigValue::Number)
        .ok_or_else(|| EvaluationFailure::unsure("the result is no number"))
}

/// The natural logarithm of a positive number as Go's standard library calculates it: the number is `2^k * (1 + f)`, and
/// `log(1 + f)` is a polynomial in `s = f / (2 + f)`. <https://netlib.org/fdlibm/e_log.c>
fn natural_logarithm(number: f64) -> f64 {
    const HIGH: f64 = 6.931_471_803_691_238e-1;
    const LOW: f64 = 1.908_214_929_270_587_7e-10;
    const ODD: [f64; 4] =
        [6.666_666_666_666_735e-1, 2.857_142_874_366_239e-1, 1.818_357_216_161_805e-1, 1.479_819_860_511_658_6e-1];
    const EVEN: [f64; 3] = [3.999_999_999_940_942e-1, 2.222_219_843_214_978_4e-1, 1.531_383_769_920_937_3e-1];
    let bits = number.to_bits();
    let mut exponent = f64::from(u16::try_from(bits >> 52).unwrap_or_default()) - 1022.0;
    let mut fraction = f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1.0;
    }
    let f = fraction - 1.0;
    let s = f / (2.0 + f);
    let (square, fourth) = (s * s, s * s * (s * s));
    let odd = square * (ODD[0] + fourth * (ODD[1] + fourth * (ODD[2] + fourth * ODD[3])));
    let even = fourth * (EVEN[0] + fourth * (EVEN[1] + fourth * EVEN[2]));
    let half = 0.5 * f * f;
    exponent * HIGH - ((half - (s * (half + (odd + even)) + exponent * LOW)) - f)
}

fn parseint(arguments: &[ConfigValue]) -> Evaluation {
    let [digits, base] = arguments else { return Err(missing()) };
    let base = u32::try_from(whole(base)?).ok().filter(|base| (2..=36).contains(base));
    let base = base.ok_or_else(|| EvaluationFailure::unsure("a base above 36 is not evaluated here"))?;
    let digits = text(digits)?;
    match i64::from_str_radix(&digits, base) {
        Ok(number) => Number::parse(&number.to_string()).map(ConfigValue::Number).ok_or_else(too_large),
        Err(_) if digits.len() > 12 => Err(too_large()),
        Err(_) => Err(EvaluationFailure::refused("the text is no number of this base")),
    }
}

fn range(arguments: &[ConfigValue]) -> Evaluation {
    let numbers = arguments.iter().map(as_number).collect::<Result<Vec<_>, _>>()?;
    let (zero, one) = (Number::whole(0), Number::whole(1));
    let (from, to, step) = match numbers.as_slice() {
        [to] => (zero, *to, None),
        [from, to] => (*from, *to, None),
        [from, to, step] => (*from, *to, Some(*step)),
        _ => return Err(missing()),
    };
    let is_down = to.compare(from) == Some(Ordering::Less);
    let step = step.unwrap_or(if is_down { one.negated() } else { one });
    if step.compare(zero) == Some(Ordering::Equal) || step.is_negative() != is_down && to != from {
        return Err(EvaluationFailure::refused("the step does not lead to the end"));
    }
    let (mut at, mut items) = (from, Vec::new());
    let wanted = if is_down { Ordering::Greater } else { Ordering::Less };
    while at.compare(to) == Some(wanted) {
        items.push(ConfigValue::Number(at));
        if items.len() > MAX_CREATED {
            return Err(EvaluationFailure::unsure("a range has too many elements"));
        }
        at = at.plus(step).ok_or_else(too_large)?;
    }
    Ok(ConfigValue::list(ListKind::List, items))
}
