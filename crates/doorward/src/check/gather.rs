//! The files of a check: those that are named, and those that lie in named folders.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use doorward_iac::{Problem, Source};

use crate::exit::{Exit, Failure};

/// What a file may be called to be found in a folder.
const ENDINGS: [&str; 8] = [".json", ".yaml", ".yml", ".template", ".tf", ".tofu", ".tf.json", ".tofu.json"];
/// What Terraform reads in a folder, and where it says which modules it installed.
const CONFIGURATION: [&str; 6] = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];
/// Folders of other people's files.
const FOREIGN: [&str; 1] = ["node_modules"];

/// The files, and what could not be read of them.
pub(crate) struct Gathered {
    pub(crate) sources: Vec<Source>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads what is named. A path that does not exist ends the run: a check of nothing would pass.
pub(crate) fn all(paths: &[PathBuf]) -> Result<Gathered, Failure> {
    let mut found: BTreeMap<String, (PathBuf, bool)> = BTreeMap::new();
    let mut gathered = Gathered { sources: Vec::new(), problems: Vec::new() };
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|e| Failure::new(Exit::Usage, format!("standard input cannot be read: {e}")))?;
            gathered.take("stdin".to_owned(), bytes, true);
            continue;
        }
        let metadata = path
            .metadata()
            .map_err(|e| Failure::new(Exit::Usage, format!("{}: cannot be read: {e}", path.display())))?;
        if !metadata.is_dir() {
            found.insert(shown(path), (path.clone(), true));
            continue;
        }
        let visible = |entry: &walkdir::DirEntry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0 || !(name.starts_with('.') || FOREIGN.contains(&&*name))
        };
        for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(visible) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && ends(entry.path(), &ENDINGS) => {
                    found.entry(shown(entry.path())).or_insert_with(|| (entry.path().to_owned(), false));
                }
                Ok(_) => {}
                Err(error) => {
                    let at = error.path().map_or_else(|| shown(path), shown);
                    let said = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    gathered.problems.push(Problem::at_start(at, format!("cannot be read: {said}")));
                }
            }
        }
    }
    for (label, (path, named)) in found {
        match std::fs::read(&path) {
            Ok(bytes) => gathered.take(label, bytes, named),
            Err(e) => gathered.problems.push(Problem::at_start(label, format!("cannot be read: {e}"))),
        }
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, label: String, bytes: Vec<u8>, named: bool) {
        match Source::new(label, bytes, named) {
            Ok(source) if source.may_declare() => self.sources.push(source),
            Ok(_) => {}
            Err(problem) if named => self.problems.push(problem),
            // A file in another encoding that was only found says nothing that we know.
            Err(problem) if ends(Path::new(&problem.file), &CONFIGURATION) => self.problems.push(problem),
            Err(_) => {}
        }
    }
}

/// The configuration in a folder, for whoever reads one file of it.
pub(crate) fn folder(folder: &str) -> Result<Vec<Source>, Problem> {
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(Vec::new()) };
    let mut names = BTreeSet::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_file() && (ends(&path, &CONFIGURATION) || path.ends_with("modules/modules.json")) {
            names.insert(path);
        }
    }
    let mut sources = Vec::new();
    for path in names {
        let label = shown(&path);
        let bytes = std::fs::read(&path).map_err(|e| Problem::at_start(&label, format!("cannot be read: {e}")))?;
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
