//! Files that are written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file being written beside its place, which it takes when it is finished. What is no regular file (a device, a
/// pipe) is written in place; a link is followed. Dropped unfinished, it leaves its place as it was.
pub(crate) struct Draft(Place);

enum Place {
    Beside { out: BufWriter<NamedTempFile>, place: PathBuf },
    There(BufWriter<File>),
}

impl Draft {
    /// Begins a file.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        if !is_replaceable(path) {
            return Ok(Self(Place::There(BufWriter::new(OpenOptions::new().write(true).open(path)?))));
        }
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".doorward-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any program would create it; the umask decides.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let out = BufWriter::new(builder.tempfile_in(folder)?);
        Ok(Self(Place::Beside { out, place }))
    }

    /// Puts the file in its place, on the disk and not only in its cache.
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

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut draft = Draft::of(path)?;
    write(&mut draft)?;
    draft.finish()
}

pub(super) fn is_replaceable(path: &Path) -> bool {
    path.metadata().map_or(true, |metadata| metadata.is_file())
}

/// Checks that a file can be written, and leaves nothing behind.
pub(super) fn writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    let existed = path.exists();
    OpenOptions::new().append(true).create(true).open(path)?;
    if !existed {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
