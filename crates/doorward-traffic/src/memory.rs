//! What was counted before, object by object, kept in a folder: a run that begins where another one ended, or was killed, reads
//! only what is new.
//!
//! An object's count is kept under its bucket, key, tag and size, if all of its lines lay within the window that it was counted in;
//! then it does not depend on that window, and holds for every other one that its lines lie in. One file has what one load
//! balancer wrote in one day. Files are replaced as a whole, and carry the checksum of their packing: one that is
//! damaged, or of another version, is as good as none. Nothing here is needed for a count to be right.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use doorward_file::{AtomicFile, Readers, create_private_folder};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::object::LogObject;
use crate::tally::{BalancerKey, Sampled, Tally};
use crate::window::Window;

/// The folder below the one that is given, so that nothing of anybody else is ever removed.
pub const FOLDER: &str = "doorward-traffic-state-v1";
/// Most bytes that a file may unpack to.
const UNPACKED: u64 = 512 * 1024 * 1024;

/// A state folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the state folder {} cannot be used; give one that may be written: {why}", .folder.display())]
pub struct MemoryError {
    folder: PathBuf,
    why: io::Error,
}

/// What was remembered, what was not, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Objects whose count was known.
    pub recalled: u64,
    /// Objects that were read.
    pub read: u64,
    /// Files that were damaged, and read as if they were not there.
    pub damaged: Sampled,
    /// Files of another version of Doorward, likewise.
    pub outdated: u64,
    /// Files that could not be written.
    pub unwritten: Sampled,
    /// Objects that found no room.
    pub crowded: u64,
}

/// The counts of objects, in a folder.
#[derive(Debug)]
pub struct Memory {
    folder: PathBuf,
    /// Bytes that may still be written.
    room: u64,
    /// How it went so far.
    pub remembered: Remembered,
}

/// Whose counts are in one file: what a load balancer wrote in one day, below one folder of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    bucket: String,
    folder: String,
    balancer: BalancerKey,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: String,
    #[serde(flatten)]
    page: Page,
    objects: usize,
}

/// Every other line of a file, and what is known of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    name: String,
    etag: String,
    bytes: u64,
    tally: Tally,
}

/// The notes of a page, by the last part of their objects' keys.
pub(crate) type Notes = BTreeMap<String, Note>;

impl Page {
    /// The page of an object.
    pub(crate) fn of(bucket: &str, key: &str, object: &LogObject) -> Self {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self { bucket: bucket.to_owned(), folder: folder.to_owned(), balancer: object.balancer.clone() }
    }

    /// The day that its folder says.
    fn day(&self) -> Option<Date> {
        let parts: Vec<&str> = self.folder.rsplitn(4, '/').take(3).collect();
        let [day, month, year] = parts.as_slice() else { return None };
        format!("{year}-{month}-{day}").parse().ok()
    }

    /// Its file, below the folder of a [`Memory`].
    fn file(&self) -> Option<PathBuf> {
        let about = format!("{}\n{}\n{}", self.bucket, self.folder, self.balancer);
        // FNV-1a. Two pages with the same hash would forget each other, because a file says whose it is.
        let hash = about
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Some(Path::new(&self.day()?.to_string()).join(format!("{hash:016x}.gz")))
    }
}

impl Note {
    /// What is to be kept of an object; none where some of its lines lay outside the window that it was counted in.
    pub(crate) fn of(object: &LogObject, etag: &str, bytes: u64, tally: &Tally) -> Option<Self> {
        let whole = tally.balancers.values().all(|balancer| balancer.outside == 0);
        whole.then(|| Self { name: object.name.clone(), etag: etag.to_owned(), bytes, tally: tally.clone() })
    }

