//! `--changed-since`: the declarations that a change of files may concern.
//!
//! A file that is judged on its own is left out if it did not change. Terraform configuration is evaluated together, and so are
//! Kubernetes manifests: if any file of the group changed, or one that a function reads, all declarations of the group stay, because
//! a variable, a module or a class in one file may decide the mode in another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use doorward_iac::{ALL_FILES, Dialect};

use crate::CheckReport;

const CONFIGURATION: [&str; 7] = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".hcl"];
const MANIFESTS: [&str; 4] = [".yaml", ".yml", ".json", ".template"];

/// The files of a repository that changed since a commit.
#[derive(Debug)]
pub struct ChangedFiles {
    /// The folder of the repository, with links resolved. The paths below are relative to it.
    pub root: PathBuf,
    /// The files that changed, were deleted, or that git does not know yet.
    pub changed: BTreeSet<String>,
    /// The files that git knows.
    pub tracked: BTreeSet<String>,
}

impl ChangedFiles {
    /// The path of a file of the report within the repository; `None` if it is outside.
    fn within(&self, file: &str) -> Option<String> {
        let file = Path::new(file);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = folder.canonicalize().ok()?.join(file.file_name()?);
        let below = path.strip_prefix(&self.root).ok()?.to_string_lossy().into_owned();
        Some(if cfg!(windows) { below.replace('\\', "/") } else { below })
    }

    /// Whether a judged file may differ. That a file did not change is known only if git tracks it: ignored files, files
    /// outside the repository and standard input may.
    fn may_differ(&self, file: &str) -> bool {
        !self.within(file).is_some_and(|path| self.tracked.contains(&path) && !self.changed.contains(&path))
    }

    /// Whether a file below a folder, which exists or existed, may differ.
    fn below_may_differ(&self, folder: &str) -> bool {
        let folder = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
        match folder.canonicalize().ok().and_then(|folder| Some(folder.strip_prefix(&self.root).ok()?.to_owned())) {
            Some(below) => self.changed.iter().any(|path| Path::new(path).starts_with(&below)),
            // A folder that does not exist may be one that was deleted.
            None => !self.changed.is_empty(),
        }
    }

    /// Whether a file that is read, if it exists, may differ.
    fn read_may_differ(&self, file: &str) -> bool {
        self.within(file).is_some_and(|path| self.changed.contains(&path))
            || (Path::new(file).is_file() && self.may_differ(file))
    }
}

impl CheckReport {
    /// Keeps what a change of files may concern.
    pub fn keep_changed(&mut self, files: &ChangedFiles) {
        let judged =
            |is: fn(Dialect) -> bool| self.files.iter().any(|(path, dialect)| is(*dialect) && files.may_differ(path));
        let (hcl, kubernetes) =
            (judged(|dialect| dialect == Dialect::Hcl), judged(|dialect| dialect == Dialect::Kubernetes));
        let any =
            |endings: &[&str]| files.changed.iter().any(|path| endings.iter().any(|ending| path.ends_with(ending)));
        // Functions read files of any name, and so does `--var-file`.
        let is_read = |path: &String| match path.strip_suffix(ALL_FILES) {
            Some(folder) => files.below_may_differ(folder.trim_end_matches('/')),
            None => files.read_may_differ(path),
        };
        let configuration = hcl || any(&CONFIGURATION) || self.requested.iter().any(is_read);
        let manifests = kubernetes || any(&MANIFESTS);
        let may_concern = |dialect: Option<Dialect>, file: &str| match dialect {
            Some(Dialect::Hcl) => configuration,
            Some(Dialect::Kubernetes) => configuration || manifests,
            Some(_) => files.may_differ(file),
            None => files.may_differ(file) || (configuration && CONFIGURATION.iter().any(|e| file.ends_with(e))),
        };
        self.judged.retain(|one| may_concern(Some(one.declared.dialect), &one.declared.place.file));
        let of_file = |file: &str, files: &[(String, Dialect)]| {
            files.iter().find(|(path, _)| path == file).map(|(_, dialect)| *dialect)
        };
        let parsed = std::mem::take(&mut self.files);
        self.unread.retain(|part| may_concern(of_file(&part.place.file, &parsed), &part.place.file));
        self.unexamined.retain(|part| may_concern(of_file(&part.place.file, &parsed), &part.place.file));
        self.files = parsed;
    }
}
