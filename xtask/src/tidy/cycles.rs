//! Modules that import each other: among the modules of one parent, arrows point in one direction only.
//!
//! Arrows are read from `use` declarations (nested braces and renames included) and from paths that start with `crate`,
//! `super` or `self`. A name that a parent re-exports counts as an import of the module that defines it. A file and its
//! folder are one module; a child that uses its parent, or a parent its child, makes no cycle. The crate's root is a
//! module like any other where it defines what others import.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Violation;
use super::tokens::{self, Token};

/// The segments of a path, of a module or of an item.
type Path = Vec<String>;
/// Which module of a parent imports which other, each with the first place that does.
type Arrows = BTreeMap<String, BTreeMap<String, (String, usize)>>;

/// A source file as a module.
struct Module {
    file: String,
    /// The paths it names, made absolute as far as they are written, with their lines.
    paths: Vec<(Path, usize)>,
    /// The names that its `use` declarations bring into scope.
    names: BTreeMap<String, Path>,
}

/// Finds groups of modules that import each other among the sources of one crate, given by path.
pub(super) fn check(sources: &[(&str, &str)]) -> Vec<Violation> {
    let modules = modules(sources);
    let mut violations = Vec::new();
    for arrows in arrows(&modules).values() {
        let mut reported = BTreeSet::new();
        for from in arrows.keys().filter(|from| !from.is_empty()) {
            if reported.contains(from) {
                continue;
            }
            let Some(cycle) = shortest_cycle(from, arrows) else { continue };
            let group = group(from, arrows);
            violations.push(violation(&cycle, &group, arrows));
            reported.extend(group);
        }
    }
    violations
}

fn violation(cycle: &[String], group: &BTreeSet<String>, arrows: &Arrows) -> Violation {
    let next = |at: usize| &cycle[(at + 1) % cycle.len()];
    let place = |at: usize| &arrows[&cycle[at]][next(at)];
    let steps: Vec<String> = (0..cycle.len())
        .map(|at| {
            let (file, line) = place(at);
            format!("{} -> {} ({file}:{line})", cycle[at], next(at))
        })
        .collect();
    let (file, line) = place(0);
    let mut message = format!("modules import each other in a cycle: {}", steps.join(", "));
    if group.len() > cycle.len() {
        let members: Vec<&str> = group.iter().map(String::as_str).collect();
        message.push_str(&format!(
            "; {} modules are tied together by such cycles: {}",
            group.len(),
            members.join(", ")
        ));
    }
    message.push_str("; move what both need into a module below them");
    Violation::new(file, *line, message)
}

/// Every file of a crate by its module's path; the crate's root has the empty path.
fn modules(sources: &[(&str, &str)]) -> BTreeMap<Path, Module> {
    let paths: Vec<(Path, &str, &str)> =
        sources.iter().filter_map(|(file, text)| Some((module_path(file)?, *file, *text))).collect();
    let known: BTreeSet<&Path> = paths.iter().map(|(path, ..)| path).collect();
    paths.iter().map(|(path, file, text)| (path.clone(), read(path, file, text, &known))).collect()
}

fn module_path(file: &str) -> Option<Path> {
    let (_, inner) = file.split_once("/src/")?;
    let path: Path = inner.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    let root = path.len() == 1 && (path[0] == "main" || path[0] == "lib");
    Some(if root { Path::new() } else { path })
}

fn read(module: &[String], file: &str, text: &str, known: &BTreeSet<&Path>) -> Module {
    let tokens = tokens::read(text);
    let mut read = Module { file: file.to_owned(), paths: Vec::new(), names: BTreeMap::new() };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if token.text == "use" {
            let mut leaves = Vec::new();
            at = use_tree(&tokens, at + 1, &[], &mut leaves);
            for (path, name) in leaves {
                if let Some(path) = absolute(module, &path, known) {
                    read.paths.push((path.clone(), token.line));
                    read.names.insert(name, path);
                }
            }
        } else if matches!(token.text, "crate" | "super" | "self") && joined(&tokens, at + 1) {
            let mut path = vec![token.text.to_owned()];
            at += 1;
            while joined(&tokens, at) && tokens.get(at + 2).is_some_and(Token::is_word) {
                path.push(tokens[at + 2].text.to_owned());
                at += 3;
            }
            if let Some(path) = absolute(module, &path, known) {
                read.paths.push((path, token.line));
            }
        } else {
            at += 1;
        }
    }
    read
}

