//! The files of a check: named files, and the files in named folders.
//!
//! Every file with a checked ending is read or listed with the reason why not: a gate that skips a file silently would pass
//! declarations it has not seen. Hidden files and folders (`.git`, `.terraform`) and `node_modules` are left out on purpose.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use doorward_iac::{
    ALL_FILES, FileError, PartlyRead, SourceFile, SourceRange, Unexamined, UnexaminedReason, UnreadPart,
};

use crate::CheckError;

mod bytes;
mod ignored;
mod programs;
pub(crate) mod rendered_charts;
mod search;

/// The endings that a search of a folder looks for.
const ENDINGS: [&str; 9] = [".json", ".yaml", ".yml", ".template", ".tf", ".tofu", ".tf.json", ".tofu.json", ".hcl"];
/// The endings of the files that Terraform reads in a folder.
const CONFIGURATION: [&str; 6] = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];

/// The maximum number of files whose names the function `fileset` of a configuration gets.
const MAX_NAMES: usize = 10_000;

/// The first bytes of a file that git-crypt encrypts.
const ENCRYPTED: &[u8] = b"\0GITCRYPT\0";

/// The name of standard input in outputs.
pub(crate) const STDIN: &str = "stdin";

/// The input files.
#[derive(Default)]
pub struct Gathered {
    /// The files that were read.
    pub sources: Vec<SourceFile>,
    /// Unreadable files that the user named.
    pub errors: Vec<FileError>,
    /// Files and folders that were found in a folder and not read.
    pub unread: Vec<UnreadPart>,
    /// Files that were found in a folder, cannot be read and give no sign of a load balancer.
    pub unexamined: Vec<Unexamined>,
    /// Files and folders that were left out because git ignores them.
    pub ignored: usize,
    /// The folders of Helm charts.
    pub charts: Vec<PathBuf>,
    /// Whether one of the files is standard input, under the name [`STDIN`].
    pub(crate) has_stdin: bool,
}

/// What a search of a folder leaves out, besides hidden files and `node_modules`.
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Patterns in the syntax of .gitignore, relative to the searched folder.
    pub exclude: Vec<String>,
    /// Read files that git or a `.doorwardignore` ignores as well.
    pub no_ignore: bool,
}

/// Reads the named files, folders and (for `-`) standard input.
///
/// # Errors
///
/// Unreadable standard input. A path that cannot be read is among the errors of the result, so that it does not hide the others.
pub fn gather(paths: &[PathBuf], options: &SearchOptions) -> Result<Gathered, CheckError> {
    let mut gathered = Gathered::default();
    let mut search = search::Search::new(options.clone());
    ignored::check(&options.exclude)?;
    for path in paths {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut gathered.has_stdin, true) {
                return Err(CheckError::StdinTwice);
            }
            gathered.add(STDIN.to_owned(), bytes::of_stdin().map_err(CheckError::Stdin)?, true);
        } else if path.is_dir() {
            search.add_folder(path);
        } else {
            search.add_file(path);
        }
    }
    let (files, programs) = search.run(&mut gathered);
    for (label, found) in files {
        match bytes::of_file(&found.path) {
            Ok(bytes) => gathered.add(label, bytes, found.named),
            Err(error) => gathered.refuse(FileError::at_start(label, error.to_string()), found.named),
        }
    }
    programs::list(&programs, &mut gathered);
    Ok(gathered)
}

impl Gathered {
    fn add(&mut self, label: String, bytes: Vec<u8>, named: bool) {
        let lossy = if named { None } else { lossy(&label, &bytes) };
        if let Some(text) = &lossy
            && !doorward_iac::may_declare(text)
        {
            // What is not UTF-8 in a file without a sign of a load balancer is a comment or a name in another encoding.
            let (place, address) = (SourceRange::at_start(label.clone()), label);
            let (reason, detail) = (UnexaminedReason::BrokenFile, "is not UTF-8".to_owned());
            self.unexamined.push(Unexamined { address, place, reason, detail });
            return;
        }
        if !named && bytes.starts_with(ENCRYPTED) {
            let place = SourceRange::at_start(label.clone());
            let (reason, detail) = (UnexaminedReason::EncryptedFile, doorward_iac::ENCRYPTED.to_owned());
            self.unexamined.push(Unexamined { address: label, place, reason, detail });
            return;
        }
        match SourceFile::new(label, bytes, named) {
            // The document of an earlier check declares nothing, and a baseline is written again beside what is checked.
            Ok(source) if !named && is_own_document(&source.text) => {}
            Ok(source) if doorward_iac::may_declare(&source) => self.sources.push(source),
            Ok(source) => {
                if let Some(problem) = doorward_iac::cut_off(&source) {
                    let place = SourceRange::at_start(source.path.clone());
                    let (reason, detail) = (UnexaminedReason::BrokenFile, problem.to_owned());
                    self.unexamined.push(Unexamined { address: source.path, place, reason, detail });
                }
            }
            Err(error) => self.refuse(error, named),
        }
    }

