//! What a register says of itself: what is wrong with it, to the letter, and what is in it.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_rules::exceptions::{Register, TermState, Terms};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Errors {
    base: String,
    case: Vec<Case>,
}

/// See the head of `tests/registers/errors.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    lines: BTreeMap<String, String>,
    text: Option<String>,
    also: Option<String>,
    #[serde(default)]
    terms: CaseTerms,
    expect: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTerms {
    maximum_days: Option<u32>,
}

fn data(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the file is there")
}

#[test]
fn whatever_is_wrong_is_said_with_file_and_line() {
    let errors: Errors = toml::from_str(&data("tests/registers/errors.toml")).expect("cases");
    let rules: Vec<_> = doorward_rules::all().iter().map(|rule| rule.meta().id).collect();
    let mut wrong = Vec::new();
    for case in &errors.case {
        let mut lines: Vec<&str> = errors.base.lines().collect();
        for (number, line) in &case.lines {
            lines[number.parse::<usize>().expect("a number") - 1] = line;
        }
        let text = case.text.clone().unwrap_or_else(|| lines.join("\n"));
        let mut files = vec![("exceptions.toml".to_owned(), text)];
        files.extend(case.also.clone().map(|text| ("more.toml".to_owned(), text)));
        let maximum_days = case.terms.maximum_days.unwrap_or(Terms::default().maximum_days);
        let found = match Register::parse(&files, &Terms { maximum_days, ..Terms::default() }) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        };
        let expect: Vec<_> = case.expect.iter().map(|text| text.replace("{rules}", &rules.join(", "))).collect();
        if found != expect {
            wrong.push(format!("{}: {found:#?}, not {expect:#?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn line_numbers_hold_with_any_line_end_and_a_byte_order_mark() {
    let errors: Errors = toml::from_str(&data("tests/registers/errors.toml")).expect("cases");
    let wrong = errors.base.replace("2026-03-31", "2026-04-01");
    for text in [wrong.clone(), wrong.replace('\n', "\r\n"), format!("\u{feff}{wrong}")] {
        let found = Register::parse(&[("x.toml".to_owned(), text)], &Terms::default()).expect_err("too long");
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("x.toml:9: exception EX-1 lasts 91 days"), "{}", found[0]);
    }
}

#[test]
fn the_example_is_valid_and_shows_every_key() {
    let text = data("../../config/exceptions.example.toml");
    let files = [("config/exceptions.example.toml".to_owned(), text.clone())];
    let register = Register::parse(&files, &Terms::default()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    assert!(entries.len() >= 3);
    let keys = "id rule scope reason risk compensating_control requester approver ticket start expires review many";
    for key in keys.split(' ').chain(["arn", "accounts", "ous", "tags", "names"]) {
        assert!(text.lines().any(|line| line.contains(&format!("{key} = "))), "{key}");
    }
    for entry in entries {
        let line = text.lines().nth(entry.line - 1).expect("a line");
        assert_eq!(line, "[[exception]]", "{}:{}", entry.file, entry.line);
    }
}

#[test]
fn the_list_says_where_each_stands_and_what_is_due_first() {
    let one = |id: &str, start: &str, expires: &str| {
        format!(
            "[[exception]]\nid = \"{id}\"\nrule = \"owner-missing\"\nscope.names = \"web\"\nreason = \"r\"\nrequester = \
             \"s\"\napprover = \"k\"\nstart = {start}\nexpires = {expires}\n"
        )
    };
    let text = [
        one("pending", "2026-04-01", "2026-04-30"),
        one("active", "2026-03-01", "2026-04-15"),
        one("expired", "2026-01-01", "2026-03-09"),
        one("last-day", "2026-01-01", "2026-03-10"),
        one("expiring", "2026-01-01", "2026-03-11T08:00:00Z"),
    ];
    let register = Register::parse(&[("x.toml".to_owned(), text.concat())], &Terms::default()).expect("valid");
    let now = "2026-03-10T12:00:00Z".parse().expect("a timestamp");
    let listed: Vec<_> = register
        .entries(now)
        .iter()
        .map(|entry| (entry.exception.id.clone(), entry.state, entry.days_left, entry.line))
        .collect();
    let expected = [
        ("expired", TermState::Expired, -1, 19),
        ("last-day", TermState::Expiring, 0, 28),
        ("expiring", TermState::Expiring, 0, 37),
        ("active", TermState::Active, 36, 10),
        ("pending", TermState::Pending, 51, 1),
    ];
    assert_eq!(listed, expected.map(|(id, state, days, line)| (id.to_owned(), state, days, line)));
}
