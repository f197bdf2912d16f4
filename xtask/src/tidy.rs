//! `cargo xtask tidy`: the agreements that no compiler holds.
//!
//! Each check is a pure function from text to complaints, so that its tests can show it failing. A complaint is one
//! line: where, what, and what to do.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace;

mod agreed;
mod layout;
mod licence;
mod packages;
mod source;
mod star;

/// Something that is not as agreed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    file: String,
    line: usize,
    what: String,
}

impl Complaint {
    fn new(file: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.into(), line, what: what.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Runs every check and prints all complaints.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let complaints = check()?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    if complaints.is_empty() {
        println!("tidy: nothing to complain about");
        Ok(ExitCode::SUCCESS)
    } else {
        println!("tidy: {} to mend", complaints.len());
        Ok(ExitCode::FAILURE)
    }
}

fn check() -> Result<Vec<Complaint>> {
    let root = workspace::root()?;
    let mut complaints = Vec::new();

    let mut names = Vec::new();
    for entry in std::fs::read_dir(&root).context("the workspace's folder cannot be read")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    complaints.extend(layout::check(&names));

    let mut members = Vec::new();
    for package in workspace::metadata()?["packages"].as_array().context("cargo metadata lists no packages")? {
        let manifest = package["manifest_path"].as_str().context("a package has no manifest")?;
        let text = std::fs::read_to_string(manifest).with_context(|| format!("{manifest} cannot be read"))?;
        let manifest = std::path::Path::new(manifest).strip_prefix(&root).context("a package lies outside")?;
        members.push(star::Member::read(package, &slashes(manifest), text)?);
    }
    complaints.extend(star::check(&members));

    for folder in ["crates", "xtask", "examples"] {
        for path in workspace::files(&root.join(folder))? {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                complaints.extend(source::check(&slashes(path.strip_prefix(&root)?), &text));
            }
        }
    }

    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let agreed =
        std::fs::read_to_string(root.join(agreed::FILE)).with_context(|| format!("{} cannot be read", agreed::FILE))?;
    complaints.extend(packages::check(&packages::built()?, &agreed::read(&agreed)?, &lock));
    complaints.sort();
    Ok(complaints)
}

/// A path as it is written in this project, on every system.
fn slashes(path: &std::path::Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
