//! Names that occur more than once: a type or a module's file has a name of its own in the whole workspace, unless
//! `xtask/tidy/names.toml` gives the reason why several may share it.
//!
//! Types count that other modules can see; a type that is private to its file cannot be confused with another one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::Violation;
use super::tables::{entries, text, texts};
use super::tokens;

/// Where the shared names are listed.
pub(super) const LIST: &str = "xtask/tidy/names.toml";

/// Names that may occur more than once.
pub(super) struct SharedNames {
    /// Folders whose names are not compared.
    folders: Vec<String>,
    types: BTreeSet<String>,
    files: BTreeSet<String>,
}

/// Reads the list.
pub(super) fn read(list: &str) -> Result<SharedNames> {
    let table: toml::Table = list.parse().with_context(|| format!("{LIST} is not TOML"))?;
    let names = |key: &str| -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in entries(&table, LIST, key)? {
            text(&entry, LIST, "reason")?;
            names.extend(texts(&entry, LIST, "names")?);
        }
        Ok(names)
    };
    let folders = entries(&table, LIST, "folders")?.into_iter().map(|entry| {
        text(&entry, LIST, "reason")?;
        text(&entry, LIST, "path")
    });
    Ok(SharedNames { folders: folders.collect::<Result<_>>()?, types: names("types")?, files: names("files")? })
}

/// Finds names that occur more than once among sources, given by path, and names of the list that do not.
pub(super) fn check(shared: &SharedNames, sources: &[(&str, &str)]) -> Vec<Violation> {
    let (mut types, mut files) = (BTreeMap::new(), BTreeMap::new());
    let compared = |path: &str| !shared.folders.iter().any(|folder| path.starts_with(&format!("{folder}/")));
    for (path, source) in sources.iter().filter(|(path, _)| compared(path)) {
        if let Some(name) = module_file(path) {
            files.entry(name.to_owned()).or_insert_with(Vec::new).push((*path, 1));
        }
        for (name, line) in visible_types(source) {
            types.entry(name.to_owned()).or_insert_with(Vec::new).push((*path, line));
        }
    }
    let mut violations = repeated("type", &types, &shared.types);
    violations.extend(repeated("file", &files, &shared.files));
    violations
}

fn repeated(kind: &str, found: &BTreeMap<String, Vec<(&str, usize)>>, shared: &BTreeSet<String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (name, places) in found.iter().filter(|(name, places)| places.len() > 1 && !shared.contains(*name)) {
        let others: Vec<String> = places[1..].iter().map(|(path, line)| format!("{path}:{line}")).collect();
        let message = format!(
            "{kind} {name} exists {} times, also in {}; name each after its job, or give {LIST} the reason",
            places.len(),
            others.join(", ")
        );
        violations.push(Violation::new(places[0].0, places[0].1, message));
    }
    for name in shared.iter().filter(|name| found.get(*name).is_none_or(|places| places.len() < 2)) {
        violations.push(Violation::new(
            LIST,
            1,
            format!("{kind} {name} is listed, but no two share it; remove the entry"),
        ));
    }
    violations
}

/// The module that a file holds; none for the roots of crates.
fn module_file(path: &str) -> Option<&str> {
    let (_, inner) = path.split_once("/src/")?;
    let name = inner.rsplit('/').next()?.strip_suffix(".rs")?;
    (name != "lib" && name != "main").then_some(name)
}

/// The types that a file defines for others, with their lines.
fn visible_types(source: &str) -> Vec<(&str, usize)> {
    let tokens = tokens::read(source);
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "struct" | "enum" | "trait" | "union" | "type" if depth == 0 => {
                let before = at.checked_sub(1).map(|at| tokens[at].text);
                let visible = matches!(before, Some("pub" | ")"));
                if let Some(name) = tokens.get(at + 1).filter(|name| visible && name.is_word()) {
                    found.push((name.text, name.line));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[folders]]\npath = \"crates/c/src\"\nreason = \"an emulator\"\n[[types]]\nnames = [\"Settings\"]\nreason = \"one per stage\"\n[[files]]\nnames = [\"settings\"]\nreason = \"one per stage\"\n";

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        check(&read(TEXT).expect("reads"), sources).iter().map(ToString::to_string).collect()
    }

    const ONE: (&str, &str) = ("crates/a/src/settings.rs", "pub struct Settings;");
    const OTHER: (&str, &str) = ("crates/b/src/settings.rs", "\npub(crate) struct Settings { a: u8 }");

    #[test]
    fn names_of_the_list_and_names_that_differ_pass() {
        let rest = ("crates/b/src/lib.rs", "struct Row; pub enum Kind {} impl T for Row { type Settings = u8; }");
        let own =
            ("crates/a/src/lib.rs", "struct Row; fn f() { struct Kind; }\n#[cfg(test)] mod tests { pub struct Kind; }");
        let elsewhere = ("crates/c/src/rest/kind.rs", "pub enum Kind {}");
        assert_eq!(found(&[ONE, OTHER, rest, own, elsewhere, ("crates/a/src/kind.rs", "")]), [""; 0]);
    }

    #[test]
    fn a_type_that_exists_twice_is_found() {
        let again = ("crates/a/src/x.rs", "\npub(super) enum Answer {}");
        let found = found(&[ONE, OTHER, again, ("crates/b/src/y.rs", "pub type Answer = u8;")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crates/a/src/x.rs:2: type Answer exists 2 times, also in crates/b/src/y.rs:1"),
            "{found:?}"
        );
    }

    #[test]
    fn a_file_that_exists_twice_is_found() {
        let found = found(&[ONE, OTHER, ("crates/a/src/x.rs", ""), ("crates/b/src/y/x.rs", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crates/a/src/x.rs:1: file x exists 2 times, also in crates/b/src/y/x.rs:1"),
            "{found:?}"
        );
    }

    #[test]
    fn an_entry_without_use_or_reason_is_refused() {
        let found = found(&[ONE]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("type Settings is listed, but no two share it"), "{found:?}");
        assert!(read(&TEXT.replacen("reason", "why", 1)).is_err());
    }
}
