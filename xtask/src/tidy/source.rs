//! Source files: their first sentence, their length, their names, and macros that must not be left in them.

use super::Violation;

/// A longer file gives the reason in its header.
const LONG: usize = 400;
/// A longer file is refused.
const TOO_LONG: usize = 600;
/// How a header gives the reason.
const EXCUSE: &str = "long because";

/// Names that do not describe the contents.
const EMPTY_NAMES: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "prelude"];

/// Macros for unfinished work. Spelled in halves, so that this file does not contain them.
const LEFTOVERS: [&str; 3] = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];

/// Checks one file, given its path from the top and its text.
pub(super) fn check(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report = |line: usize, message: String| violations.push(Violation::new(file, line, message));

    let mut parts = file.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    if let Some(name) = parts.find(|part| EMPTY_NAMES.contains(part)) {
        report(1, format!("{name:?} does not describe its contents; name it after its job"));
    }
    if file.ends_with("/mod.rs") {
        report(1, "a module's file is named after the module; rename folder/mod.rs to folder.rs".to_owned());
    }

    if !text.starts_with("//! ") {
        report(1, "does not start with a `//!` sentence; describe the file's job".to_owned());
    }
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let length = text.lines().count();
    if length > TOO_LONG {
        report(TOO_LONG + 1, format!("has {length} lines, at most {TOO_LONG} are accepted; split it by job"));
    } else if length > LONG && !header.iter().any(|line| line.contains(EXCUSE)) {
        report(LONG + 1, format!("has {length} lines; split it, or give the reason in its header: `{EXCUSE} ...`"));
    }

    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if let Some(leftover) = LEFTOVERS.iter().find(|leftover| code.contains(*leftover)) {
            report(number, format!("{}) marks unfinished work; finish it", leftover));
        }
        if let Some(name) = module(code).filter(|name| EMPTY_NAMES.contains(name)) {
            report(number, format!("a module called {name:?} does not describe its contents; name it after its job"));
        }
    }
    violations
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
    fn finds(file: &str, text: &str, line: usize, about: &str) {
        let violations = check(file, text);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].line, line, "{violations:?}");
        assert!(violations[0].message.contains(about), "{violations:?}");
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
    fn bad_files_are_found_with_their_line() {
        finds("a.rs", "fn f() {}\n", 1, "does not start");
        finds("a.rs", "// Not a doc.\n", 1, "does not start");
        finds("a.rs", &lines("//! One.", 401), 401, "has 401 lines");
        finds("a.rs", &lines("//! long because it is.", 601), 601, "at most 600");
        finds("crates/a/src/mod.rs", "//! One.\n", 1, "mod.rs");
        finds("crates/a/src/utils.rs", "//! One.\n", 1, "does not describe");
        finds("crates/a/src/common/x.rs", "//! One.\n", 1, "does not describe");
        finds("a.rs", "//! One.\npub(crate) mod helpers {\n}\n", 2, "does not describe");
        for leftover in LEFTOVERS {
            finds("a.rs", &format!("//! One.\nfn f() {{ {leftover}) }}\n"), 2, "unfinished work");
        }
    }
}
