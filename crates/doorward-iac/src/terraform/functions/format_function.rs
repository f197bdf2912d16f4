//! `format` and `formatlist`: <https://developer.hashicorp.com/terraform/language/functions/format>

use super::encodings::json_text;
use super::{items, missing, text, text_list};
use crate::terraform::number::Number;
use crate::terraform::types::{as_bool, as_number};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure};

/// One `%` of a format.
#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    /// The number of the argument, if it is given.
    argument: Option<usize>,
}

pub(super) fn format(arguments: &[ConfigValue]) -> Evaluation {
    let (pattern, values) = arguments.split_first().ok_or_else(missing)?;
    formatted(&text(pattern)?, values).map(ConfigValue::text)
}

pub(super) fn format_list(arguments: &[ConfigValue]) -> Evaluation {
    let (pattern, values) = arguments.split_first().ok_or_else(missing)?;
    let pattern = text(pattern)?;
    let lists: Vec<Option<&[ConfigValue]>> = values
        .iter()
        .map(|value| match value {
            ConfigValue::List(_) => items(value).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<_, _>>()?;
    let length = lists.iter().flatten().map(|list| list.len()).next().unwrap_or(1);
    if lists.iter().flatten().any(|list| list.len() != length) {
        return Err(EvaluationFailure::refused("the lists have different lengths"));
    }
    let mut lines = Vec::new();
    for at in 0..length {
        let row = values.iter().zip(&lists).map(|(value, list)| match list {
            Some(list) => list.get(at).cloned().unwrap_or(ConfigValue::Null),
            None => value.clone(),
        });
        lines.push(formatted(&pattern, &row.collect::<Vec<_>>())?);
    }
    Ok(text_list(lines))
}

fn formatted(pattern: &str, values: &[ConfigValue]) -> Result<String, EvaluationFailure> {
    let mut out = String::new();
    let mut next = 0;
    let mut highest = 0;
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (verb, letter, after) = verb(after)?;
        let at = verb.argument.map_or(next, |number| number.saturating_sub(1));
        next = at + 1;
        highest = highest.max(next);
        let value =
            values.get(at).ok_or_else(|| EvaluationFailure::refused("the format has more verbs than arguments"))?;
        if value.unknown_part().is_some() {
            return Err(super::unsure(value));
        }
        out.push_str(&padded(&verb, shown(&verb, letter, value)?, letter));
        rest = after;
    }
    out.push_str(rest);
    if highest < values.len() {
        return Err(EvaluationFailure::refused("the format has fewer verbs than arguments"));
    }
    Ok(out)
}

/// Parses a verb behind its `%`: flags, width, precision, number of the argument, letter.
fn verb(text: &str) -> Result<(Verb, char, &str), EvaluationFailure> {
    let mut verb = Verb::default();
    let mut rest = text;
    let number = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        (rest[..end].parse::<usize>().ok().filter(|number| *number <= 1_000), end)
    };
    loop {
        match rest.as_bytes().first() {
            Some(b'-') => verb.minus = true,
            Some(b'+') => verb.plus = true,
            Some(b'0') => verb.zero = true,
            Some(b' ' | b'#') => return Err(EvaluationFailure::unsure("a flag of the format is not evaluated here")),
            _ => break,
        }
        rest = &rest[1..];
    }
    let (width, end) = number(rest);
    verb.width = width.unwrap_or_default();
    rest = &rest[end..];
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, end) = number(after);
        verb.precision = Some(precision.unwrap_or_default());
        rest = &after[end..];
    }
    if let Some(after) = rest.strip_prefix('[') {
        let (argument, end) = number(after);
        verb.argument = argument;
        rest = after[end..].strip_prefix(']').ok_or_else(|| EvaluationFailure::refused("the format is not valid"))?;
    }
    let letter = rest.chars().next().ok_or_else(|| EvaluationFailure::refused("the format ends within a verb"))?;
    Ok((verb, letter, &rest[letter.len_utf8()..]))
}

