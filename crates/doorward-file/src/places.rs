//! The paths that a command reads and writes: no output may replace a file that Doorward keeps, an input of the command, or another
//! output.
//!
//! Paths are compared after symbolic links and `..` are resolved, also where the last part does not exist yet. Existing files are
//! compared by device and inode, so that hard links are recognized. Objects in S3 (`s3://bucket/key`) are compared by their addresses.
//! Every command that writes a file, a folder or an object checks its places here before any other work.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The files that SQLite and Doorward keep beside a ledger.
const BESIDE_LEDGER: [&str; 4] = ["-wal", "-shm", "-journal", "-lock"];
/// The most symbolic links to follow, as on Linux.
const MOST_LINKS: usize = 40;
/// The files of a register of exceptions: `doorward exceptions` is the one command that writes them.
pub const REGISTER: &str = "the exception register";
/// The beginning of the address of an object in S3.
const REMOTE: &str = "s3://";
/// The endings of access logs.
const LOGS: [&str; 2] = [".log", ".log.gz"];

/// An output that would replace something; one sentence with both paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceConflict(String);

impl std::fmt::Display for PlaceConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlaceConflict {}

/// The paths of one command.
#[derive(Default)]
pub struct Places {
    kept: Vec<Kept>,
    outputs: Vec<Output>,
}

/// Something that no output may replace.
struct Kept {
    what: String,
    place: Place,
    /// A folder, in which the files with these endings are kept.
    endings: &'static [&'static str],
}

/// Something that is written.
struct Output {
    what: String,
    given: PathBuf,
    place: Place,
    is_folder: bool,
}

/// A resolved path.
struct Place {
    path: PathBuf,
    /// Device and inode, where it exists.
    id: Option<(u64, u64)>,
    /// A device or a pipe, which takes any number of outputs.
    is_stream: bool,
}

impl Places {
    /// Without the files of the register, for the command that edits them.
    pub fn without_register(mut self) -> Self {
        self.kept.retain(|kept| kept.what != REGISTER);
        self
    }

    /// Keeps a file.
    pub fn keep(&mut self, what: &str, path: &Path) {
        self.kept.push(Kept { what: what.to_owned(), place: Place::of(path), endings: &[] });
    }

    /// Keeps a file that a flag may name.
    pub fn keep_flag(&mut self, flag: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.keep(&format!("the input of {flag}"), path);
        }
    }

    /// Keeps the sources of load balancers and traffic.
    pub fn keep_source(&mut self, ledger: &Path, from: Option<&Path>, traffic: Option<&Path>) {
        self.keep_ledger(ledger);
        self.keep_flag("--from", from);
        self.keep_flag("--traffic", traffic);
    }

    /// Keeps the files that lie in a folder.
    pub fn keep_all(&mut self, what: &str, folder: &Path) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.is_file()) {
            self.keep(what, &path);
        }
    }

    /// Keeps the program of a command, and those of its arguments that are files: the script of an interpreter, for example.
    pub fn keep_command(&mut self, what: &str, command: &[String]) {
        command.iter().map(Path::new).filter(|word| word.is_file()).for_each(|file| self.keep(what, file));
    }

    /// Keeps the access logs in a folder, however many there are.
    pub fn keep_logs(&mut self, folder: &Path) {
        self.kept.push(Kept { what: "an access log".to_owned(), place: Place::of(folder), endings: &LOGS });
    }

    /// Keeps a ledger and what lies beside it.
    pub fn keep_ledger(&mut self, ledger: &Path) {
        self.keep("the ledger", ledger);
        if is_remote(ledger) {
            return;
        }
        // SQLite puts its files beside the file that a link leads to, Doorward its own beside the link.
        let real = Place::of(ledger).path;
        for ending in BESIDE_LEDGER {
            for base in [ledger, real.as_path()] {
                let mut path = base.as_os_str().to_owned();
                path.push(ending);
                self.keep("a file of the ledger", Path::new(&path));
            }
        }
    }

    /// Adds a file that is written.
    pub fn file(&mut self, what: &str, path: &Path) {
        self.write(what, path, false);
    }

    /// Adds a folder of files that is written. Everything in it belongs to it.
    pub fn folder(&mut self, what: &str, path: &Path) {
        self.write(what, path, true);
    }

    fn write(&mut self, what: &str, path: &Path, is_folder: bool) {
        self.outputs.push(Output { what: what.to_owned(), given: path.to_owned(), place: Place::of(path), is_folder });
    }

    /// Checks every output against what is kept and against every other output.
    ///
    /// # Errors
    ///
    /// An output would replace something that is kept, two outputs meet, or a path is `-`, which stands for stdout.
    pub fn check(&self) -> Result<(), PlaceConflict> {
        let problem = self.outputs.iter().enumerate().find_map(|(n, output)| {
            if let Some(problem) = output.names_stdout() {
                return Some(problem);
            }
            let kept = self.kept.iter().find_map(|kept| output.replaces(kept));
            kept.or_else(|| self.outputs.iter().skip(n + 1).find_map(|other| output.meets(other)))
        });
        problem.map_or(Ok(()), |problem| Err(PlaceConflict(problem)))
    }
}

