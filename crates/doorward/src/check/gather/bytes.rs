//! The bytes of one file, up to a limit. What is not a plain file is refused before it is opened: a device has no end, and a
//! named pipe may never begin.

use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

/// The largest file that is read, in bytes. The plan of 200,000 load balancers is smaller.
const LARGEST: u64 = 256 << 20;

/// Reads a file. The error is one sentence without its subject, which is the file.
pub(super) fn of_file(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |e: std::io::Error| format!("cannot be read: {e}");
    let metadata = path.metadata().map_err(|e| match path.symlink_metadata() {
        Ok(link) if link.is_symlink() && e.kind() == std::io::ErrorKind::NotFound => {
            "is a link to a file that is not there".to_owned()
        }
        _ => unreadable(e),
    })?;
    if let Some(kind) = other_than_a_file(path, &metadata) {
        return Err(format!("is {kind}, not a file"));
    }
    if metadata.len() > LARGEST {
        return Err(too_large());
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    up_to_the_limit(file, metadata.len())
}

/// Reads standard input.
pub(super) fn of_stdin() -> Result<Vec<u8>, String> {
    up_to_the_limit(std::io::stdin().lock(), 0)
}

/// The length that a file has by its metadata is only where to begin.
fn up_to_the_limit(source: impl Read, expected: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    source.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > LARGEST { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> String {
    format!("is larger than {} MiB, the most that is read of one file", LARGEST >> 20)
}

/// What it is instead of a file.
#[cfg(unix)]
fn other_than_a_file(path: &Path, metadata: &Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    // `check <(terraform show -json plan)`: the shell hands over the end of a pipe that is open already.
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

/// What it is instead of a file.
#[cfg(not(unix))]
fn other_than_a_file(_: &Path, metadata: &Metadata) -> Option<&'static str> {
    match metadata.is_file() {
        true => None,
        false if metadata.is_dir() => Some("a folder"),
        false => Some("a device"),
    }
}
