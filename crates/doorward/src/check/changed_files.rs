//! The files that changed since a commit, by git.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_check::ChangedFiles;

use crate::exit::{Exit, Failure};

/// The files of the repository around the working folder that differ from a commit or that git does not know yet.
pub(super) fn since(reference: &str) -> Result<ChangedFiles, Failure> {
    let fail = |problem: String| Failure::new(Exit::Usage, format!("--changed-since {reference}: {problem}"));
    // A reference that begins with a hyphen would be an option of git.
    if reference.starts_with('-') {
        return Err(fail("not the name of a commit".to_owned()));
    }
    let git = |folder: &Path, arguments: &[&str]| -> Result<String, Failure> {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
        let output = output.map_err(|error| fail(format!("git cannot be run: {error}")))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            return Err(fail(format!("git: {}", message.lines().next().unwrap_or("failed").trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let root = git(Path::new("."), &["rev-parse", "--show-toplevel"])?;
    let root = PathBuf::from(root.trim_end_matches(['\r', '\n']));
    let root = root.canonicalize().map_err(|error| fail(format!("{}: {error}", root.display())))?;
    let paths = |arguments: &[&str]| -> Result<BTreeSet<String>, Failure> {
        let listed = git(&root, arguments)?;
        Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    };
    let tracked = paths(&["ls-files", "-z"])?;
    let is_commit =
        |name: &str| git(&root, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).is_ok();
    let mut changed = match is_commit(reference) {
        true => paths(&["diff", "--name-only", "--no-renames", "--no-relative", "-z", reference, "--"])?,
        // Before the first commit every file is new.
        false if reference == "HEAD" && !is_commit("HEAD") => tracked.clone(),
        false => {
            let problem = "git has no such commit, branch or tag here; fetch it first (`git fetch`, or a checkout with the whole \
                           history)";
            return Err(fail(problem.to_owned()));
        }
    };
    changed.extend(paths(&["ls-files", "--others", "--exclude-standard", "-z"])?);
    Ok(ChangedFiles { root, changed, tracked })
}
