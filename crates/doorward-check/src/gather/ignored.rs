//! Files and folders that a search leaves out: those of `--exclude`, of a `.doorwardignore`, and those that git ignores.
//!
//! All use the syntax of `.gitignore`. The rules of a deeper folder have precedence, as in git. Output of the CDK (`cdk.out`,
//! `cdktf.out`) is always read: projects ignore it, and it is what they deploy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::SearchOptions;
use crate::CheckError;

/// The file with rules for Doorward alone.
const OWN: &str = ".doorwardignore";
/// Folders that git's rules do not leave out.
const DEPLOYED: [&str; 2] = ["cdk.out", "cdktf.out"];

/// Why a path is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// By `--exclude` or a `.doorwardignore`.
    Asked,
    /// By git.
    Git,
}

/// The rules for one searched folder.
pub(super) struct IgnoreRules {
    excluded: Gitignore,
    /// The outermost folder whose rules apply: that of the repository, or the searched folder.
    top: PathBuf,
    /// Whether the rules of git apply.
    git: bool,
    /// Whether any rules but those of `--exclude` apply.
    files: bool,
    /// The rules of each folder: of git, and of Doorward.
    folders: BTreeMap<PathBuf, (Gitignore, Gitignore)>,
}

/// Checks the patterns of `--exclude`.
pub(super) fn check(patterns: &[String]) -> Result<(), CheckError> {
    for pattern in patterns {
        let added = GitignoreBuilder::new("").add_line(None, pattern).map(drop);
        added.map_err(|error| CheckError::Exclude { pattern: pattern.clone(), problem: error.to_string() })?;
    }
    Ok(())
}

impl IgnoreRules {
    /// The rules for a folder, given with links resolved.
    pub(super) fn of(folder: &Path, options: &SearchOptions) -> Self {
        let mut builder = GitignoreBuilder::new(folder);
        for pattern in &options.exclude {
            // The patterns are checked before.
            let _ = builder.add_line(None, pattern);
        }
        let excluded = builder.build().unwrap_or_else(|_| Gitignore::empty());
        let repository = folder.ancestors().find(|above| above.join(".git").exists());
        let top = repository.unwrap_or(folder).to_owned();
        let mut rules = Self {
            excluded,
            top,
            git: repository.is_some() && !options.no_ignore,
            files: !options.no_ignore,
            folders: BTreeMap::new(),
        };
        // A folder that the user names is read, although git ignores it.
        let top = rules.top.clone();
        let is_ignored = folder.ancestors().take_while(|above| *above != top).any(|above| rules.by_git(above, true));
        rules.git &= !is_ignored;
        rules
    }

    /// Whether a path below the folder is left out, and why. Its parents are not.
    pub(super) fn left_out(&mut self, path: &Path, is_dir: bool) -> Option<LeftOut> {
        match self.excluded.matched(path, is_dir) {
            Match::Ignore(_) => return Some(LeftOut::Asked),
            Match::Whitelist(_) => return None,
            Match::None => {}
        }
        if self.files {
            match self.decided(path, is_dir, |(_, own)| own) {
                Some(true) => return Some(LeftOut::Asked),
                Some(false) => return None,
                None => {}
            }
        }
        (self.git && self.by_git(path, is_dir)).then_some(LeftOut::Git)
    }

    fn by_git(&mut self, path: &Path, is_dir: bool) -> bool {
        let is_deployed = path.components().any(|part| DEPLOYED.iter().any(|name| part.as_os_str() == *name));
        !is_deployed && self.decided(path, is_dir, |(git, _)| git) == Some(true)
    }

    /// Whether rules ignore a path: those of the deepest folder that match decide.
    fn decided(&mut self, path: &Path, is_dir: bool, kind: fn(&(Gitignore, Gitignore)) -> &Gitignore) -> Option<bool> {
        let top = self.top.clone();
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&top)) {
            let rules = self.folders.entry(folder.to_owned()).or_insert_with(|| {
                let mut git = GitignoreBuilder::new(folder);
                if folder == top {
                    let _ = git.add(folder.join(".git/info/exclude"));
                }
                let _ = git.add(folder.join(".gitignore"));
                let mut own = GitignoreBuilder::new(folder);
                let _ = own.add(folder.join(OWN));
                let built = |builder: GitignoreBuilder| builder.build().unwrap_or_else(|_| Gitignore::empty());
                (built(git), built(own))
            });
            match kind(rules).matched(path, is_dir) {
                Match::Ignore(_) => return Some(true),
                Match::Whitelist(_) => return Some(false),
                Match::None => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_checked() {
        assert!(check(&["examples/".to_owned(), "**/*.tpl.yaml".to_owned(), "!keep.yaml".to_owned()]).is_ok());
        assert!(check(&["{a".to_owned()]).is_err());
    }
}
