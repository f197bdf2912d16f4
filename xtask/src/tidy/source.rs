//! Source files: their first sentence, their length, their names, and what must not be left in them.

use super::Complaint;

/// Above this a header has to say why.
const LONG: usize = 400;
/// Above this nothing helps.
const TOO_LONG: usize = 600;
/// What a header says when a file is long on purpose.
const EXCUSE: &str = "long because";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "prelude"];

/// Macros that are notes to oneself. Spelled in halves, so that this file does not contain them.
const LEFTOVERS: [&str; 3] = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];

/// Checks one file, given its path from the top and its text.
pub(super) fn check(file: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: String| complaints.push(Complaint::new(file, line, what));

    let mut parts = file.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    if let Some(name) = parts.find(|part| EMPTY_NAMES.contains(part)) {
        complain(1, format!("{name:?} says nothing about what is inside; name it after its job"));
    }
    if file.ends_with("/mod.rs") {
        complain(1, "a module's file is named after the module; rename folder/mod.rs to folder.rs".to_owned());
    }

    if !text.starts_with("//! ") {
        complain(1, "does not open with a `//!` sentence; say what the file's job is".to_owned());
    }
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let length = text.lines().count();
    if length > TOO_LONG {
        complain(TOO_LONG + 1, format!("has {length} lines, and {TOO_LONG} is the most; split it by job"));
    } else if length > LONG && !header.iter().any(|line| line.contains(EXCUSE)) {
        complain(LONG + 1, format!("has {length} lines; split it, or say in its header `{EXCUSE} ...`"));
    }

    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if let Some(leftover) = LEFTOVERS.iter().find(|leftover| code.contains(*leftover)) {
            complain(number, format!("{}) is a note to oneself; write what is missing", leftover));
        }
        if let Some(name) = module(code).filter(|name| EMPTY_NAMES.contains(name)) {
            complain(
                number,
                format!("a module called {name:?} says nothing about what is inside; name it after its job"),
            );
        }
    }
    complaints
}

/// The name of the module that a line of code declares.
fn module(code: &str) -> Option<&str> {
    let declared = code.strip_prefix("pub(crate) ").or_else(|| code.strip_prefix("pub ")).unwrap_or(code);
    let name = declared.strip_prefix("mod ")?;
    Some(name.trim_end_matches(['{', ';', ' ']).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complains(file: &str, text: &str, line: usize, about: &str) {
        let complaints = check(file, text);
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert_eq!(complaints[0].line, line, "{complaints:?}");
        assert!(complaints[0].what.contains(about), "{complaints:?}");
    }

    fn lines(header: &str, count: usize) -> String {
        format!("{header}\n{}", "// more\n".repeat(count - 1))
    }

    #[test]
    fn a_good_file_passes() {
        let comment = format!("//! Does one thing.\n\n// Fine in a comment: {})\nfn f() {{}}\n", LEFTOVERS[0]);
        assert_eq!(check("crates/a/src/lib.rs", &comment), []);
        assert_eq!(check("a.rs", &lines("//! One.", 400)), []);
        assert_eq!(check("a.rs", &lines("//! One; long because a table is in it.", 600)), []);
    }

    #[test]
    fn bad_files_are_named_with_their_line() {
        complains("a.rs", "fn f() {}\n", 1, "does not open");
        complains("a.rs", "// Not a doc.\n", 1, "does not open");
        complains("a.rs", &lines("//! One.", 401), 401, "has 401 lines");
        complains("a.rs", &lines("//! long because I like it.", 601), 601, "600 is the most");
        complains("crates/a/src/mod.rs", "//! One.\n", 1, "mod.rs");
        complains("crates/a/src/utils.rs", "//! One.\n", 1, "says nothing");
        complains("crates/a/src/common/x.rs", "//! One.\n", 1, "says nothing");
        complains("a.rs", "//! One.\npub(crate) mod helpers {\n}\n", 2, "says nothing");
        for leftover in LEFTOVERS {
            complains("a.rs", &format!("//! One.\nfn f() {{ {leftover}) }}\n"), 2, "note to oneself");
        }
    }
}