fn shown(verb: &Verb, letter: char, value: &ConfigValue) -> Result<String, EvaluationFailure> {
    let digits = |number: Number| number.text().ok_or_else(|| EvaluationFailure::unsure("a fraction has no end"));
    let signed = |text: String| if verb.plus && !text.starts_with('-') { format!("+{text}") } else { text };
    if *value == ConfigValue::Null {
        return Err(EvaluationFailure::unsure("null is formatted"));
    }
    let text = match letter {
        'v' => match value {
            ConfigValue::Text(text) => text.to_string(),
            ConfigValue::Number(number) => signed(digits(*number)?),
            ConfigValue::Bool(truth) => truth.to_string(),
            other => json_text(other)?,
        },
        's' => match text(value) {
            Ok(text) => text.to_string(),
            Err(failure) => return Err(failure),
        },
        'q' => json_text(&ConfigValue::Text(text(value)?))?,
        't' => as_bool(value)?.to_string(),
        'd' | 'b' | 'o' | 'x' | 'X' => {
            let number = as_number(value)?;
            let whole = number
                .as_whole()
                .ok_or_else(|| EvaluationFailure::unsure("a fraction is formatted as a whole number"))?;
            let (sign, size) = (if whole < 0 { "-" } else { "" }, whole.unsigned_abs());
            signed(match letter {
                'd' => format!("{sign}{size}"),
                'b' => format!("{sign}{size:b}"),
                'o' => format!("{sign}{size:o}"),
                'x' => format!("{sign}{size:x}"),
                _ => format!("{sign}{size:X}"),
            })
        }
        'f' => signed(fixed(as_number(value)?, verb.precision.unwrap_or(6))?),
        _ => return Err(EvaluationFailure::unsure(format!("%{letter} is not evaluated here"))),
    };
    match (letter, verb.precision) {
        ('s' | 'v', Some(precision)) if matches!(value, ConfigValue::Text(_)) => {
            Ok(text.chars().take(precision).collect())
        }
        ('f', _) | (_, None) => Ok(text),
        _ => Err(EvaluationFailure::unsure("a precision of this verb is not evaluated here")),
    }
}

/// A number with a fixed number of digits behind the point.
fn fixed(number: Number, precision: usize) -> Result<String, EvaluationFailure> {
    let large = || EvaluationFailure::unsure("a number has too many digits");
    let scale = Number::parse(&format!("1e{precision}")).ok_or_else(large)?;
    let scaled = number.times(scale).ok_or_else(large)?;
    let half = Number::parse("0.5").ok_or_else(large)?;
    let rounded = scaled.plus(half).ok_or_else(large)?.floor();
    // A half is rounded by its binary form, which may be above or below it.
    if scaled.plus(rounded.negated()).ok_or_else(large)? == half.negated() {
        return Err(EvaluationFailure::unsure("a half is rounded"));
    }
    let whole = rounded.as_whole().ok_or_else(large)?;
    let digits = format!("{:0>width$}", whole.unsigned_abs(), width = precision + 1);
    let (before, after) = digits.split_at(digits.len() - precision);
    let sign = if number.is_negative() { "-" } else { "" };
    Ok(if precision == 0 { format!("{sign}{before}") } else { format!("{sign}{before}.{after}") })
}

fn padded(verb: &Verb, text: String, letter: char) -> String {
    let missing = verb.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    let is_number = matches!(letter, 'd' | 'f' | 'b' | 'o' | 'x' | 'X');
    if verb.minus {
        format!("{text}{}", " ".repeat(missing))
    } else if verb.zero && is_number {
        let signed = text.strip_prefix(['-', '+']).map(|digits| (&text[..1], digits));
        let (sign, digits) = signed.unwrap_or(("", &text));
        format!("{sign}{}{digits}", "0".repeat(missing))
    } else {
        format!("{}{text}", " ".repeat(missing))
    }
}
