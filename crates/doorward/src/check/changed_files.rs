//! The files that changed since a commit, by git.

use std::collections::BTreeSet;
use std::process::Command;

use crate::exit::{Exit, Failure};

/// The paths, relative to the working folder, of files that differ from a commit or that git does not know yet.
pub(super) fn since(reference: &str) -> Result<BTreeSet<String>, Failure> {
    // A reference that begins with a hyphen would be an option of git.
    if reference.starts_with('-') {
        return Err(Failure::new(Exit::Usage, format!("--changed-since {reference}: not the name of a commit")));
    }
    let mut changed = git(reference, &["diff", "--name-only", "--relative", "-z", reference, "--"])?;
    changed.extend(git(reference, &["ls-files", "--others", "--exclude-standard", "-z"])?);
    Ok(changed)
}

fn git(reference: &str, arguments: &[&str]) -> Result<BTreeSet<String>, Failure> {
    let fail = |problem: String| Failure::new(Exit::Usage, format!("--changed-since {reference}: {problem}"));
    let output = Command::new("git").args(arguments).output();
    let output = output.map_err(|error| fail(format!("git cannot be run: {error}")))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(fail(format!("git: {}", message.lines().next().unwrap_or("failed").trim())));
    }
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
