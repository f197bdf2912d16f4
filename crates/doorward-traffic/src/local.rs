//! Reads a folder of logs, on as many threads as wanted. The tally does not depend on how many.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use crate::buffers::LineBuffers;
use crate::inflate::{MAGIC, length_of};
use crate::object::{Key, Listed, Selection, is_log_name};
use crate::protected::ProtectedClients;
use crate::read::{Limits, Reader};
use crate::tally::{Sampled, Tally};
use crate::window::Window;

mod in_order;
mod joined;
mod like_logs;
mod twins;

use in_order::{InOrder, ReadFile};
use like_logs::looks_like_log;

/// A folder that cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder cannot be listed.
    #[error("the folder {} cannot be listed: {why}; name a folder that exists and that you may read", .folder.display())]
    List {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        why: io::Error,
    },
    /// The folder contains no log.
    #[error(
        "the folder {} contains no access logs (*.log.gz or *.log); name the folder to which the logs of a load \
         balancer were copied",
        .0.display()
    )]
    NoLogs(PathBuf),
    /// It holds logs of other kinds only.
    #[error(
        "the folder {} contains no access logs of application load balancers; {others}. Name the folder to which \
         their logs were copied",
        .folder.display()
    )]
    OtherLogs {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        others: String,
    },
    /// No log in it is of the wanted time.
    #[error(
        "the folder {} contains no access logs of {window}, but {holds}. Change --days, --since or --until, or leave \
         them out to read all",
        .folder.display()
    )]
    OutsideWindow {
        /// The folder.
        folder: PathBuf,
        /// The wanted time.
        window: Window,
        /// The logs that it contains instead.
        holds: String,
    },
}

/// How to read a folder.
#[derive(Debug, Clone, Copy)]
pub struct FolderOptions<'a> {
    /// Count only lines of this window; objects that cannot hold any are not read.
    pub window: Option<Window>,
    /// On how many threads; at least one.
    pub threads: usize,
    /// The protected clients of the thresholds, which are counted apart.
    pub protected: &'a [String],
}

/// How far reading a folder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FolderProgress {
    /// Objects that are done.
    pub done: usize,
    /// Objects in all.
    pub objects: usize,
    /// Stored bytes that are done.
    pub bytes: u64,
    /// Stored bytes in all.
    pub all_bytes: u64,
}

