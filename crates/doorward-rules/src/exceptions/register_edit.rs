//! Changes to the text of a register: a new exception, a renewed one.
//!
//! The parser locates a value, and only that value is replaced: comments, order, spacing and line ends stay byte for byte. The
//! result is always parsed again; a change whose result does not parse is refused.

use std::ops::Range;

use jiff::Timestamp;
use toml_edit::{Document, Key, Table};

use super::{Exception, ExceptionError, Moment, Register, Terms, read_register};

/// A change that was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file has errors, so it is not changed.
    #[error("fix the errors of the register first: {}", list(.0))]
    Before(Vec<ExceptionError>),
    /// The file would have errors after the change; the lines are those of the result.
    #[error("the result would not be a valid register: {}", list(.0))]
    After(Vec<ExceptionError>),
    /// The term or the review date is not one to write today.
    #[error("{0}")]
    Dates(String),
    /// No exception in the file has this id.
    #[error("{file} has no exception {id:?}{}", .near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    NoSuchException {
        /// The file, by its label.
        file: String,
        /// The requested id.
        id: String,
        /// The closest id in the file.
        near: Option<String>,
    },
}

fn list(errors: &[ExceptionError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A new term for an exception, and its approver. The old term stays in the version history of the file only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// When the new term starts, usually today: the maximum term counts from here.
    pub start: Moment,
    /// When it ends.
    pub expires: Moment,
    /// Who approved the renewal.
    pub approver: String,
    /// Where the approval is recorded.
    pub ticket: String,
    /// The new review date; none keeps the current one.
    pub review: Option<Moment>,
}

/// Checks that a term and its review date are ones to write now: the term has not ended, and the review lies in it and ahead. A register
/// may hold other dates, because time passes. What a register may never hold is checked where it is read.
///
/// With `is_kept` the review date is that of the term before.
///
/// # Errors
///
/// A date is past, or the review does not lie in the term.
pub fn check_dates(
    id: &str,
    (start, expires): (Moment, Moment),
    (review, is_kept): (Option<Moment>, bool),
    now: Timestamp,
) -> Result<(), EditError> {
    let refused = |problem: String| Err(EditError::Dates(problem));
    if expires.ends() <= start.starts() {
        return refused(format!("exception {id} expires {expires}, before it starts, {start}"));
    }
    if expires.ends() <= now {
        return refused(format!(
            "exception {id} would expire {expires}, which is past, so that it would permit nothing"
        ));
    }
    let Some(review) = review else { return Ok(()) };
    let wrong = if review.ends() <= start.starts() {
        "is before the term"
    } else if review.starts() >= expires.ends() {
        "is after the term"
    } else if review.ends() <= now {
        "is past"
    } else {
        return Ok(());
    };
    let term = format!("{start} to {expires}");
    refused(match is_kept {
        true => format!(
            "exception {id} has the review date {review} of its term before, which {wrong} ({term}); name the next one with --review"
        ),
        false => {
            format!("review {review} of exception {id} {wrong} ({term}); name a day of the term that is still to come")
        }
    })
}

/// The text of a file with an additional exception at its end.
///
/// Ids are checked within this file only: read all files again with the result before it is written.
///
/// # Errors
///
/// The file or the new exception has errors.
pub fn add(file: &str, text: &str, new: &Exception, terms: &Terms) -> Result<String, EditError> {
    parse(file, text, terms).map_err(EditError::Before)?;
    let mut added = text.to_owned();
    let line_end = line_end(text);
    if !text.is_empty() && !text.ends_with('\n') {
        added.push_str(line_end);
    }
    if text.lines().last().is_some_and(|line| !line.trim().is_empty()) {
        added.push_str(line_end);
    }
    for line in lines(new) {
        added.push_str(&line);
        added.push_str(line_end);
    }
    parse(file, &added, terms).map_err(EditError::After)?;
    Ok(added)
}

/// The text of a file with one exception renewed: its start, expiry, approver and ticket, and its review where given.
///
/// # Errors
///
/// The file has errors, has no such exception, or would have errors after the renewal.
pub fn renew(file: &str, text: &str, id: &str, renewal: &Renewal, terms: &Terms) -> Result<String, EditError> {
    parse(file, text, terms).map_err(EditError::Before)?;
    // It parsed a moment ago, so an unreadable document has no exceptions to find.
    let document = Document::parse(text).ok();
    let tables: Vec<&Table> = document
        .as_ref()
        .and_then(|document| document.get("exception")?.as_array_of_tables())
        .map(|tables| tables.iter().collect())
        .unwrap_or_default();
    let ids: Vec<&str> = tables.iter().filter_map(|table| table.get("id")?.as_str()).collect();
    let Some(table) = tables.iter().find(|table| table.get("id").and_then(|item| item.as_str()) == Some(id)) else {
        let near = read_register::nearest(id, &ids).map(str::to_owned);
        return Err(EditError::NoSuchException { file: file.to_owned(), id: id.to_owned(), near });
    };
    let mut values = vec![
        ("start", renewal.start.to_string()),
        ("expires", renewal.expires.to_string()),
        ("approver", quoted(&renewal.approver)),
        ("ticket", quoted(&renewal.ticket)),
    ];
    values.extend(renewal.review.map(|review| ("review", review.to_string())));
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    for (key, value) in values {
        match table.get(key).and_then(toml_edit::Item::span) {
            Some(span) => changes.push((span, value)),
            None => missing.push(format!("{key} = {value}")),
        }
    }
    // What is not there yet goes below the approver, who always is.
    changes.extend(below(text, table, "approver", &missing));
    changes.sort_by_key(|(span, _)| span.start);
    // From the end, so that the places before stay where they are.
    let mut renewed = text.to_owned();
    for (span, value) in changes.into_iter().rev() {
        renewed.replace_range(span, &value);
    }
    parse(file, &renewed, terms).map_err(EditError::After)?;
    Ok(renewed)
}

fn parse(file: &str, text: &str, terms: &Terms) -> Result<Register, Vec<ExceptionError>> {
    Register::parse(&[(file.to_owned(), text.to_owned())], terms)
}

/// The line end that a text uses.
fn line_end(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// More lines below a key's value, with the key's own indentation.
fn below(text: &str, table: &Table, key: &str, lines: &[String]) -> Option<(Range<usize>, String)> {
    let (key, item) = table.get_key_value(key)?;
    let (key, value) = (key.span()?, item.span()?);
    let line = text[..key.start].rfind('\n').map_or(0, |offset| offset + 1);
    let indent = Some(&text[line..key.start]).filter(|before| before.trim().is_empty()).unwrap_or_default();
    let line_end = line_end(text);
    let (at, inserted) = match text[value.end..].find('\n') {
        Some(offset) => {
            (value.end + offset + 1, lines.iter().map(|line| format!("{indent}{line}{line_end}")).collect())
        }
        None => (text.len(), lines.iter().map(|line| format!("{line_end}{indent}{line}")).collect()),
    };
    Some((at..at, inserted))
}

/// An exception as lines of TOML.
fn lines(new: &Exception) -> Vec<String> {
    let mut lines = vec!["[[exception]]".to_owned()];
    let mut say = |key: &str, value: Option<String>| lines.extend(value.map(|value| format!("{key} = {value}")));
    let text = |text: &String| Some(quoted(text));
    say("id", text(&new.id));
    say("rule", text(&new.rule));
    say("scope", Some(scope(new)));
    say("reason", text(&new.reason));
    say("risk", new.risk.as_ref().and_then(text));
    say("compensating_control", new.compensating_control.as_ref().and_then(text));
    say("requester", text(&new.requester));
    say("approver", text(&new.approver));
    say("ticket", new.ticket.as_ref().and_then(text));
    say("start", Some(new.start.to_string()));
    say("expires", Some(new.expires.to_string()));
    say("review", new.review.map(|review| review.to_string()));
    say("many", new.many.then(|| "true".to_owned()));
    lines
}

fn scope(new: &Exception) -> String {
    let scope = &new.scope;
    let list = |key: &str, entries: Vec<&str>| {
        (!entries.is_empty())
            .then(|| format!("{key} = [{}]", entries.into_iter().map(quoted).collect::<Vec<_>>().join(", ")))
    };
    let tags: Vec<_> =
        scope.tags.iter().map(|(key, value)| format!("{} = {}", Key::new(key), quoted(value.as_str()))).collect();
    let criteria = [
        list("arn", scope.arn.iter().map(doorward_model::Arn::as_str).collect()),
        list("accounts", scope.accounts.iter().map(doorward_model::AccountId::as_str).collect()),
        list("ous", scope.ous.iter().map(String::as_str).collect()),
        (!tags.is_empty()).then(|| format!("tags = {{ {} }}", tags.join(", "))),
        list("names", scope.names.iter().map(doorward_model::Pattern::as_str).collect()),
    ];
    match criteria.into_iter().flatten().collect::<Vec<_>>().join(", ") {
        criteria if criteria.is_empty() => "{}".to_owned(),
        criteria => format!("{{ {criteria} }}"),
    }
}

/// A text as a TOML string on one line, whatever is in it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
