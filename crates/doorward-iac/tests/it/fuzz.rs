//! Damaged files: truncated, with parts removed, repeated or replaced. Parsing never panics or hangs, and every error has a
//! place in the file.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases::{Case, all};

#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
    Set(Index, u8),
    Insert(Index, &'static str),
}

const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ":",
    "- ",
    "\n",
    "\t",
    "${",
    "%{",
    "<<",
    "*a",
    "&a ",
    "!Ref ",
    "---\n",
    "null",
    "\u{feff}",
    "\u{1b}[31m",
    "\r",
    "é",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Change::Cut),
        (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        (at(), at(), 1_usize..40).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), proptest::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Insert(at, word)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let len = text.len() + 1;
    let pair = |a: &Index, b: &Index| {
        let (a, b) = (a.index(len), b.index(len));
        a.min(b)..a.max(b)
    };
    match change {
        Change::Cut(at) => text.truncate(at.index(len)),
        Change::Remove(from, to) => drop(text.drain(pair(from, to))),
        Change::Repeat(from, to, times) => {
            let range = pair(from, to);
            let part = text[range.clone()].repeat(*times);
            text.splice(range.end..range.end, part);
        }
        Change::Set(at, byte) => {
            let at = at.index(len);
            if let Some(there) = text.get_mut(at) {
                *there = *byte;
            }
        }
        Change::Insert(at, word) => {
            let at = at.index(len);
            text.splice(at..at, word.bytes());
        }
    }
}

fn survives(case: &Case, bytes: Vec<u8>) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let output = case.read_as(bytes);
    for error in output.errors.iter().filter(|error| error.file == case.file) {
        assert!((1..=lines).contains(&error.line), "{error}");
        assert!(!error.message.contains('\n'), "one line: {error}");
    }
    for declared in output.declared.iter().filter(|declared| declared.place.file == case.file) {
        let place = &declared.place;
        assert!((1..=lines).contains(&place.line) && place.end_line <= lines, "{place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files(pick in any::<Index>(), changes in prop::collection::vec(change(), 1..5)) {
        let cases = all_once();
        let case = &cases[pick.index(cases.len())];
        let mut text = case.text.clone().into_bytes();
        for change in &changes {
            apply(&mut text, change);
        }
        survives(case, text);
    }
}

fn all_once() -> &'static [Case] {
    static CASES: std::sync::OnceLock<Vec<Case>> = std::sync::OnceLock::new();
    CASES.get_or_init(all)
}

#[test]
fn nesting_ends_somewhere() {
    for (file, open, close) in [
        ("x.json", "{\"Resources\":", "}"),
        ("x.json", "[", "]"),
        ("x.yaml", "{Resources: ", "}"),
        ("x.yaml", "[", "]"),
        ("x.tf", "a { ", "}\n"),
        ("x.tf", "a = [", "]\n"),
        ("x.tf", "a = !", "true\n"),
        ("x.tf", "a = \"${", "}\"\n"),
    ] {
        for depth in [50, 100_000] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let case = Case::of(file, text.clone());
            survives(&case, text.into_bytes());
        }
    }
    let indented: String = (0..3_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    survives(&Case::of("x.yaml", indented.clone()), indented.into_bytes());
}

#[test]
fn aliases_of_aliases_end_somewhere() {
    let mut text = String::from("AWSTemplateFormatVersion: x\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let list = vec![format!("*a{}", n - 1); 9].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    let output = Case::of("x.yaml", text.clone()).read_as(text.into_bytes());
    assert!(output.errors.iter().any(|error| error.message.contains("aliases")), "{output:?}");

    let mut text = String::from("locals {\n  l0 = \"xxxxxxxxxxxxxxxx\"\n");
    for n in 1..60 {
        text.push_str(&format!("  l{n} = \"${{local.l{0}}}${{local.l{0}}}\"\n", n - 1));
    }
    text.push_str("}\nresource \"aws_lb\" \"x\" {\n  desync_mitigation_mode = local.l59\n}\n");
    let output = Case::of("x.tf", text.clone()).read_as(text.into_bytes());
    assert_eq!(output.declared.len(), 1, "{output:?}");
}

/// Ten calls of a folder that calls the next one ten times, and so on, and back again.
#[test]
fn modules_of_modules_end_somewhere() {
    let calls =
        |to: &str| -> String { (0..10).map(|n| format!("module \"m{n}\" {{\n  source = \"{to}\"\n}}\n")).collect() };
    let mut case = Case::of("main.tf", calls("./f0"));
    for n in 0..12 {
        case.put(&format!("f{n}/main.tf"), calls(&format!("../f{}", (n + 1) % 12)));
    }
    let output = case.read();
    assert!(
        output.unread.iter().any(|unread| unread.because.contains("not evaluated")),
        "{} unread",
        output.unread.len()
    );
}