/// Reads every access log below a folder, in AWS's key layout or not. A log is counted once, whatever the names of its copies: by its name
/// without endings, and by its content; a file that holds lines of others is left out. `progress` is called from all threads, after each
/// object. Everything that cannot be read is counted in [`crate::Reading::unread`]: files, names of logs that are not files (devices
/// and pipes may never end), and links to folders elsewhere, which are not followed.
///
/// # Errors
/// The folder cannot be listed, or contains no log, or none of the window.
pub fn read_folder(
    folder: &Path,
    options: FolderOptions<'_>,
    progress: &(dyn Fn(FolderProgress) + Sync),
) -> Result<Tally, FolderError> {
    let Files { files, selection, refused, elsewhere } = find(folder, options.window)?;
    if files.is_empty() && refused.count == 0 {
        return Err(nothing(folder, options.window, &selection.listed, elsewhere));
    }
    let threads = options.threads.max(1);
    let buffers = LineBuffers::of_run();
    let protected = Arc::new(ProtectedClients::new(options.protected));
    let all_bytes = files.iter().map(|file| file.bytes).sum();
    let merged = InOrder::new(&files, FolderProgress { objects: files.len(), all_bytes, ..FolderProgress::default() });
    let next = AtomicUsize::new(0);
    let reader = || Reader::protecting(Limits::default(), options.window, Arc::clone(&protected));
    let work = || {
        let mut reader = reader();
        while let Some((number, file)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            files.get(number).map(|file| (number, file))
        } {
            merged.wait_for(number);
            let read = file.read(&mut reader, &buffers);
            progress(merged.put(number, read, file.bytes));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut again = reader();
    let (mut tally, copies) = merged.finish(&mut |file| file.read(&mut again, &buffers).0);
    tally.reading.listed = selection.listed;
    tally.reading.listed.selected -= copies;
    tally.reading.listed.repeated += copies;
    tally.reading.unread.merge(&refused);
    Ok(tally)
}

/// The error of a folder of which every line is of another time than the window. Files with other names than AWS's are read for it: only
/// their lines have times.
pub fn outside_window(folder: &Path, window: Window, tally: &Tally) -> Option<FolderError> {
    let outside: u64 = tally.load_balancers.values().map(|load_balancer| load_balancer.outside).sum();
    let is_outside = outside > 0 && tally.lines() == 0 && tally.is_whole();
    is_outside.then(|| {
        let (folder, s) = (folder.to_owned(), if outside == 1 { "" } else { "s" });
        FolderError::OutsideWindow { folder, window, holds: format!("{outside} line{s}, of other times") }
    })
}

/// Why there is nothing to read in a folder.
fn nothing(
    folder: &Path,
    window: Option<Window>,
    listed: &Listed,
    elsewhere: Option<(Timestamp, Timestamp)>,
) -> FolderError {
    let folder = folder.to_owned();
    if let (Some(window), Some((first, last))) = (window, elsewhere) {
        let s = if listed.elsewhere == 1 { "" } else { "s" };
        let holds = format!("{} log file{s} of the time from {first} to {last}", listed.elsewhere);
        return FolderError::OutsideWindow { folder, window, holds };
    }
    match listed.left_out() {
        Some(others) if listed.other_logs + listed.connection_logs > 0 => FolderError::OtherLogs { folder, others },
        _ => FolderError::NoLogs(folder),
    }
}

struct LogFile {
    path: PathBuf,
    bytes: u64,
    /// The number of the file with the name of the same log, of which this one is a copy if its lines are the same.
    copy_of: Option<usize>,
}

impl LogFile {
    fn key(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }

    /// Its count, and what its lines are.
    fn read(&self, reader: &mut Reader, buffers: &Arc<LineBuffers>) -> ReadFile {
        let key = self.key();
        let opened = File::open(&self.path).and_then(|mut file| {
            // The path may have become something else since it was listed.
            let metadata = file.metadata()?;
            is_file(metadata.file_type())?;
            let bytes = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
            let lines = lines_of(&mut file, bytes)?;
            let buffer = lines.and_then(|lines| buffers.take(bytes.checked_add(lines)?));
            let Some(mut buffer) = buffer else {
                return Ok(reader.read_stream(&key, BufReader::with_capacity(64 * 1024, file)));
            };
            let (stored, out) = buffer.split_at_mut(bytes);
            file.read_exact(stored)?;
            Ok(reader.read_with(&key, stored, out))
        });
        match opened {
            Ok(tally) => (tally, reader.fingerprint()),
            Err(error) => {
                let mut tally = Tally::default();
                tally.reading.unread.add(|| format!("{key}: {error}"));
                if let Key::AccessLog(object) = Key::read(&key) {
                    tally.incomplete.insert(object.load_balancer, 1);
                }
                (tally, None)
            }
        }
    }
}

/// The length of the lines of a packed file of one member; none of another one. The file is at its beginning afterwards.
fn lines_of(file: &mut File, bytes: usize) -> io::Result<Option<usize>> {
    let (mut head, mut tail) = ([0; MAGIC.len()], [0; 4]);
    if bytes < head.len() + tail.len() {
        return Ok(None);
    }
    file.read_exact(&mut head)?;
    file.seek(SeekFrom::End(-(tail.len() as i64)))?;
    file.read_exact(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    Ok((head == MAGIC).then(|| length_of(tail)))
}

/// The files of a folder.
struct Files {
    files: Vec<LogFile>,
    selection: Selection,
    refused: Sampled,
    /// The first and the last end of logs of another time.
    elsewhere: Option<(Timestamp, Timestamp)>,
}

/// An error for devices, pipes and sockets, which may be read forever.
fn is_file(kind: fs::FileType) -> io::Result<()> {
    if kind.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is a device, a pipe or a folder, but only files are read"))
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
    // Of copies the one as AWS wrote it is read: packed, it proves its content by itself.
    paths.sort_by_cached_key(|path| rank(path));
    let mut selection = Selection::new(window, None);
    let (mut files, mut copies, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    let mut elsewhere: Option<(Timestamp, Timestamp)> = None;
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let key = Key::read(&name);
        let mut identity = None;
        let is_log = match &key {
            // A renamed copy is a log if its name still ends like one.
            Key::Foreign if is_log_name(&name) => selection.is_new(&path.to_string_lossy()),
            // Whether it is a copy is known by its lines only.
            Key::AccessLog(object) if selection.has(object) => {
                identity = Some(object.identity().to_owned());
                selection.listed.selected += 1;
                true
            }
            Key::Unfinished(object) => {
                unfinished.push((path.clone(), object.clone()));
                false
            }
            _ => selection.offer(&name).is_some(),
        };
        if !is_log {
            if key == Key::Foreign && looks_like_log(&path) {
                selection.listed.look_like_logs.add(|| path.display().to_string());
            }
            if let (Key::AccessLog(object), Some(window)) = (&key, window)
                && !object.may_hold(window)
            {
                let (first, last) = elsewhere.unwrap_or((object.end, object.end));
                elsewhere = Some((first.min(object.end), last.max(object.end)));
            }
            continue;
        }
        // Opening a pipe would wait for a writer, so that the kind is looked at first.
        match fs::metadata(&path).and_then(|metadata| is_file(metadata.file_type()).map(|()| metadata.len())) {
            Ok(bytes) => match identity {
                Some(identity) => copies.push((identity, LogFile { path, bytes, copy_of: None })),
                None => files.push(LogFile { path, bytes, copy_of: None }),
            },
            Err(why) => refused.add(|| format!("{}: {why}", path.display())),
        }
    }
    for (path, object) in unfinished {
        if window.is_some_and(|window| !object.may_hold(window)) {
            selection.listed.elsewhere += 1;
        } else if selection.has(&object) {
            // The whole log is there as well.
            selection.listed.repeated += 1;
        } else {
            selection.listed.unfinished += 1;
            refused.add(|| {
                format!(
                    "{}: its name does not end in .log or .log.gz, like that of an unfinished download; copy it \
                     again, or rename it",
                    path.display()
                )
            });
        }
    }
    files.sort_unstable_by(|one: &LogFile, other| one.path.cmp(&other.path));
    twins::append(&mut files, copies);
    Ok(Files { files, selection, refused, elsewhere })
}

/// The order in which copies of one log are preferred.
fn rank(path: &Path) -> u8 {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match Key::read(&name) {
        Key::AccessLog(object) if object.is_original() => u8::from(!name.ends_with(".gz")),
        _ => 2,
    }
}