/// Whether `::` stands here.
fn joined(tokens: &[Token<'_>], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.text == ":") && tokens.get(at + 1).is_some_and(|token| token.text == ":")
}

/// Reads one tree of a `use` declaration, and returns where it ends. Leaves are paths with the names they get.
fn use_tree(tokens: &[Token<'_>], mut at: usize, prefix: &[String], leaves: &mut Vec<(Path, String)>) -> usize {
    let mut path = prefix.to_vec();
    let mut name = None;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = use_tree(tokens, at, &path, leaves);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "," | "}" | ";" => break,
            "as" => {
                name = tokens.get(at + 1).map(|token| token.text.to_owned());
                at += 1;
            }
            // `use crate::a::{self}` is `use crate::a`.
            "self" if !path.is_empty() => {}
            ":" | "*" => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    leaves.push((path, name));
    at
}

/// A path from the crate's root; none when it leads out of the crate.
fn absolute(module: &[String], path: &[String], known: &BTreeSet<&Path>) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    let mut base = match first.as_str() {
        "crate" => Path::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        child => {
            let below: Path = module.iter().chain([&child.to_owned()]).cloned().collect();
            known.contains(&below).then_some(below)?
        }
    };
    for segment in rest {
        if segment == "super" {
            base.pop()?;
        } else {
            base.push(segment.clone());
        }
    }
    Some(base)
}

/// The modules that a path leads through to what it names: the one it is written with, and those that re-export it.
fn modules_of(path: &[String], modules: &BTreeMap<Path, Module>) -> Vec<Path> {
    let mut found = Vec::new();
    let mut path = path.to_vec();
    // Two re-exports that name each other do not compile; the bound is for sources that do not either.
    for _ in 0..8 {
        let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length])).unwrap_or(0);
        let module = path[..length].to_vec();
        let Some(defined) = modules.get(&module) else { break };
        let next = path.get(length).and_then(|name| defined.names.get(name));
        // The crate's root counts where it defines the item, and not where it passes it on.
        if next.is_none() || !module.is_empty() {
            found.push(module);
        }
        let Some(next) = next else { break };
        path = next.iter().chain(&path[length + 1..]).cloned().collect();
    }
    found
}

/// The arrows among the modules of each parent.
fn arrows(modules: &BTreeMap<Path, Module>) -> BTreeMap<Path, Arrows> {
    const ROOT: &str = "the crate's root";
    let mut all: BTreeMap<Path, Arrows> = BTreeMap::new();
    for (from, module) in modules {
        for (path, line) in &module.paths {
            for to in modules_of(path, modules) {
                let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
                let (source, target) = match (from.get(shared), to.get(shared)) {
                    (Some(source), Some(target)) => (source.as_str(), target.as_str()),
                    (Some(source), None) if to.is_empty() => (source.as_str(), ROOT),
                    (None, Some(target)) if from.is_empty() => (ROOT, target.as_str()),
                    _ => continue,
                };
                let place = (module.file.clone(), *line);
                let parent = all.entry(from[..shared].to_vec()).or_default();
                parent.entry(source.to_owned()).or_default().entry(target.to_owned()).or_insert(place);
            }
        }
    }
    all
}

/// The shortest way from a module back to itself.
fn shortest_cycle(from: &str, arrows: &Arrows) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let Some(next) = way.last().and_then(|last| arrows.get(last)) else { continue };
        for to in next.keys() {
            if to == from {
                return Some(way);
            }
            if seen.insert(to.clone()) {
                ways.push_back(way.iter().chain([to]).cloned().collect());
            }
        }
    }
    None
}