    /// Its count, where it is of this very object and holds for this window.
    pub(crate) fn recall(&self, etag: &str, bytes: u64, window: Option<Window>) -> Option<&Tally> {
        let same = self.etag == etag && self.bytes == bytes;
        let mut hours = self.tally.balancers.values().flat_map(|balancer| balancer.hours.keys());
        let inside = hours.all(|hour| window.is_none_or(|window| window.contains(*hour)));
        (same && inside).then_some(&self.tally)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Memory {
    /// Opens a folder, or makes it. What is kept of days before `oldest` is removed, and of the oldest ones besides until no more
    /// than `most` bytes are left; more than that is never written.
    pub fn open(folder: &Path, oldest: Date, most: u64) -> Result<Self, MemoryError> {
        let error = |why| MemoryError { folder: folder.to_owned(), why };
        let own = folder.join(FOLDER);
        create_private_folder(&own).map_err(error)?;
        // Dropped unfinished: shows that a file can be written there.
        AtomicFile::replace(&own.join("check"), Readers::Owner).map_err(error)?;
        let mut days = BTreeMap::new();
        for entry in fs::read_dir(&own).map_err(error)? {
            let entry = entry.map_err(error)?;
            if let Some(Ok(day)) = entry.file_name().to_str().map(str::parse::<Date>) {
                days.insert(day, size(&entry.path()).map_err(error)?);
            }
        }
        let mut kept: u64 = days.values().sum();
        for (day, bytes) in days {
            if day < oldest || kept > most {
                fs::remove_dir_all(own.join(day.to_string())).map_err(error)?;
                kept -= bytes;
            }
        }
        Ok(Self { folder: own, room: most - kept.min(most), remembered: Remembered::default() })
    }

    /// What is known of a page; nothing where its file is missing, damaged or of another version.
    pub(crate) fn recall(&mut self, page: &Page) -> Notes {
        let Some(file) = page.file() else { return Notes::new() };
        let path = self.folder.join(file);
        match read(&path, page) {
            Ok(Some(notes)) => notes,
            Ok(None) => {
                self.remembered.outdated += 1;
                Notes::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Notes::new(),
            Err(error) => {
                self.remembered.damaged.add(|| format!("{}: {error}", path.display()));
                Notes::new()
            }
        }
    }

    /// Keeps what is known of a page, of which `new` notes were not kept yet.
    pub(crate) fn keep(&mut self, page: &Page, notes: &Notes, new: u64) {
        let Some(file) = page.file() else { return };
        let path = self.folder.join(file);
        match self.write(&path, page, notes) {
            Ok(true) => {}
            Ok(false) => self.remembered.crowded += new,
            Err(error) => self.remembered.unwritten.add(|| format!("{}: {error}", path.display())),
        }
    }

    /// Replaces a file; false where there is no room. It is not forced onto the disk: what a crash of the machine leaves of it is
    /// found to be damaged.
    fn write(&mut self, path: &Path, page: &Page, notes: &Notes) -> io::Result<bool> {
        let before = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let head = Head {
            format: FOLDER.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            page: page.clone(),
            objects: notes.len(),
        };
        serde_json::to_writer(&mut packed, &head)?;
        for note in notes.values() {
            packed.write_all(b"\n")?;
            serde_json::to_writer(&mut packed, note)?;
        }
        let packed = packed.finish()?;
        let after = packed.len() as u64;
        if after > self.room + before {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(&self.folder);
        create_private_folder(folder)?;
        let mut file = AtomicFile::replace(path, Readers::Owner)?;
        file.write_all(&packed)?;
        file.finish_without_sync()?;
        self.room = self.room + before - after;
        Ok(true)
    }
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Reads a page; none where it is of another version. Everything that is wrong with it is an error.
fn read(path: &Path, page: &Page) -> io::Result<Option<Notes>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut lines = BufReader::new(GzDecoder::new(BufReader::new(File::open(path)?)).take(UNPACKED));
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let head: serde_json::Value = serde_json::from_str(&line)?;
    if head["format"] != FOLDER || head["version"] != env!("CARGO_PKG_VERSION") {
        return Ok(None);
    }
    let head: Head = serde_json::from_value(head)?;
    if head.page != *page {
        return Err(wrong("it is about other objects"));
    }
    let mut notes = Notes::new();
    loop {
        line.clear();
        // The end is read too: that is where the checksum is.
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        let note: Note = serde_json::from_str(&line)?;
        notes.insert(note.name.clone(), note);
    }
    if notes.len() == head.objects { Ok(Some(notes)) } else { Err(wrong("it ends early")) }
}

#[cfg(test)]
mod tests;
