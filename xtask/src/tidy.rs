//! `cargo xtask tidy`: the rules of this project that no compiler checks.
//!
//! Each check is a pure function from text to violations, so that its tests can show that it finds one. A violation is one
//! line: where, what is wrong, and what to do.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace;

mod cycles;
mod deny_config;
mod features;
mod floors;
mod layout;
mod licence;
mod names;
mod packages;
mod source;
mod tables;
mod tokens;
mod words;

/// How many violations of a check pass today.
const BASELINE: &str = "xtask/tidy/baseline.toml";

/// A place that does not follow a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    file: String,
    line: usize,
    message: String,
}

impl Violation {
    fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// The text files of the workspace, by path from the top, in order.
struct Tree {
    names_at_top: Vec<String>,
    files: Vec<(String, String)>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut names_at_top = Vec::new();
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(root).context("the workspace's folder cannot be read")? {
            let entry = entry?;
            names_at_top.push(entry.file_name().to_string_lossy().into_owned());
            if entry.file_type()?.is_file() {
                paths.push(entry.path());
            }
        }
        for folder in ["crates", "xtask", "examples", "config", "reports", ".github", ".cargo"] {
            paths.extend(workspace::files(&root.join(folder))?);
        }
        let mut files = Vec::new();
        for path in paths {
            let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            // Pictures and saved databases are not text, and no check reads them.
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((slashes(path.strip_prefix(root)?), text));
            }
        }
        files.sort();
        Ok(Self { names_at_top, files })
    }

    /// The text of a file that must exist.
    fn text(&self, path: &str) -> Result<&str> {
        let file = self.files.iter().find(|(file, _)| file == path);
        file.map(|(_, text)| text.as_str()).with_context(|| format!("{path} cannot be read"))
    }

    /// The Rust files whose path passes.
    fn rust(&self, passes: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(|(path, _)| path.ends_with(".rs") && passes(path)).collect()
    }
}

/// A check: its name, and the function that finds its violations.
type Check = (&'static str, fn(&Tree) -> Result<Vec<Violation>>);

const CHECKS: &[Check] = &[
    ("layout", |tree| Ok(layout::check(&tree.names_at_top, tree.text(".gitignore").unwrap_or_default()))),
    ("floors", check_floors),
    ("style", |tree| Ok(tree.rust(|_| true).iter().flat_map(|(path, text)| source::check(path, text)).collect())),
    ("cycles", |tree| Ok(cycles::check(&tree.rust(|path| path.starts_with("crates/doorward/src/"))))),
    ("names", |tree| {
        Ok(names::check(&names::read(tree.text(names::LIST)?)?, &tree.rust(|path| path.contains("/src/"))))
    }),
    ("words", check_words),
    ("packages", |tree| {
        let config = deny_config::read(tree.text(deny_config::FILE)?)?;
        Ok(packages::check(&packages::built()?, &config, tree.text("Cargo.lock")?))
    }),
    ("features", |_| features::run()),
];

/// Runs every check and prints the violations; with `--list CHECK`, those of one check, whether they pass today or not.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let listed = match arguments {
        [] => None,
        [flag, name] if flag == "--list" => Some(name.as_str()),
        _ => bail!("takes no arguments, or --list CHECK"),
    };
    let tree = Tree::read(&workspace::root()?)?;
    if let Some(name) = listed {
        return list(&tree, name);
    }
    let passing_today =
        tree.text(BASELINE)?.parse::<toml::Table>().with_context(|| format!("{BASELINE} is not TOML"))?;
    let mut refused = 0;
    for (name, check) in CHECKS {
        let mut violations = check(&tree)?;
        violations.sort();
        let most = most_today(&passing_today, name)?;
        let (count, lines) = judge(name, &violations, most);
        for line in lines {
            println!("{line}");
        }
        refused += count;
    }
    if refused == 0 {
        println!("tidy: no violations");
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {refused} violations");
    Ok(ExitCode::FAILURE)
}

fn list(tree: &Tree, name: &str) -> Result<ExitCode> {
    let Some((_, check)) = CHECKS.iter().find(|(check, _)| *check == name) else {
        let names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        bail!("there is no check {name:?}; the checks are {}", names.join(", "));
    };
    let mut violations = check(tree)?;
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    println!("{name}: {} violations", violations.len());
    Ok(ExitCode::SUCCESS)
}

/// The number of violations of a check that pass today.
fn most_today(baseline: &toml::Table, name: &str) -> Result<usize> {
    let Some(value) = baseline.get(name) else { return Ok(0) };
    let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
    number.with_context(|| format!("{BASELINE}: {name} is not a number"))
}

/// How many violations of a check are refused, and the lines to print.
fn judge(name: &str, violations: &[Violation], most: usize) -> (usize, Vec<String>) {
    let count = violations.len();
    if count == 0 && most == 0 {
        return (0, Vec::new());
    }
    if count <= most {
        let lower = if count < most { format!("; lower the number in {BASELINE} to {count}") } else { String::new() };
        return (
            0,
            vec![format!(
                "{name}: {count} violations, at most {most} today{lower}; list them with `cargo xtask tidy --list {name}`"
            )],
        );
    }
    let mut lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    if most > 0 {
        lines.push(format!("{name}: {count} violations, at most {most} today ({BASELINE})"));
    }
    (count, lines)
}

fn check_floors(tree: &Tree) -> Result<Vec<Violation>> {
    let root = workspace::root()?;
    let mut members = Vec::new();
    for package in workspace::metadata()?["packages"].as_array().context("cargo metadata lists no packages")? {
        let manifest = package["manifest_path"].as_str().context("a package has no manifest")?;
        let manifest = slashes(Path::new(manifest).strip_prefix(&root).context("a package lies outside")?);
        members.push(floors::Member::read(package, &manifest, tree.text(&manifest)?.to_owned())?);
    }
    Ok(floors::check(&floors::read(tree.text(floors::LIST)?)?, &members))
}

fn check_words(tree: &Tree) -> Result<Vec<Violation>> {
    let words = words::read(tree.text(words::LIST)?)?;
    let files = tree.files.iter().filter(|(path, _)| words::reads(path));
    Ok(files.flat_map(|(path, text)| words::check(&words, path, text)).collect())
}

/// A path as it is written in this project, on every system.
fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_pass_up_to_the_baseline_and_no_further() {
        let violations = [Violation::new("a.rs", 1, "is wrong"), Violation::new("b.rs", 2, "is wrong")];
        assert_eq!(judge("words", &[], 0), (0, Vec::new()));
        assert_eq!(judge("words", &violations, 2).0, 0);
        let (refused, lines) = judge("words", &violations, 3);
        assert!(refused == 0 && lines[0].contains("lower the number in xtask/tidy/baseline.toml to 2"), "{lines:?}");
        let (refused, lines) = judge("words", &violations, 1);
        assert_eq!(refused, 2);
        assert_eq!(lines[..2], ["a.rs:1: is wrong", "b.rs:2: is wrong"]);
        assert_eq!(judge("words", &violations, 0).0, 2);
    }

    #[test]
    fn a_baseline_is_a_number() {
        let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
        assert_eq!(most_today(&table("words = 3"), "words").ok(), Some(3));
        assert_eq!(most_today(&table("words = 3"), "names").ok(), Some(0));
        assert!(most_today(&table("words = -1"), "words").is_err());
    }
}
