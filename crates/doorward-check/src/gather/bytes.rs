//! The bytes of one input, up to a limit.
//!
//! A device or named pipe is refused before it is opened: a device has no end, and opening a named pipe waits for a writer.

use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

use crate::InputError;

/// The largest file that is read, in bytes. The plan of 200,000 load balancers is smaller.
const LIMIT: u64 = 256 << 20;

/// Reads a file.
pub(super) fn of_file(path: &Path) -> Result<Vec<u8>, InputError> {
    let metadata = path.metadata().map_err(|e| match path.symlink_metadata() {
        Ok(link) if link.is_symlink() && e.kind() == std::io::ErrorKind::NotFound => InputError::BrokenLink,
        _ => InputError::Unreadable(e),
    })?;
    if let Some(kind) = other_than_a_file(path, &metadata) {
        return Err(InputError::NotAFile(kind));
    }
    if metadata.len() > LIMIT {
        return Err(too_large());
    }
    let file = std::fs::File::open(path)?;
    up_to_the_limit(file, metadata.len())
}

/// Reads standard input.
pub(super) fn of_stdin() -> Result<Vec<u8>, InputError> {
    up_to_the_limit(std::io::stdin().lock(), 0)
}

/// Reads at most the limit. `expected`, a file's length by its metadata, only sizes the buffer: the file may grow.
fn up_to_the_limit(source: impl Read, expected: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> InputError {
    InputError::TooLarge { limit_mib: LIMIT >> 20 }
}

/// The kind of a path that is not a file.
#[cfg(unix)]
fn other_than_a_file(path: &Path, metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    // `check <(terraform show -json plan)`: the shell passes the end of a pipe that is already open.
    let handed_over =
        path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") || path == Path::new("/dev/stdin");
    if kind.is_file() || (kind.is_fifo() && handed_over) {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// The kind of a path that is not a file.
#[cfg(not(unix))]
fn other_than_a_file(_: &Path, metadata: &Metadata) -> Option<&'static str> {
    match metadata.is_file() {
        true => None,
        false if metadata.is_dir() => Some("a folder"),
        false => Some("a device"),
    }
}
