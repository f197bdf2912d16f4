//! From the text of a file to exceptions, or to everything that is wrong with it.
//!
//! The tables are read by hand rather than by a deserializer, because a deserializer stops at the first complaint and
//! forgets where a value stood.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Document, Item, TableLike, Value};

use super::term::{self, Moment};
use super::{Exception, ExceptionError, ExceptionScope, Held, REGISTER_RULES, Terms};
use crate::rules::REGISTRY;

mod criteria;

#[cfg(test)]
pub(super) use criteria::KEYS as SCOPE_KEYS;

pub(super) const KEYS: [&str; 13] = [
    "id",
    "rule",
    "scope",
    "reason",
    "risk",
    "compensating_control",
    "requester",
    "approver",
    "ticket",
    "start",
    "expires",
    "review",
    "many",
];

/// Reads one file. `taken` knows the ids of the files before it, with their places.
pub(super) fn file(
    file: &str,
    text: &str,
    terms: &Terms,
    taken: &mut BTreeMap<String, (String, usize)>,
) -> (Vec<Held>, Vec<ExceptionError>) {
    let mut reader = Reader { file, text, terms, taken, errors: Vec::new() };
    let held = reader.read();
    (held, reader.errors)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    terms: &'a Terms,
    taken: &'a mut BTreeMap<String, (String, usize)>,
    errors: Vec<ExceptionError>,
}

type Span = Option<Range<usize>>;

