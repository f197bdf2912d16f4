//! `cargo xtask workflows`: the workflows of changes and releases, checked by security and schema tools.
//!
//! zizmor finds references that are not pinned, permissions that are too wide and texts that become code; the schemas say
//! which keys there are. Neither needs GitHub.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};

use crate::process::finish;
use crate::{python, workspace};

const PINS: [&str; 2] = ["zizmor==1.32.0", "check-jsonschema==0.39.0"];

/// The files by their schema.
const SCHEMAS: [(&str, &str); 2] =
    [("vendor.github-workflows", ".github/workflows"), ("vendor.github-actions", ".github/actions")];

/// Checks all of them.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::environment("workflows", &PINS)?;
    let root = workspace::root()?;
    let mut checked = 0;
    for (schema, folder) in SCHEMAS {
        let files = workspace::files(&root.join(folder))?;
        let mut check = Command::new(python.with_file_name("check-jsonschema"));
        let done = finish(check.args(["--builtin-schema", schema]).args(&files))?;
        ensure!(done.code == Some(0), "{folder}: {}{}", done.stdout.trim(), done.stderr.trim());
        checked += files.len();
    }
    let mut audit = Command::new(python.with_file_name("zizmor"));
    let done = finish(audit.current_dir(&root).args(["--offline", "--no-progress", "--color", "never", ".github"]))?;
    ensure!(done.code == Some(0), "{}{}", done.stdout.trim(), done.stderr.trim());
    println!("{checked} workflows and actions: nothing to object to");
    Ok(ExitCode::SUCCESS)
}
