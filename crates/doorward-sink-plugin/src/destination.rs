//! Where a plugin writes, and whether it did: a receipt for a file that is not there, or that is an earlier one, is no delivery.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use doorward_file::{AtomicFile, Readers};
use doorward_process::open_written;

use crate::PluginError;
use crate::contract::PluginDestination;

/// The most bytes that a plugin of the destination `stream` may write: far more than any report, and less than a disk.
const LARGEST_OUTPUT: u64 = 4 << 30;

/// The destination of one delivery, with what was there before it.
pub(crate) struct Destination<'a> {
    kind: PluginDestination,
    /// The path that the user named.
    path: Option<&'a Path>,
    /// What was at the path before the first try.
    before: Option<Trace>,
}

/// Where one try writes.
pub(crate) struct Draft {
    /// The absolute path in the header; none for a service.
    pub(crate) path: Option<PathBuf>,
    /// The folder of a temporary file; it is removed with the draft.
    folder: Option<tempfile::TempDir>,
}

impl<'a> Destination<'a> {
    pub(crate) fn new(kind: PluginDestination, path: Option<&'a Path>) -> Self {
        let before = path.filter(|_| is_written_by_plugin(kind)).and_then(Trace::of);
        Self { kind, path, before }
    }

    /// Where a try writes: of a stream a temporary file, which Doorward puts in its place.
    pub(crate) fn draft(&self) -> Result<Draft, PluginError> {
        if self.kind != PluginDestination::Stream {
            let path = self.path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
            return Ok(Draft { path, folder: None });
        }
        let folder = tempfile::tempdir()
            .map_err(|error| PluginError::new(format!("no temporary folder can be created: {error}")))?;
        Ok(Draft { path: Some(folder.path().join("output")), folder: Some(folder) })
    }

    /// Puts the output of a stream in its place, and checks that a file or folder was written. `may_stay` says that this very delivery is
    /// what arrived there last: a plugin that recognizes it may leave its output as it is.
    pub(crate) fn finish(&self, draft: &Draft, may_stay: bool) -> Result<(), PluginError> {
        let (Some(written), true) = (draft.path.as_deref(), self.kind != PluginDestination::Remote) else {
            return Ok(());
        };
        if draft.folder.is_some() {
            return self
                .put(written)
                .map_err(|error| PluginError::new(format!("what it wrote could not be put in its place: {error}")));
        }
        let shown = written.display();
        let wrong = |problem: &str| Err(PluginError::new(format!("its receipt is wrong: {problem}")));
        match Trace::of(written) {
            None => wrong(&format!("it wrote nothing to {shown}")),
            Some(Trace::Device) if self.before == Some(Trace::Device) => Ok(()),
            Some(Trace::Device) => wrong(&format!("{shown} is no regular file")),
            Some(Trace::Empty) => wrong(&format!("it wrote no file into {shown}")),
            Some(now) if Some(&now) == self.before.as_ref() && !may_stay => {
                wrong(&format!("it wrote nothing to {shown}: what is there is older than this delivery"))
            }
            Some(Trace::Written(_)) => Ok(()),
        }
    }

    fn put(&self, written: &Path) -> io::Result<()> {
        let file = open_written(written)?;
        if file.metadata()?.len() > LARGEST_OUTPUT {
            return Err(io::Error::other(format!("it has more than {LARGEST_OUTPUT} bytes")));
        }
        // A process that the plugin left behind may still write to it.
        let mut from = file.take(LARGEST_OUTPUT);
        let Some(path) = self.path else {
            let mut stdout = io::stdout().lock();
            return io::copy(&mut from, &mut stdout).and_then(|_| stdout.flush());
        };
        let mut into = AtomicFile::create(path, Readers::Owner)?;
        io::copy(&mut from, &mut into)?;
        into.finish()
    }
}

fn is_written_by_plugin(kind: PluginDestination) -> bool {
    matches!(kind, PluginDestination::File | PluginDestination::Folder)
}

