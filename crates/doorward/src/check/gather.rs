//! The files of a check: those that are named, and those that lie in named folders.
//!
//! Whatever has a checked ending is read, or named with the reason why not: a gate that leaves out a file without a word passes what
//! it did not see. Left out on purpose are hidden files and folders (`.git`, `.terraform`) and `node_modules`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use doorward_iac::{Problem, Source, Unread};

use crate::exit::{Exit, Failure};

mod bytes;
mod search;

/// What a file may be called to be found in a folder.
const ENDINGS: [&str; 8] = [".json", ".yaml", ".yml", ".template", ".tf", ".tofu", ".tf.json", ".tofu.json"];
/// What Terraform reads in a folder, and where it says which modules it installed.
const CONFIGURATION: [&str; 6] = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];

/// The files, and what could not be read of them.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) sources: Vec<Source>,
    /// Files that the user named, or that Terraform would read with others, and that could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Files and folders that were only found, and that were not read.
    pub(crate) unread: Vec<Unread>,
}

/// Reads what is named. A path that does not exist ends the run: a check of nothing would pass.
pub(crate) fn all(paths: &[PathBuf]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    let mut search = search::Search::default();
    for path in paths {
        if path.as_os_str() == "-" {
            match bytes::of_stdin() {
                Ok(bytes) => gathered.take("stdin".to_owned(), bytes, true),
                Err(said) => return Err(Failure::new(Exit::Usage, format!("standard input {said}"))),
            }
            continue;
        }
        let metadata = path
            .metadata()
            .map_err(|e| Failure::new(Exit::Usage, format!("{}: cannot be read: {e}", path.display())))?;
        if metadata.is_dir() { search.add_folder(path) } else { search.add_file(path) }
    }
    for (label, found) in search.run(&mut gathered) {
        match bytes::of_file(&found.path) {
            Ok(bytes) => gathered.take(label, bytes, found.named),
            Err(said) => gathered.refuse(Problem::at_start(label, said), found.named),
        }
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, label: String, bytes: Vec<u8>, named: bool) {
        match Source::new(label, bytes, named) {
            Ok(source) if source.may_declare() => self.sources.push(source),
            Ok(_) => {}
            Err(problem) => self.refuse(problem, named),
        }
    }

    /// Keeps in mind what was not read. Configuration belongs together, so that a file of it is missed by the others.
    fn refuse(&mut self, problem: Problem, named: bool) {
        if named || ends(Path::new(&problem.file), &CONFIGURATION) {
            self.problems.push(problem);
        } else {
            self.unread.push(Unread::of_file(problem));
        }
    }
}

/// The configuration in a folder, for the reader of one file of it. As Terraform does, hidden files are left out.
pub(crate) fn folder(folder: &str) -> Result<Vec<Source>, Problem> {
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let unreadable = |at: &Path, e: &std::io::Error| Problem::at_start(shown(at), format!("cannot be read: {e}"));
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        // A folder that is not there holds nothing; a call of it is listed as not read.
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(unreadable(path, &e)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(path, &e))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let wanted = (!hidden && ends(&path, &CONFIGURATION)) || path.ends_with("modules/modules.json");
        if wanted && !path.is_dir() {
            names.insert(path);
        }
    }
    let mut sources = Vec::new();
    for path in names {
        let label = shown(&path);
        let bytes = bytes::of_file(&path).map_err(|said| Problem::at_start(&label, said))?;
        sources.push(Source::new(label, bytes, false)?);
    }
    Ok(sources)
}

fn ends(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// A path as it is printed: with `/`, and without a `./` in front.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}