impl Reader<'_> {
    fn read(&mut self) -> Vec<Held> {
        let document = match Document::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                // The parser lists what it expected on lines of its own.
                let message = error.message().trim().replace('\n', "; ");
                self.complain(error.span(), format!("not TOML: {message}"));
                return Vec::new();
            }
        };
        let mut held = Vec::new();
        for (key, item) in document.iter() {
            let place = document.get_key_value(key).and_then(|(key, _)| key.span()).or_else(|| item.span());
            if key != "exception" {
                self.complain(place, unknown("key", key, &["exception"]));
                continue;
            }
            match item.as_array_of_tables() {
                Some(tables) => held.extend(tables.iter().filter_map(|table| self.exception(table, table.span()))),
                None => self.complain(place, format!("exception is {}; write [[exception]] above each", kind(item))),
            }
        }
        held
    }

    fn exception(&mut self, table: &dyn TableLike, span: Span) -> Option<Held> {
        let line = self.line(&span);
        for (key, item) in table.iter() {
            if !KEYS.contains(&key) {
                self.complain(place(table, key, item), unknown("key", key, &KEYS));
            }
        }
        let id = self.required(table, "id", &span, "the exception", "").filter(|id| {
            let plain = is_id(id);
            if !plain {
                let problem = format!(
                    "id {id:?} is not a word of up to 64 letters, digits or -._ that begins with a letter or digit"
                );
                self.complain(span_of(table, "id"), problem);
            }
            plain
        });
        let named = id.as_ref().map_or_else(|| "the exception".to_owned(), |id| format!("exception {id}"));
        if let Some(id) = &id {
            let place = span_of(table, "id");
            match self.taken.get(id) {
                Some((file, line)) => {
                    let problem = format!("{named} is already defined at {file}:{line}; ids must be unique");
                    self.complain(place, problem);
                }
                None => {
                    self.taken.insert(id.clone(), (self.file.to_owned(), self.line(&place)));
                }
            }
        }
        let rule = self.required(table, "rule", &span, &named, "").filter(|rule| self.is_rule(table, rule));
        let scope = self.scope(table, &span, &named);
        let reason = self.required(table, "reason", &span, &named, "");
        let requester = self.required(table, "requester", &span, &named, "");
        let approver = self.required(table, "approver", &span, &named, "; an exception needs an approver");
        let risk = self.text(table, "risk");
        let compensating_control = self.text(table, "compensating_control");
        let ticket = self.text(table, "ticket");
        let many = self.flag(table, "many");
        let start = self.required_moment(table, "start", &span, &named, "");
        let expires = self.required_moment(table, "expires", &span, &named, "; an exception needs an end date");
        let review = self.moment(table, "review");
        if let (Some(requester), Some(approver)) = (&requester, &approver)
            && is_same_person(requester, approver)
        {
            let problem = format!("{named} is approved by its requester, {approver}; another person must approve it");
            self.complain(span_of(table, "approver"), problem);
        }
        if scope.as_ref().is_some_and(ExceptionScope::is_everything) && !many {
            let problem = format!("{named} covers every load balancer; narrow its scope, or write many = true");
            self.complain(span_of(table, "scope"), problem);
        }
        if let (Some(start), Some(expires)) = (start, expires) {
            self.term(table, &named, start, expires);
        }
        if let (Some(review), Some(expires)) = (review, expires)
            && review.starts() >= expires.ends()
        {
            self.complain(span_of(table, "review"), format!("review {review} is after {named} expires, {expires}"));
        }
        let exception = Exception {
            id: id?,
            rule: rule?,
            scope: scope?,
            reason: reason?,
            risk,
            compensating_control,
            requester: requester?,
            approver: approver?,
            ticket,
            start: start?,
            expires: expires?,
            review,
            many,
        };
        Some(Held { exception, file: Arc::from(self.file), line, scope_line: self.line(&span_of(table, "scope")) })
    }

    fn is_rule(&mut self, table: &dyn TableLike, rule: &str) -> bool {
        let known: Vec<&str> = REGISTRY.iter().map(|rule| rule.meta().id).collect();
        if known.contains(&rule) {
            return true;
        }
        let problem = if REGISTER_RULES.contains(&rule) {
            format!("{rule} checks the register itself, so it cannot have an exception")
        } else {
            unknown("rule", rule, &known)
        };
        self.complain(span_of(table, "rule"), problem);
        false
    }

    fn term(&mut self, table: &dyn TableLike, named: &str, start: Moment, expires: Moment) {
        let (days, most) = (term::days(start, expires), self.terms.maximum_days);
        if expires.ends() <= start.starts() {
            let problem = format!("{named} expires {expires}, before it starts, {start}");
            self.complain(span_of(table, "expires"), problem);
        } else if days > i64::from(most) {
            let latest = start.latest(most).map(|latest| format!("; the latest end is {latest}"));
            let problem = format!(
                "{named} lasts {days} days, from {start} to {expires}; the maximum is {most}{}",
                latest.unwrap_or_default()
            );
            self.complain(span_of(table, "expires"), problem);
        }
    }

    fn required(&mut self, table: &dyn TableLike, key: &str, span: &Span, named: &str, why: &str) -> Option<String> {
        if table.get(key).is_none() {
            self.complain(span.clone(), format!("{named} has no {key}{why}"));
        }
        self.text(table, key)
    }

    fn text(&mut self, table: &dyn TableLike, key: &str) -> Option<String> {
        let item = table.get(key)?;
        match item.as_str() {
            Some(text) if !text.trim().is_empty() => return Some(text.to_owned()),
            Some(_) => self.complain(place(table, key, item), format!("{key} is empty")),
            None => self.complain(place(table, key, item), format!("{key} is {}, not text", kind(item))),
        }
        None
    }

    fn flag(&mut self, table: &dyn TableLike, key: &str) -> bool {
        let Some(item) = table.get(key) else { return false };
        item.as_bool().unwrap_or_else(|| {
            self.complain(place(table, key, item), format!("{key} is {}, not true or false", kind(item)));
            false
        })
    }

    fn required_moment(
        &mut self,
        table: &dyn TableLike,
        key: &str,
        span: &Span,
        named: &str,
        why: &str,
    ) -> Option<Moment> {
        if table.get(key).is_none() {
            self.complain(span.clone(), format!("{named} has no {key}{why}"));
        }
        self.moment(table, key)
    }

    fn moment(&mut self, table: &dyn TableLike, key: &str) -> Option<Moment> {
        let item = table.get(key)?;
        let problem = match item.as_value() {
            Some(Value::Datetime(at)) => Moment::read(at.value()).map_err(|error| error.to_string()),
            Some(Value::String(text)) => text.value().parse::<Moment>().map_err(|error| error.to_string()),
            _ => Err(format!("is {}, not a date", kind(item))),
        };
        match problem {
            Ok(moment) => Some(moment),
            Err(problem) => {
                self.complain(place(table, key, item), format!("{key} {problem}"));
                None
            }
        }
    }

    fn complain(&mut self, span: Span, problem: String) {
        let line = self.line(&span);
        self.errors.push(ExceptionError { file: self.file.to_owned(), line, problem });
    }

    fn line(&self, span: &Span) -> usize {
        let offset = span.as_ref().map_or(0, |span| span.start);
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }
}

/// Where a key is written, or else its value.
fn place(table: &dyn TableLike, key: &str, item: &Item) -> Span {
    span_of(table, key).or_else(|| item.span())
}

fn span_of(table: &dyn TableLike, key: &str) -> Span {
    let (key, item) = table.get_key_value(key)?;
    key.span().or_else(|| item.span())
}

/// The type of a value, in words that need no knowledge of TOML.
fn kind(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "text",
        "integer" | "float" => "a number",
        "boolean" => "true or false",
        "datetime" => "a date",
        "array" => "a list",
        "array of tables" => "a list of tables",
        _ => "a table",
    }
}

/// The error for an unknown word, with the nearest known word or all of them.
fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("there is no {what} {word:?}; did you mean {near}?"),
        None => format!("there is no {what} {word:?}; known are {}", known.join(", ")),
    }
}

/// The known word closest to a misspelt one, if any is close.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// Whether two names are the same but for case and spaces.
fn is_same_person(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    plain(one) == plain(other)
}

/// Whether an id is a plain word in a sentence, a shell, a file name and a spreadsheet cell.
fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}
