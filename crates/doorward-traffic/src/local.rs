//! Reads a folder of logs, on as many threads as wanted. The tally does not depend on how many.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::object::{Key, Selection};
use crate::read::{Limits, Reader};
use crate::tally::{Sampled, Tally};
use crate::window::Window;

/// How many objects a thread may be ahead of the one that is merged next: it bounds the tallies in memory.
const AHEAD: usize = 64;

/// A folder that cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be listed.
    #[error("the folder {} cannot be listed; give a folder that exists and may be read: {why}", .folder.display())]
    List {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        why: io::Error,
    },
    /// Nothing in it is a log.
    #[error(
        "the folder {} holds no access logs (*.log.gz or *.log); give the folder that a load balancer's logs were copied to",
        .0.display()
    )]
    NoLogs(PathBuf),
}

/// How to read a folder.
#[derive(Debug, Clone, Copy)]
pub struct FolderOptions {
    /// Count only lines of this window; objects that cannot hold any are not read.
    pub window: Option<Window>,
    /// On how many threads; at least one.
    pub threads: usize,
}

/// How far reading a folder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects that are done.
    pub done: usize,
    /// Objects in all.
    pub objects: usize,
    /// Stored bytes that are done.
    pub bytes: u64,
    /// Stored bytes in all.
    pub all_bytes: u64,
}

/// Reads every access log below a folder, in AWS's key layout or not; a file seen twice is counted once. `progress` is called
/// from all threads, after each object. Everything that cannot be read is counted in [`crate::Reading::unread`]: files, names of logs that are
/// not files (devices and pipes may never end), and links to folders elsewhere, which are not followed.
///
/// # Errors
/// The folder cannot be listed, or contains no log.
pub fn read_folder(
    folder: &Path,
    options: FolderOptions,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Tally, FolderError> {
    let Files { files, selection, refused } = find(folder, options.window)?;
    if files.is_empty() && selection.listed.elsewhere == 0 && refused.count == 0 {
        return Err(FolderError::NoLogs(folder.to_owned()));
    }
    let threads = options.threads.max(1);
    let limits = Limits::shared_by(threads);
    let all_bytes = files.iter().map(|file| file.bytes).sum();
    let merged = InOrder::new(Progress { objects: files.len(), all_bytes, ..Progress::default() });
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reader = Reader::new(limits, options.window);
        let mut stored = Vec::new();
        while let Some((number, file)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            files.get(number).map(|file| (number, file))
        } {
            merged.wait_for(number);
            let tally = file.read(&mut reader, &mut stored, limits);
            progress(merged.put(number, tally, file.bytes));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut tally = merged.finish();
    tally.reading.listed = selection.listed;
    tally.reading.unread.merge(&refused);
    Ok(tally)
}

struct LogFile {
    path: PathBuf,
    bytes: u64,
}

impl LogFile {
    fn read(&self, reader: &mut Reader, stored: &mut Vec<u8>, limits: Limits) -> Tally {
        let key = self.path.to_string_lossy();
        let opened = File::open(&self.path).and_then(|mut file| {
            // The path may have become something else since it was listed.
            is_file(file.metadata()?.file_type())?;
            if self.bytes > limits.whole_bytes as u64 / 2 {
                return Ok(reader.read_stream(&key, BufReader::with_capacity(64 * 1024, file)));
            }
            stored.clear();
            file.read_to_end(stored)?;
            Ok(reader.read(&key, stored))
        });
        opened.unwrap_or_else(|error| {
            let mut tally = Tally::default();
            tally.reading.unread.add(|| format!("{key}: {error}"));
            if let Key::AccessLog(object) = Key::read(&key) {
                tally.incomplete.insert(object.load_balancer, 1);
            }
            tally
        })
    }
}

/// What a folder holds.
struct Files {
    files: Vec<LogFile>,
    selection: Selection,
    refused: Sampled,
}

/// An error for devices, pipes and sockets, which may be read forever.
fn is_file(kind: fs::FileType) -> io::Result<()> {
    if kind.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is a device, a pipe or a folder; only files are read"))
    }
}

/// All logs below a folder, in the order of their names.
fn find(folder: &Path, window: Option<Window>) -> Result<Files, FolderError> {
    let (mut paths, mut links) = (Vec::new(), Vec::new());
    let root = fs::canonicalize(folder).map_err(|why| FolderError::List { folder: folder.to_owned(), why })?;
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let list = |why| FolderError::List { folder: folder.clone(), why };
        for entry in fs::read_dir(&folder).map_err(list)? {
            let entry = entry.map_err(list)?;
            let kind = entry.file_type().map_err(list)?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if kind.is_symlink() && entry.path().is_dir() {
                // A link to a folder below the root is not followed: that folder is read anyway.
                if !fs::canonicalize(entry.path()).is_ok_and(|target| target.starts_with(&root)) {
                    links.push(entry.path());
                }
            } else {
                paths.push(entry.path());
            }
        }
    }
    paths.sort_unstable();
    links.sort_unstable();
    let mut refused = Sampled::default();
    for link in links {
        refused.add(|| format!("{}: it is a link to a folder elsewhere; read that folder as well", link.display()));
    }
    let mut selection = Selection::new(window, None);
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_log = match Key::read(&name) {
            // A renamed copy is a log if its name still ends like one.
            Key::Foreign if name.ends_with(".log") || name.ends_with(".log.gz") => {
                selection.is_new(&path.to_string_lossy())
            }
            _ => selection.offer(&name).is_some(),
        };
        if !is_log {
            continue;
        }
        // Opening a pipe would wait for a writer, so that the kind is looked at first.
        match fs::metadata(&path).and_then(|metadata| is_file(metadata.file_type()).map(|()| metadata.len())) {
            Ok(bytes) => files.push(LogFile { path, bytes }),
            Err(why) => refused.add(|| format!("{}: {why}", path.display())),
        }
    }
    Ok(Files { files, selection, refused })
}

/// Merges tallies in the order of their objects, and limits how far a thread may be ahead.
struct InOrder {
    state: Mutex<State>,
    moved: Condvar,
}

struct State {
    next: usize,
    waiting: BTreeMap<usize, Tally>,
    tally: Tally,
    progress: Progress,
}

impl InOrder {
    fn new(progress: Progress) -> Self {
        let state = State { next: 0, waiting: BTreeMap::new(), tally: Tally::default(), progress };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Waits until the objects before this one are nearly done. The thread that works on the next one never waits.
    fn wait_for(&self, number: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_while(state, |state| number >= state.next + AHEAD);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn put(&self, number: usize, tally: Tally, bytes: u64) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.insert(number, tally);
        let State { next, waiting, tally, .. } = &mut *state;
        while let Some(ready) = waiting.remove(next) {
            tally.merge(&ready);
            *next += 1;
        }
        state.progress.done += 1;
        state.progress.bytes += bytes;
        self.moved.notify_all();
        state.progress
    }

    fn finish(self) -> Tally {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).tally
    }
}
