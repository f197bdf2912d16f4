//! Files: the texts and bytes that users name are read by [`input`], in any of the encodings of [`encoding`]; results appear complete
//! or not at all, with the permissions of scan results.
//!
//! Every output of Doorward is written by [`AtomicFile`]: buffered, into a temporary file in the same folder, synced to disk, then
//! renamed. A reader never sees a partial file, and an interrupted write leaves the earlier file as it was.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub mod encoding;
pub mod input;
pub mod ownership;
pub mod places;

/// Large enough that a scan of 20,000 load balancers is written in thousands of calls, not millions.
const BUFFER_BYTES: usize = 1 << 16;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only its owner (mode 0600), whatever the umask and the earlier permissions: scan results say where an organization's
    /// defenses are weak.
    Owner,
    /// An existing file keeps its permissions; a new one gets 0666 less the umask.
    Umask,
}

/// A file that is written to a temporary file in the same folder. [`AtomicFile::finish`] moves it into place; when it is dropped
/// before that, the destination stays as it was.
#[derive(Debug)]
pub struct AtomicFile(Destination);

#[derive(Debug)]
enum Destination {
    /// A regular file or a new one: replaced by renaming.
    Renamed { out: BufWriter<NamedTempFile>, path: PathBuf },
    /// A device or a pipe, such as `/dev/stdout`, which renaming would destroy: written directly.
    InPlace(BufWriter<File>),
}

impl AtomicFile {
    /// Creates or replaces the file that a user named: a symbolic link is followed, a device or pipe is written directly.
    ///
    /// # Errors
    ///
    /// The folder does not exist or is not writable.
    pub fn create(path: &Path, readers: Readers) -> io::Result<Self> {
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let file = OpenOptions::new().write(true).open(path)?;
            return Ok(Self(Destination::InPlace(BufWriter::with_capacity(BUFFER_BYTES, file))));
        }
        Self::replace(&path.canonicalize().unwrap_or_else(|_| path.to_owned()), readers)
    }

    /// Creates or replaces the file with exactly this name: a symbolic link is replaced, its target is not touched. For files in a
    /// folder that others may write to.
    ///
    /// # Errors
    ///
    /// The folder does not exist or is not writable.
    pub fn replace(path: &Path, readers: Readers) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".doorward-").suffix(".part");
        // The default mode of a temporary file is 0600.
        #[cfg(unix)]
        if readers == Readers::Umask {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(folder_of(path))?;
        if let (Readers::Umask, Ok(existing)) = (readers, path.metadata()) {
            file.as_file().set_permissions(existing.permissions())?;
        }
        let out = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self(Destination::Renamed { out, path: path.to_owned() }))
    }

    /// Moves the file into place after its content has reached the disk, so that a power failure cannot leave an empty file.
    ///
    /// # Errors
    ///
    /// The disk is full, or the rename is refused.
    pub fn finish(self) -> io::Result<()> {
        self.persist(true)
    }

    /// Moves the file into place and leaves the time of writing to the operating system: for caches of many files whose readers
    /// detect damage.
    ///
    /// # Errors
    ///
    /// The disk is full, or the rename is refused.
    pub fn finish_without_sync(self) -> io::Result<()> {
        self.persist(false)
    }

    fn persist(self, sync: bool) -> io::Result<()> {
        match self.0 {
            Destination::InPlace(mut out) => out.flush(),
            Destination::Renamed { out, path } => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                if sync {
                    file.as_file().sync_all()?;
                }
                file.persist(&path).map(|_| ()).map_err(|error| error.error)
            }
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Destination::Renamed { out, .. } => out.write(bytes),
            Destination::InPlace(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Destination::Renamed { out, .. } => out.flush(),
            Destination::InPlace(out) => out.flush(),
        }
    }
}

/// Writes the file that a user named, complete or not at all; see [`AtomicFile::create`].
///
/// # Errors
///
/// The file cannot be written, or `write` fails.
pub fn write_file(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = AtomicFile::create(path, readers)?;
    write(&mut file)?;
    file.finish()
}

/// Creates a folder, and those above it, with mode 0700. An existing folder keeps its permissions.
///
/// # Errors
///
/// A folder cannot be created, or a file has its name.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(path)
}

/// Checks that a file can be written, and leaves no file behind.
///
/// # Errors
///
/// It is a folder, or its folder does not exist or is not writable.
pub fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    let existed = path.exists();
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.append(true).create(true).open(path)?;
    if !existed {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The folder that holds a path: the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_only_when_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        fs::write(&path, "before").expect("writes");
        let mut file = AtomicFile::create(&path, Readers::Owner).expect("creates");
        file.write_all(&vec![b'x'; 3 * BUFFER_BYTES]).expect("writes");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "before");
        drop(file);
        assert_eq!(names(folder.path()), ["report.json"], "an unfinished file leaves nothing behind");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "before");
        write_file(&path, Readers::Owner, |out| out.write_all(b"after")).expect("writes");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "after");
        assert_eq!(names(folder.path()), ["report.json"]);
        write_file(&path, Readers::Owner, |_| Err(io::Error::other("stop"))).expect_err("the caller's error");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "after");
    }

    /// A document of 20,000 load balancers is serialized in millions of small pieces.
    #[cfg(target_os = "linux")]
    #[test]
    fn small_pieces_are_written_in_few_calls() {
        let calls = || {
            let io = fs::read_to_string("/proc/thread-self/io").expect("Linux");
            let line = io.lines().find_map(|line| line.strip_prefix("syscw: ")).expect("a count of write calls");
            line.parse::<u64>().expect("a number")
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scan.json");
        let before = calls();
        write_file(&path, Readers::Owner, |out| (0..4_900_000).try_for_each(|_| out.write_all(b"\"name\": ")))
            .expect("writes");
        let written = calls() - before;
        assert_eq!(path.metadata().expect("a file").len(), 4_900_000 * 8);
        assert!((100..2_000).contains(&written), "{written} write calls");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
        let path = folder.path().join("private");
        write_file(&path, Readers::Umask, |out| out.write_all(b"1")).expect("writes");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("sets");
        write_file(&path, Readers::Umask, |out| out.write_all(b"2")).expect("writes");
        assert_eq!(mode(&path), 0o640, "an existing file keeps its permissions");
        write_file(&path, Readers::Owner, |out| out.write_all(b"3")).expect("writes");
        assert_eq!(mode(&path), 0o600);

        let link = folder.path().join("link");
        symlink(&path, &link).expect("links");
        write_file(&link, Readers::Owner, |out| out.write_all(b"4")).expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"4", "a link that the user names is followed");
        AtomicFile::replace(&link, Readers::Owner).and_then(AtomicFile::finish).expect("writes");
        assert_eq!(fs::read(&path).expect("reads"), b"4", "a link in a shared folder is replaced");
        assert!(!link.is_symlink());

        write_file(Path::new("/dev/null"), Readers::Owner, |out| out.write_all(b"5")).expect("writes to a device");
        assert!(!Path::new("/dev/null").metadata().expect("a device").is_file());
    }

    #[test]
    fn checking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        check_writable(&folder.path().join("new")).expect("writable");
        assert_eq!(names(folder.path()), Vec::<String>::new());
        assert!(check_writable(folder.path()).is_err());
        assert!(check_writable(&folder.path().join("missing/new")).is_err());
    }
}