impl Output {
    /// Why `-` is not its path: it stands for stdout everywhere, and a file of this name would surprise.
    fn names_stdout(&self) -> Option<String> {
        let noun = if self.is_folder { "folder" } else { "file" };
        (self.given.starts_with("-")).then(|| {
            format!("{} -: this output does not go to stdout; name a {noun} (./- is a {noun} of that name)", self.what)
        })
    }

    /// Why it would replace something that is kept.
    fn replaces(&self, kept: &Kept) -> Option<String> {
        let (what, given, place) = (&self.what, self.given.display(), kept.place.path.display());
        if !kept.endings.is_empty() {
            let name = self.place.path.file_name()?.to_string_lossy().to_ascii_lowercase();
            let is_one = kept.endings.iter().any(|ending| name.ends_with(ending));
            return (is_one && self.place.id.is_some() && self.place.is_within(&kept.place))
                .then(|| format!("{what}: {given} is {} in {place}; name another file", kept.what));
        }
        if self.place.is(&kept.place) {
            return Some(format!(
                "{what}: {given} is {}, {place}; an output never replaces it, so name another file",
                kept.what
            ));
        }
        // An object is no folder of others, whose keys begin with its own.
        let is_folder = self.is_folder || !is_remote(&self.place.path);
        (is_folder && kept.place.is_within(&self.place)).then(|| {
            format!("{what}: {given} is the folder of {}, {place}; name a folder that only this output uses", kept.what)
        })
    }

    /// Why two outputs cannot both be written.
    fn meets(&self, other: &Self) -> Option<String> {
        if self.place.is_stream {
            return None;
        }
        let (given, theirs) = (self.given.display(), other.given.display());
        if self.place.is(&other.place) {
            let two = if self.is_folder || other.is_folder { "folder" } else { "file" };
            let also = if self.given == other.given {
                String::new()
            } else {
                format!(
                    ", to which {theirs} also \
                 leads"
                )
            };
            return Some(format!("{given}: two outputs would be written to the same {two}{also}"));
        }
        let (inner, outer) = match (self.place.is_within(&other.place), other.place.is_within(&self.place)) {
            (true, _) => (self, other),
            (_, true) => (other, self),
            _ => return None,
        };
        if !outer.is_folder && is_remote(&outer.place.path) {
            return None;
        }
        Some(format!(
            "{}: {} is in {}, the folder of {}; name a path outside that folder",
            inner.what,
            inner.given.display(),
            outer.given.display(),
            outer.what
        ))
    }
}

impl Place {
    fn of(path: &Path) -> Self {
        if is_remote(path) {
            // Paths are compared by their parts, so that `//` and `/` are the same: some stores that speak S3 take them for the same.
            return Self { path: path.to_owned(), id: None, is_stream: false };
        }
        let path = resolve(path);
        let metadata = std::fs::metadata(&path).ok();
        let is_stream = metadata.as_ref().is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        Self { path, id: metadata.as_ref().and_then(identity), is_stream }
    }

    fn is(&self, other: &Self) -> bool {
        folded(&self.path) == folded(&other.path) || (self.id.is_some() && self.id == other.id)
    }

    /// Whether it lies below a folder. A folder that is reached in two ways is one: each above is compared by inode too.
    fn is_within(&self, folder: &Self) -> bool {
        self.path.ancestors().skip(1).any(|above| {
            folded(above) == folded(&folder.path)
                || folder.id.is_some_and(|id| std::fs::metadata(above).ok().as_ref().and_then(identity) == Some(id))
        })
    }
}

/// Whether a path is the address of an object in S3. Nothing on this machine is asked about it.
fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.starts_with(REMOTE))
}

/// Whether two paths lead to the same place.
pub fn same(one: &Path, other: &Path) -> bool {
    Place::of(one).is(&Place::of(other))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such number")]
fn identity(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// A path as the file system compares it, where it usually ignores case.
fn folded(path: &Path) -> PathBuf {
    if cfg!(any(target_os = "macos", windows)) {
        return PathBuf::from(path.to_string_lossy().to_lowercase());
    }
    path.to_owned()
}

/// The place that a path leads to: absolute, without links and `..`. What does not exist is taken as it is written, and a
/// circle of links ends where it was noticed.
fn resolve(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut left: VecDeque<OsString> = path.components().map(|part| part.as_os_str().to_owned()).collect();
    let (mut place, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                place.pop();
                continue;
            }
            Some(Component::CurDir) | None => continue,
            Some(Component::RootDir | Component::Prefix(_) | Component::Normal(_)) => place.push(&part),
        }
        let Ok(target) = std::fs::read_link(&place) else { continue };
        links += 1;
        if links > MOST_LINKS {
            break;
        }
        place.pop();
        for part in target.components().rev() {
            left.push_front(part.as_os_str().to_owned());
        }
    }
    place.extend(left);
    place
}

#[cfg(test)]
mod tests;
