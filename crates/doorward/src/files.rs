//! Files that are written atomically, and their permissions.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only its owner, whatever the umask is and whatever the permissions were before: the content was read in the accounts of an
    /// organization and says where its defences are weak.
    Owner,
    /// As before, and where it is new as any program would create it.
    Umask,
}

/// A file that is written beside its path and renamed to it when it is finished. A device or a pipe is written in place; a link is
/// followed. If it is dropped unfinished, the path does not change.
pub(crate) struct Draft(Place);

enum Place {
    Beside { out: BufWriter<NamedTempFile>, place: PathBuf },
    There(BufWriter<File>),
}

impl Draft {
    /// Starts a file.
    pub(crate) fn of(path: &Path, readers: Readers) -> io::Result<Self> {
        if !is_replaceable(path) {
            return Ok(Self(Place::There(BufWriter::new(OpenOptions::new().write(true).open(path)?))));
        }
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".doorward-").suffix(".part");
        // By default only the owner can read a temporary file.
        #[cfg(unix)]
        if readers == Readers::Umask {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let out = builder.tempfile_in(folder)?;
        if let (Readers::Umask, Ok(before)) = (readers, place.metadata()) {
            out.as_file().set_permissions(before.permissions())?;
        }
        Ok(Self(Place::Beside { out: BufWriter::new(out), place }))
    }

    /// Renames the file to its path, after its content is on the disk and not only in the cache.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.0 {
            Place::There(mut out) => out.flush(),
            Place::Beside { out, place } => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&place).map(|_| ()).map_err(|error| error.error)
            }
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Beside { out, .. } => out.write(bytes),
            Place::There(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Beside { out, .. } => out.flush(),
            Place::There(out) => out.flush(),
        }
    }
}

/// Writes a file atomically.
pub(crate) fn write_file(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut draft = Draft::of(path, readers)?;
    write(&mut draft)?;
    draft.finish()
}

fn is_replaceable(path: &Path) -> bool {
    path.metadata().map_or(true, |metadata| metadata.is_file())
}

/// Creates a folder, with its parents, that only its owner can read. An existing folder does not change.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(path)
}

/// Checks that a file can be written; does not leave a new file behind.
pub(crate) fn writable(path: &Path) -> io::Result<()> {
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
        std::fs::remove_file(path)?;
    }
    Ok(())
}