/// What is at a path, so that another content is noticed.
#[derive(Debug, PartialEq, Eq)]
enum Trace {
    /// A device or a pipe, which keeps nothing.
    Device,
    /// A folder without any file.
    Empty,
    /// Files: a digest of their names, numbers, sizes and times.
    Written(u64),
}

impl Trace {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        if metadata.is_file() {
            return Some(Self::Written(digest(Path::new(""), &metadata)));
        }
        if !metadata.is_dir() {
            return Some(Self::Device);
        }
        let (mut files, mut sum) = (false, 0_u64);
        let mut open = vec![path.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                // Links are not followed: they may lead anywhere.
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    open.push(entry.path());
                } else {
                    files = true;
                    // The order of a folder's entries says nothing.
                    let file = entry.path();
                    sum = sum.wrapping_add(digest(file.strip_prefix(path).unwrap_or(&file), &metadata));
                }
            }
        }
        Some(if files { Self::Written(sum) } else { Self::Empty })
    }
}

fn digest(path: &Path, metadata: &std::fs::Metadata) -> u64 {
    let mut hash = DefaultHasher::new();
    (path, metadata.len(), metadata.modified().ok()).hash(&mut hash);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()).hash(&mut hash);
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(kind: PluginDestination, path: &Path, write: impl Fn(&Path), may_stay: bool) -> Result<(), String> {
        let destination = Destination::new(kind, Some(path));
        let draft = destination.draft().expect("a draft");
        write(draft.path.as_deref().expect("a path"));
        destination.finish(&draft, may_stay).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_was_not_written_is_no_delivery() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, kind) = (folder.path().join("out"), PluginDestination::File);
        let nothing = |_: &Path| {};
        let write = |path: &Path| std::fs::write(path, "same").expect("writes");
        assert!(finish(kind, &file, nothing, false).expect_err("none").contains("wrote nothing to"));
        finish(kind, &file, write, false).expect("written");
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(finish(kind, &file, nothing, false).expect_err("old").contains("older than this delivery"));
        finish(kind, &file, nothing, true).expect("the same delivery may leave it");
        finish(kind, &file, write, false).expect("the same content, written again");
        let remove = |path: &Path| std::fs::remove_file(path).expect("removes");
        finish(kind, &file, remove, true).expect_err("removed");
        #[cfg(unix)]
        finish(kind, Path::new("/dev/null"), nothing, false).expect("a device keeps nothing");
    }

    #[test]
    fn a_folder_needs_a_file_of_this_delivery() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, kind) = (folder.path().join("out"), PluginDestination::Folder);
        std::fs::create_dir(&path).expect("makes");
        assert!(finish(kind, &path, |_| {}, true).expect_err("empty").contains("wrote no file"));
        let write = |path: &Path| {
            std::fs::create_dir_all(path.join("day")).expect("makes");
            std::fs::write(path.join("day/part"), "x").expect("writes");
        };
        finish(kind, &path, write, false).expect("written");
        assert!(finish(kind, &path, |_| {}, false).expect_err("old").contains("older than this delivery"));
        finish(kind, &path, |path| std::fs::write(path.join("day/next"), "").expect("writes"), false)
            .expect("one more");
    }

    #[cfg(unix)]
    #[test]
    fn a_stream_is_a_regular_file() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let (file, kind) = (folder.path().join("out"), PluginDestination::Stream);
        finish(kind, &file, |path| std::fs::write(path, "text").expect("writes"), false).expect("written");
        for target in ["/dev/zero", "/etc/hostname"] {
            let refused = finish(kind, &file, |path| symlink(target, path).expect("links"), false);
            assert!(refused.expect_err(target).contains("link, which is not followed"));
        }
        let pipe = |path: &Path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().expect("runs").success());
        };
        assert!(finish(kind, &file, pipe, false).expect_err("a pipe").contains("no regular file"));
        assert!(finish(kind, &file, |_| {}, false).is_err());
        let huge = |path: &Path| {
            std::fs::File::create(path).and_then(|file| file.set_len(LARGEST_OUTPUT + 1)).expect("makes");
        };
        assert!(finish(kind, &file, huge, false).expect_err("huge").contains("more than 4294967296 bytes"));
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "text", "the earlier output stays");
    }
}
