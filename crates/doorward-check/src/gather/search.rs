//! The search of folders for files with a checked ending, and the treatment of symbolic links.
//!
//! A linked file is read under the name of the link, because Terraform and a pipeline would read it there. A linked folder
//! is searched once: at its own path if that is searched, otherwise through the link. A link that leads out of the searched
//! folders is listed as not read and not followed, because it may lead anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use doorward_iac::{FileError, SourceRange, UnreadPart};

use super::ignored::{IgnoreRules, LeftOut};
use super::programs::is_program;
use super::{CONFIGURATION, ENDINGS, Gathered, SearchOptions, ends, shown};

/// Folders with third-party files.
const THIRD_PARTY: [&str; 1] = ["node_modules"];

/// The hidden folder in which Elastic Beanstalk looks for resources.
const EXTENSIONS: &str = ".ebextensions";

/// A file to read.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether the user named it.
    pub(super) named: bool,
}

/// The state of a search.
#[derive(Default)]
pub(super) struct Search {
    options: SearchOptions,
    folders: Vec<PathBuf>,
    files: BTreeMap<String, Found>,
    /// The folders searched so far, with links resolved.
    seen: BTreeSet<PathBuf>,
    /// The files found so far, with links resolved.
    real: BTreeSet<PathBuf>,
    /// The files to read, each by the resolved path of its folder and its own name: two names of one file read it once.
    own: BTreeSet<PathBuf>,
    /// Links still to follow.
    links: BTreeSet<PathBuf>,
    /// The settings of programs that write declarations.
    programs: BTreeSet<PathBuf>,
}

impl Search {
    /// A search without anything to search yet.
    pub(super) fn new(options: SearchOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds a file that the user named.
    pub(super) fn add_file(&mut self, path: &Path) {
        if self.own.insert(identity(path)) {
            self.files.insert(shown(path), Found { path: path.to_owned(), named: true });
        }
    }

    /// Adds a folder that the user named.
    pub(super) fn add_folder(&mut self, path: &Path) {
        self.folders.push(path.to_owned());
    }

    /// The files by their printed names, and the settings of programs. Folders that cannot be searched are added to `gathered`.
    pub(super) fn run(mut self, gathered: &mut Gathered) -> (BTreeMap<String, Found>, BTreeSet<PathBuf>) {
        let mut roots = Vec::new();
        for folder in std::mem::take(&mut self.folders) {
            roots.extend(folder.canonicalize());
            self.walk(&folder, true, gathered);
        }
        // Links come last: only then is it known whether their target is searched at its own path.
        while let Some(link) = self.links.pop_first() {
            self.follow(&link, &roots, gathered);
        }
        (self.files, self.programs)
    }

    /// Searches a folder without following links.
    fn walk(&mut self, folder: &Path, named: bool, gathered: &mut Gathered) {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut rules = IgnoreRules::of(&real, &self.options);
        let mut ignored = 0;
        let visible = |entry: &walkdir::DirEntry| {
            if entry.depth() == 0 {
                return true;
            }
            if !is_visible(entry.path()) {
                return false;
            }
            let own =
                entry.path().strip_prefix(folder).map_or_else(|_| entry.path().to_owned(), |below| real.join(below));
            let is_dir = entry.file_type().is_dir();
            let left_out = rules.left_out(&own, is_dir);
            if left_out == Some(LeftOut::Git) && (is_dir || is_checked(entry.path())) {
                ignored += 1;
            }
            left_out.is_none()
        };
        let entries = walkdir::WalkDir::new(folder).follow_root_links(true).sort_by_file_name();
        for entry in entries.into_iter().filter_entry(visible) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let at = error.path().unwrap_or(folder);
                    let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    let error = FileError::at_start(shown(at), format!("cannot be read: {cause}"));
                    gathered.refuse(error, named && at == folder);
                    continue;
                }
            };
            let own = entry.path().strip_prefix(folder).map_or_else(|_| real.clone(), |below| real.join(below));
            if entry.depth() == 0 || entry.file_type().is_dir() {
                self.seen.insert(own);
            } else if entry.file_type().is_symlink() {
                self.links.insert(entry.into_path());
            } else if is_checked(entry.path()) {
                if entry.file_name() == "Chart.yaml" {
                    gathered.charts.extend(entry.path().parent().map(Path::to_owned));
                }
                if is_program(entry.path()) {
                    self.programs.insert(entry.path().to_owned());
                }
                if self.own.insert(own.clone()) {
                    self.found(entry.path());
                }
                self.real.insert(own);
            }
        }
        gathered.ignored += ignored;
    }

    fn follow(&mut self, link: &Path, roots: &[PathBuf], gathered: &mut Gathered) {
        let is_checked = is_checked(link);
        let target = link.canonicalize().and_then(|target| Ok((target.metadata()?.is_dir(), target)));
        match target {
            Ok((true, target)) if self.seen.contains(&target) => {}
            Ok((true, target)) if roots.iter().any(|root| target.starts_with(root)) => {
                self.walk(link, false, gathered);
            }
            Ok((true, target)) => {
                let because = format!(
                    "The link leads to the folder {}, which is outside the searched folders; name that folder as well.",
                    target.display()
                );
                gathered.unread.push(UnreadPart {
                    address: shown(link),
                    place: SourceRange::at_start(shown(link)),
                    because,
                });
            }
            // A manifest counts once. Terraform configuration counts in each folder that it is linked into.
            Ok((false, target)) if is_checked && (ends(link, &CONFIGURATION) || !self.real.contains(&target)) => {
                if self.own.insert(identity(link)) {
                    self.found(link);
                }
            }
            Ok((false, _)) => {}
            // A broken link without a checked ending would not have been read anyway.
            Err(e) if !is_checked && e.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) if is_checked => self.found(link),
            Err(e) => {
                gathered.refuse(FileError::at_start(shown(link), format!("is a link that cannot be read: {e}")), false)
            }
        }
    }

    fn found(&mut self, path: &Path) {
        self.files.entry(shown(path)).or_insert_with(|| Found { path: path.to_owned(), named: false });
    }
}

/// The path of a file with the links of its folder resolved, but not a link that it is itself: Terraform reads configuration in each
/// folder that it is linked into.
fn identity(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Whether a search looks at a file or folder.
pub(super) fn is_visible(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_hidden = name.starts_with('.') && name != EXTENSIONS;
    !(is_hidden || THIRD_PARTY.contains(&&*name))
}

/// Whether a file has a checked name. The files of Elastic Beanstalk end in `.config`.
fn is_checked(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).is_some_and(|name| name == EXTENSIONS);
    let is_kustomization = path.file_name().is_some_and(|name| name == "Kustomization");
    // The parts of templates that the templates of a chart include.
    let is_part = ends(path, &[".tpl"]) && path.components().any(|part| part.as_os_str() == "templates");
    let is_template = ends(path, &doorward_iac::TEMPLATES);
    ends(path, &ENDINGS)
        || is_template
        || is_part
        || is_kustomization
        || is_program(path)
        || (folder && ends(path, &[".config"]))
}