/// All modules that a module imports, directly or not, and that import it.
fn group(of: &str, arrows: &Arrows) -> BTreeSet<String> {
    let reachable = |from: &str| {
        let (mut seen, mut pending) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = pending.pop() {
            for next in arrows.get(&module).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(next.clone()) {
                    pending.push(next.clone());
                }
            }
        }
        seen
    };
    reachable(of).into_iter().filter(|module| reachable(module).contains(of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> =
            files.iter().map(|(file, text)| (format!("crates/x/src/{file}"), *text)).collect();
        let sources: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
        check(&sources).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn finds(files: &[(&str, &str)], place: &str, way: &str) {
        let found = violations(files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("crates/x/src/{place}: ")), "{found:?}");
        assert!(found[0].contains(way), "{found:?}");
    }

    #[test]
    fn one_direction_passes() {
        let files = [
            ("main.rs", "use a::T;"),
            ("a.rs", "use crate::b::T;\nuse crate::c;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", ""),
        ];
        assert_eq!(violations(&files), [""; 0]);
    }

    #[test]
    fn parents_and_children_and_tests_pass() {
        let files = [
            ("a.rs", "mod b; use b::f; fn g() { crate::a::b::f() }"),
            ("a/b.rs", "use super::T; use crate::a::U;\n#[cfg(test)]\nmod tests { use crate::c; }"),
            ("c.rs", "// crate::d\nuse crate::a; const T: &str = \"crate::a::b\";"),
        ];
        assert_eq!(violations(&files), [""; 0]);
    }

    #[test]
    fn a_cycle_is_reported_once_with_its_way() {
        let files = [
            ("a.rs", "\nuse crate::b;"),
            ("b.rs", ""),
            ("b/x.rs", "fn f() { crate::c::g() }"),
            ("c.rs", "use crate::{\n  d,\n  a,\n};"),
            ("d.rs", ""),
        ];
        finds(
            &files,
            "a.rs:2",
            "a -> b (crates/x/src/a.rs:2), b -> c (crates/x/src/b/x.rs:1), c -> a (crates/x/src/c.rs:1)",
        );
    }

    #[test]
    fn nested_braces_and_renames_are_read() {
        finds(
            &[
                ("a.rs", "use crate::{d::{self, e as f}, b::{g::{h}}};"),
                ("b.rs", "use super::a as other;"),
                ("d.rs", ""),
            ],
            "a.rs:1",
            "a -> b",
        );
        finds(&[("a.rs", "pub(crate) use super::{b as c};"), ("b.rs", "type T = super::a::T;")], "a.rs:1", "b -> a");
    }

    #[test]
    fn a_re_export_leads_to_the_module_that_defines_it() {
        finds(
            &[("main.rs", "mod b; use b::{T as U};"), ("a.rs", "use crate::U;"), ("b.rs", "use crate::a;")],
            "a.rs:1",
            "a -> b",
        );
        let files = [("a.rs", "pub use c::T;"), ("a/b.rs", "use super::T;"), ("a/c.rs", "use super::b;")];
        finds(&files, "a/b.rs:1", "b -> c");
    }

    #[test]
    fn the_root_is_a_module_where_it_defines_something() {
        finds(
            &[("main.rs", "mod a; fn main() { self::a::run() } fn log() {}"), ("a.rs", "fn run() { crate::log() }")],
            "a.rs:1",
            "a -> the crate's root",
        );
        assert_eq!(violations(&[("main.rs", "mod a; fn log() {}"), ("a.rs", "fn run() { crate::log() }")]), [""; 0]);
    }

    #[test]
    fn a_group_larger_than_its_cycle_is_named() {
        let files = [("a.rs", "use crate::b;"), ("b.rs", "use crate::{a, c};"), ("c.rs", "use crate::b;")];
        finds(&files, "a.rs:1", "3 modules are tied together by such cycles: a, b, c");
    }
}