    /// Records a file that was not read. It is a problem if the user named it.
    fn refuse(&mut self, error: FileError, named: bool) {
        if named {
            self.errors.push(error);
        } else {
            self.unread.push(UnreadPart::of_file(error));
        }
    }
}

/// A file in an encoding of single bytes, with replacements for what is not UTF-8; `None` for any other file.
fn lossy(label: &str, bytes: &[u8]) -> Option<SourceFile> {
    if bytes.starts_with(ENCRYPTED) || bytes.contains(&0) || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    SourceFile::new(label, String::from_utf8_lossy(bytes).into_owned().into_bytes(), false).ok()
}

/// Whether a text is the document of a check (`--format json-v1`).
fn is_own_document(text: &str) -> bool {
    let start: String = text.chars().take(100).filter(|c| !c.is_whitespace()).collect();
    start.starts_with("{\"format\":\"json-v1\",\"kind\":\"check\"")
}

/// Reads one file that the user named.
///
/// # Errors
///
/// A file that cannot be read, or that is neither UTF-8 nor UTF-16.
pub fn read_file(path: &Path) -> Result<SourceFile, FileError> {
    let label = shown(path);
    let bytes = bytes::of_file(path).map_err(|error| FileError::at_start(&label, error.to_string()))?;
    SourceFile::new(label, bytes, true)
}

/// The Terraform files in a folder: configuration, variables and the list of installed modules. Hidden files are left out,
/// as Terraform does. A folder that does not exist is empty. The path of a file gives that file.
///
/// # Errors
///
/// A folder or files that cannot be read, with the files that can. The path of a link to a file, which may lead anywhere.
pub fn read_folder(folder: &str) -> Result<Vec<SourceFile>, PartlyRead> {
    if let Some(above) = folder.strip_suffix(ALL_FILES).filter(|above| above.is_empty() || above.ends_with('/')) {
        return Ok(names_below(above.trim_end_matches('/'))?);
    }
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let unreadable = |at: &Path, e: &std::io::Error| FileError::at_start(shown(at), format!("cannot be read: {e}"));
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(_) if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) => {
            return Ok(vec![found_file(folder, path)?]);
        }
        Err(_) if path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) => {
            return Err(FileError::at_start(folder, "is a link, which is not followed").into());
        }
        // The module call that names the folder is then listed as not read.
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(unreadable(path, &e).into()),
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
    let (mut sources, mut errors) = (Vec::new(), Vec::new());
    for path in names {
        match found_file(&shown(&path), &path) {
            Ok(source) => sources.push(source),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(sources) } else { Err(PartlyRead { sources, errors }) }
}

/// A file that another names, or that lies in its folder.
fn found_file(label: &str, path: &Path) -> Result<SourceFile, FileError> {
    let bytes = bytes::of_file(path).map_err(|error| FileError::at_start(label, error.to_string()))?;
    if bytes.starts_with(ENCRYPTED) {
        return Err(FileError::at_start(label, doorward_iac::ENCRYPTED));
    }
    SourceFile::new(label, bytes, false)
}

/// The files below a folder, without their texts. A link is not followed.
fn names_below(folder: &str) -> Result<Vec<SourceFile>, FileError> {
    let path = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut sources = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| FileError::at_start(folder, format!("cannot be searched: {error}")))?;
        let kind = entry.file_type();
        if kind.is_symlink() || sources.len() >= MAX_NAMES {
            return Err(FileError::at_start(folder, "contains links or too many files"));
        }
        if kind.is_file() {
            sources.push(SourceFile::new(shown(entry.path()), Vec::new(), false)?);
        }
    }
    Ok(sources)
}

fn ends(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// A path as printed: with `/` between folders and without a leading `./`.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_file_does_not_hide_the_others() {
        let folder = std::env::temp_dir().join(format!("doorward-gather-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("notes.tf"), b"# caf\xe9\n").unwrap();
        std::fs::write(folder.join("terraform.tfvars"), "mode = \"monitor\"\n").unwrap();
        std::fs::write(folder.join("a.yaml"), b"\0GITCRYPT\0\xff").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("terraform.tfvars", folder.join("link.yaml")).unwrap();
        let read = |path: &Path| read_folder(&path.to_string_lossy());
        let whole = read(&folder);
        let message = |name: &str| read(&folder.join(name)).unwrap_err().errors.remove(0).message;
        let encrypted = message("a.yaml");
        #[cfg(unix)]
        let link = message("link.yaml");
        let gone = read(&folder.join("gone.yaml")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let PartlyRead { sources, errors } = whole.unwrap_err();
        assert!(matches!(sources.as_slice(), [only] if only.path.ends_with("/terraform.tfvars")), "{sources:?}");
        assert!(matches!(errors.as_slice(), [only] if only.file.ends_with("/notes.tf")), "{errors:?}");
        assert_eq!(encrypted, doorward_iac::ENCRYPTED);
        #[cfg(unix)]
        assert_eq!(link, "is a link, which is not followed");
        assert!(gone.is_empty());
    }
}
