//! Functions of regular expressions: `regex`, `regexall` and `replace` with `/PATTERN/`.
//!
//! Terraform uses the syntax RE2 of Go. The library here matches as RE2 does, leftmost first, with classes of ASCII. A pattern
//! with anything that the two read differently, or that only one of them knows, is unknown:
//! <https://github.com/google/re2/wiki/Syntax>

use std::collections::BTreeMap;
use std::rc::Rc;

use regex_lite::{Captures, Regex};

use super::{Function, missing, text};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure, ListKind};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "regex" => |arguments| {
            let (pattern, text) = two(arguments)?;
            match pattern.captures(&text) {
                Some(captures) => found(&pattern, &captures),
                None => Err(EvaluationFailure::refused("the pattern does not match")),
            }
        },
        "regexall" => |arguments| {
            let (pattern, text) = two(arguments)?;
            let all = pattern.captures_iter(&text).map(|captures| found(&pattern, &captures));
            Ok(ConfigValue::list(ListKind::List, all.collect::<Result<_, _>>()?))
        },
        _ => return None,
    })
}

fn two(arguments: &[ConfigValue]) -> Result<(Regex, Rc<str>), EvaluationFailure> {
    let [pattern, whole] = arguments else { return Err(missing()) };
    let (pattern, whole) = (text(pattern)?, text(whole)?);
    Ok((compiled(&pattern, &whole)?, whole))
}

/// Replaces all matches of a pattern.
pub(super) fn replaced(whole: &str, pattern: &str, by: &str) -> Result<String, EvaluationFailure> {
    Ok(compiled(pattern, whole)?.replace_all(whole, by).into_owned())
}

/// The pattern, if Go reads it in the same way and `text` has no characters on which their classes differ.
fn compiled(pattern: &str, text: &str) -> Result<Regex, EvaluationFailure> {
    let unsure = || EvaluationFailure::unsure("a regular expression is not evaluated here");
    if !is_plain(pattern) || text.contains('\u{b}') {
        return Err(unsure());
    }
    // Only Go folds letters of other scripts.
    if pattern.contains("(?") && pattern.contains('i') && !(pattern.is_ascii() && text.is_ascii()) {
        return Err(unsure());
    }
    Regex::new(pattern).map_err(|_| unsure())
}

/// Whether a pattern contains only what both libraries read alike.
fn is_plain(pattern: &str) -> bool {
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(character) = characters.next() {
        let is_start = std::mem::take(&mut class_start);
        match character {
            '\\' => {
                let Some(next) = characters.next() else { return false };
                let is_known = matches!(next, 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't')
                    || (!in_class && matches!(next, 'b' | 'B' | 'A' | 'z'))
                    || (next.is_ascii_punctuation() && !matches!(next, '<' | '>'));
                if !is_known {
                    return false;
                }
            }
            // A class within a class, and operators of classes.
            '[' if in_class => return false,
            '&' | '~' if in_class && characters.peek() == Some(&character) => return false,
            '-' if in_class && characters.peek() == Some(&'-') => return false,
            '[' => {
                in_class = true;
                class_start = true;
                characters.next_if_eq(&'^');
            }
            // A bracket at the start of a class is a character of it in Go.
            ']' if in_class && is_start => return false,
            ']' => in_class = false,
            '(' if !in_class && characters.next_if_eq(&'?').is_some() => {
                let group: String =
                    std::iter::from_fn(|| characters.next_if(|c| !matches!(c, ')' | ':' | '>'))).collect();
                let is_named = group.strip_prefix("P<").is_some_and(|name| !name.is_empty());
                let is_flags = group.bytes().all(|byte| matches!(byte, b'i' | b's' | b'm' | b'U' | b'-'));
                if !(is_named || is_flags) {
                    return false;
                }
            }
            '{' if !in_class && !characters.peek().is_some_and(char::is_ascii_digit) => return false,
            _ => {}
        }
    }
    !in_class
}

/// What a match gives: its text, a list of its groups, or an object of its named groups.
fn found(pattern: &Regex, captures: &Captures<'_>) -> Evaluation {
    let group = |at: usize| captures.get(at).map_or(ConfigValue::Null, |group| ConfigValue::text(group.as_str()));
    if pattern.captures_len() == 1 {
        return Ok(group(0));
    }
    let names: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    if names.iter().all(Option::is_none) {
        return Ok(ConfigValue::tuple((1..pattern.captures_len()).map(group).collect()));
    }
    let mut entries = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        let name = name.ok_or_else(|| EvaluationFailure::refused("the pattern has named and unnamed groups"))?;
        entries.insert(Rc::from(name), group(at + 1));
    }
    Ok(ConfigValue::object(entries))
}
