//! The search of folders for files with a checked ending, and what becomes of links.
//!
//! A linked file is read under the name of the link, because Terraform and a pipeline would read it there. A linked folder is searched
//! once: at its own place where that is searched, else through the link. A link that leads out of what is searched is not
//! followed: it may lead anywhere, so it is named as not read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use doorward_iac::{Place, Problem, Unread};

use super::{CONFIGURATION, ENDINGS, Gathered, ends, shown};

/// Folders of other people's files.
const FOREIGN: [&str; 1] = ["node_modules"];

/// A file to be read.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether the user named it.
    pub(super) named: bool,
}

/// A search.
#[derive(Default)]
pub(super) struct Search {
    folders: Vec<PathBuf>,
    files: BTreeMap<String, Found>,
    /// The folders that were searched, without links.
    seen: BTreeSet<PathBuf>,
    /// The files that were found, without links.
    real: BTreeSet<PathBuf>,
    /// Links that are still to be looked at.
    links: BTreeSet<PathBuf>,
}

impl Search {
    /// A file that the user named.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.files.insert(shown(path), Found { path: path.to_owned(), named: true });
    }

    /// A folder that the user named.
    pub(super) fn add_folder(&mut self, path: &Path) {
        self.folders.push(path.to_owned());
    }

    /// The files by their names as they are printed. What cannot be searched is kept in mind.
    pub(super) fn run(mut self, gathered: &mut Gathered) -> BTreeMap<String, Found> {
        let mut roots = Vec::new();
        for folder in std::mem::take(&mut self.folders) {
            roots.extend(folder.canonicalize());
            self.walk(&folder, true, gathered);
        }
        // Links are looked at last, so that what they lead to is known to be searched at its own place or not.
        while let Some(link) = self.links.pop_first() {
            self.follow(&link, &roots, gathered);
        }
        self.files
    }

    /// Searches a folder without following links.
    fn walk(&mut self, folder: &Path, named: bool, gathered: &mut Gathered) {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || is_visible(entry.path());
        let entries = walkdir::WalkDir::new(folder).follow_root_links(true).sort_by_file_name();
        for entry in entries.into_iter().filter_entry(visible) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let at = error.path().unwrap_or(folder);
                    let said = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    let problem = Problem::at_start(shown(at), format!("cannot be read: {said}"));
                    gathered.refuse(problem, named && at == folder);
                    continue;
                }
            };
            let own = entry.path().strip_prefix(folder).map_or_else(|_| real.clone(), |below| real.join(below));
            if entry.depth() == 0 || entry.file_type().is_dir() {
                self.seen.insert(own);
            } else if entry.file_type().is_symlink() {
                self.links.insert(entry.into_path());
            } else if ends(entry.path(), &ENDINGS) {
                self.real.insert(own);
                self.found(entry.path());
            }
        }
    }

    fn follow(&mut self, link: &Path, roots: &[PathBuf], gathered: &mut Gathered) {
        let checked = ends(link, &ENDINGS);
        let target = link.canonicalize().and_then(|target| Ok((target.metadata()?.is_dir(), target)));
        match target {
            Ok((true, target)) if self.seen.contains(&target) => {}
            Ok((true, target)) if roots.iter().any(|root| target.starts_with(root)) => {
                self.walk(link, false, gathered);
            }
            Ok((true, target)) => {
                let because = format!(
                    "The link leads to the folder {}, which is not among the folders to search; name that folder as well.",
                    target.display()
                );
                gathered.unread.push(Unread { address: shown(link), place: start(link), because });
            }
            // One and the same manifest counts once; configuration counts in each folder that it is linked into.
            Ok((false, target)) if checked && (ends(link, &CONFIGURATION) || !self.real.contains(&target)) => {
                self.found(link);
            }
            Ok((false, _)) => {}
            // What has no checked ending and leads nowhere is nothing that was to be read.
            Err(e) if !checked && e.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) if checked => self.found(link),
            Err(e) => {
                gathered.refuse(Problem::at_start(shown(link), format!("is a link that cannot be read: {e}")), false)
            }
        }
    }

    fn found(&mut self, path: &Path) {
        self.files.entry(shown(path)).or_insert_with(|| Found { path: path.to_owned(), named: false });
    }
}

fn is_visible(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !(name.starts_with('.') || FOREIGN.contains(&&*name))
}

/// The beginning of a file.
fn start(path: &Path) -> Place {
    Place { file: shown(path), line: 1, column: 1, end_line: 1, end_column: 1, span: 0..0 }
}
