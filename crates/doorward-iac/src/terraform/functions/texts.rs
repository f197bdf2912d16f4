//! Functions of text.

use super::format_function::{format, format_list};
use super::{Function, missing, only, text, text_list, texts_of, whole};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "chomp" => |arguments| one(arguments, |text| Some(text.trim_end_matches(['\n', '\r']).to_owned())),
        "endswith" => |arguments| two(arguments, |text, end| ConfigValue::Bool(text.ends_with(end))),
        "startswith" => |arguments| two(arguments, |text, start| ConfigValue::Bool(text.starts_with(start))),
        "strcontains" => |arguments| two(arguments, |text, part| ConfigValue::Bool(text.contains(part))),
        "trimprefix" => {
            |arguments| two(arguments, |text, start| ConfigValue::text(text.strip_prefix(start).unwrap_or(text)))
        }
        "trimsuffix" => {
            |arguments| two(arguments, |text, end| ConfigValue::text(text.strip_suffix(end).unwrap_or(text)))
        }
        "trim" => |arguments| {
            two(arguments, |text, set| {
                let set: Vec<char> = set.chars().collect();
                ConfigValue::text(text.trim_matches(set.as_slice()))
            })
        },
        "format" => format,
        "formatlist" => format_list,
        "indent" => indent,
        "join" => join,
        // Other scripts have rules for capital letters of their own.
        "lower" => |arguments| one(arguments, |text| latin(text).then(|| text.to_lowercase())),
        "upper" => |arguments| one(arguments, |text| latin(text).then(|| text.to_uppercase())),
        "title" => |arguments| one(arguments, |text| text.is_ascii().then(|| title(text))),
        "trimspace" => |arguments| one(arguments, |text| Some(text.trim().to_owned())),
        "strrev" => |arguments| {
            one(arguments, |text| {
                let plain = text.chars().all(|c| c < '\u{300}' && c != '\r');
                plain.then(|| text.chars().rev().collect())
            })
        },
        "replace" => replace,
        "split" => split,
        "substr" => substr,
        _ => return None,
    })
}

fn latin(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii() || ('\u{c0}'..'\u{100}').contains(&c) && c != 'ß' && c != 'ÿ')
}

/// A function of one text; `None` if the result is not known.
fn one(arguments: &[ConfigValue], function: impl Fn(&str) -> Option<String>) -> Evaluation {
    let text = text(only(arguments)?)?;
    function(&text)
        .map(ConfigValue::text)
        .ok_or_else(|| EvaluationFailure::unsure("the text has letters of other scripts"))
}

fn two(arguments: &[ConfigValue], function: impl Fn(&str, &str) -> ConfigValue) -> Evaluation {
    let [first, second] = arguments else { return Err(missing()) };
    Ok(function(&text(first)?, &text(second)?))
}

fn title(text: &str) -> String {
    let mut before = ' ';
    let mut titled = String::with_capacity(text.len());
    for character in text.chars() {
        let begins = !(before.is_ascii_alphanumeric() || before == '_' || before == '\'');
        titled.push(if begins { character.to_ascii_uppercase() } else { character });
        before = character;
    }
    titled
}

fn indent(arguments: &[ConfigValue]) -> Evaluation {
    let [spaces, lines] = arguments else { return Err(missing()) };
    let spaces = usize::try_from(whole(spaces)?).ok().filter(|spaces| *spaces <= 1_000);
    let spaces = spaces.ok_or_else(|| EvaluationFailure::unsure("the indentation is not between 0 and 1000"))?;
    Ok(ConfigValue::text(text(lines)?.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

fn join(arguments: &[ConfigValue]) -> Evaluation {
    let (separator, lists) = arguments.split_first().ok_or_else(missing)?;
    let mut texts = Vec::new();
    for list in lists {
        texts.extend(texts_of(list)?);
    }
    Ok(ConfigValue::text(texts.join(&*text(separator)?)))
}

fn replace(arguments: &[ConfigValue]) -> Evaluation {
    let [whole, part, by] = arguments else { return Err(missing()) };
    let (whole, part, by) = (text(whole)?, text(part)?, text(by)?);
    if part.len() > 1 && part.starts_with('/') && part.ends_with('/') {
        let pattern = part.get(1..part.len() - 1).unwrap_or_default();
        return super::patterns::replaced(&whole, pattern, &by).map(ConfigValue::text);
    }
    if part.is_empty() {
        return Err(EvaluationFailure::unsure("the replaced text is empty"));
    }
    Ok(ConfigValue::text(whole.replace(&*part, &by)))
}

fn split(arguments: &[ConfigValue]) -> Evaluation {
    let [separator, whole] = arguments else { return Err(missing()) };
    let (separator, whole) = (text(separator)?, text(whole)?);
    if separator.is_empty() {
        return Ok(text_list(whole.chars().map(String::from)));
    }
    Ok(text_list(whole.split(&*separator).map(str::to_owned)))
}

fn substr(arguments: &[ConfigValue]) -> Evaluation {
    let [whole_text, offset, length] = arguments else { return Err(missing()) };
    let (characters, offset, length) = (text(whole_text)?, whole(offset)?, whole(length)?);
    if !characters.chars().all(|c| c < '\u{300}' && c != '\r') {
        return Err(EvaluationFailure::unsure("the part of the text depends on combined characters"));
    }
    let characters: Vec<char> = characters.chars().collect();
    let count = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let length = if length < 0 { count } else { length };
    let part = characters.into_iter().skip(usize::try_from(start).unwrap_or_default());
    Ok(ConfigValue::text(part.take(usize::try_from(length).unwrap_or_default()).collect::<String>()))
}
