//! A cache of counts in a folder, object by object: a run that continues another one, finished or killed, reads only new objects.
//!
//! An object's count is kept under its bucket, key, ETag and size, if all of its lines are within the window of the run; then it does
//! not depend on that window, and holds for every other window that contains its lines. One file has the counts of one load balancer
//! and one day. Files are replaced as a whole, and have the checksum of gzip: a file that is damaged, or of another version, is
//! ignored. Counts are correct without the cache.

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
use crate::tally::{LoadBalancerKey, Sampled, Tally};
use crate::window::Window;

/// The folder below the one that the user names, so that other files are never removed.
pub const FOLDER: &str = "doorward-traffic-state-v5";
/// Most bytes that a file may unpack to.
const UNPACKED: u64 = 512 * 1024 * 1024;

/// The cache folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot be used for --state: {why}; name a folder that Doorward can write to", .folder.display())]
pub struct CountCacheError {
    folder: PathBuf,
    why: io::Error,
}

/// How a run used the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Objects whose count was cached.
    pub recalled: u64,
    /// Objects that were read.
    pub read: u64,
    /// Files that were damaged, and therefore ignored.
    pub damaged: Sampled,
    /// Files of another version of Doorward, or with other protected clients, ignored too.
    pub outdated: u64,
    /// Files that could not be written.
    pub unwritten: Sampled,
    /// Objects whose count was not cached, because the cache is full.
    pub crowded: u64,
}

/// The cached counts of objects.
#[derive(Debug)]
pub struct CountCache {
    folder: PathBuf,
    /// Bytes that may still be written.
    room: u64,
    /// The protected clients that lines were compared with.
    protected: Vec<String>,
    /// How the run has used the cache so far.
    pub used: CacheUse,
}

/// The objects whose counts are in one file: those of one load balancer and one day, below one prefix of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CachePage {
    bucket: String,
    folder: String,
    load_balancer: LoadBalancerKey,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: String,
    #[serde(flatten)]
    page: CachePage,
    protected: Vec<String>,
    objects: usize,
}

/// Every other line of a file: the cached count of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CachedCount {
    name: String,
    etag: String,
    bytes: u64,
    tally: Tally,
}

/// The counts of a page, by the last part of their objects' keys.
pub(crate) type CachedCounts = BTreeMap<String, CachedCount>;

impl CachePage {
    /// The page of an object.
    pub(crate) fn of(bucket: &str, key: &str, object: &LogObject) -> Self {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self { bucket: bucket.to_owned(), folder: folder.to_owned(), load_balancer: object.load_balancer.clone() }
    }

    /// The day in its folder.
    fn day(&self) -> Option<Date> {
        let parts: Vec<&str> = self.folder.rsplitn(4, '/').take(3).collect();
        let [day, month, year] = parts.as_slice() else { return None };
        format!("{year}-{month}-{day}").parse().ok()
    }

    /// Its file, below the folder of a [`CountCache`].
    fn file(&self) -> Option<PathBuf> {
        let about = format!("{}\n{}\n{}", self.bucket, self.folder, self.load_balancer);
        // FNV-1a. If two pages have the same hash, each replaces the other's file: the file names its page, so that counts stay correct.
        let hash = about
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Some(Path::new(&self.day()?.to_string()).join(format!("{hash:016x}.gz")))
    }
}

impl CachedCount {
    /// The entry of an object; none if some of its lines are outside the window of the run.
    pub(crate) fn of(object: &LogObject, etag: &str, bytes: u64, tally: &Tally) -> Option<Self> {
        let whole = tally.load_balancers.values().all(|load_balancer| load_balancer.outside == 0);
        whole.then(|| Self { name: object.name.clone(), etag: etag.to_owned(), bytes, tally: tally.clone() })
    }

    /// Its count, if it is of this object and holds for this window.
    pub(crate) fn recall(&self, etag: &str, bytes: u64, window: Option<Window>) -> Option<&Tally> {
        let same = self.etag == etag && self.bytes == bytes;
        let mut hours = self.tally.load_balancers.values().flat_map(|load_balancer| load_balancer.hours.keys());
        let inside = hours.all(|hour| window.is_none_or(|window| window.contains(*hour)));
        (same && inside).then_some(&self.tally)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl CountCache {
    /// Opens a folder, or creates it. Counts of days before `oldest` are removed, and those of the oldest other days until at most `most`
    /// bytes are left; more than that is never written.
    ///
    /// # Errors
    /// The folder cannot be created, listed or written.
    pub fn open(folder: &Path, oldest: Date, most: u64) -> Result<Self, CountCacheError> {
        let error = |why| CountCacheError { folder: folder.to_owned(), why };
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
        Ok(Self { folder: own, room: most - kept.min(most), protected: Vec::new(), used: CacheUse::default() })
    }

    /// The same for counts of lines that are compared with these protected clients. Other counts are ignored.
    #[must_use]
    pub fn protecting(self, protected: &[String]) -> Self {
        Self { protected: protected.to_vec(), ..self }
    }

    /// The cached counts of a page; none if its file is missing, damaged or of another version.
    pub(crate) fn recall(&mut self, page: &CachePage) -> CachedCounts {
        let Some(file) = page.file() else { return CachedCounts::new() };
        let path = self.folder.join(file);
        match read(&path, page, &self.protected) {
            Ok(Some(notes)) => notes,
            Ok(None) => {
                self.used.outdated += 1;
                CachedCounts::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => CachedCounts::new(),
            Err(error) => {
                self.used.damaged.add(|| format!("{}: {error}", path.display()));
                CachedCounts::new()
            }
        }
    }

    /// Writes the counts of a page, of which `new` are not written yet.
    pub(crate) fn keep(&mut self, page: &CachePage, notes: &CachedCounts, new: u64) {
        let Some(file) = page.file() else { return };
        let path = self.folder.join(file);
        match self.write(&path, page, notes) {
            Ok(true) => {}
            Ok(false) => self.used.crowded += new,
            Err(error) => self.used.unwritten.add(|| format!("{}: {error}", path.display())),
        }
    }

    /// Replaces a file; false if there is no room. The file is not synchronized to the disk: after a crash of the machine it is found to
    /// be damaged.
    fn write(&mut self, path: &Path, page: &CachePage, notes: &CachedCounts) -> io::Result<bool> {
        let before = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let head = Head {
            format: FOLDER.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            page: page.clone(),
            protected: self.protected.clone(),
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

/// Reads a page; none if it is of another version, or of lines that were compared with other protected clients. Every other problem is an error.
fn read(path: &Path, page: &CachePage, protected: &[String]) -> io::Result<Option<CachedCounts>> {
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
        return Err(wrong("it describes other objects"));
    }
    if head.protected != protected {
        return Ok(None);
    }
    let mut notes = CachedCounts::new();
    loop {
        line.clear();
        // The end is read too: that is where the checksum is.
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        let note: CachedCount = serde_json::from_str(&line)?;
        notes.insert(note.name.clone(), note);
    }
    if notes.len() == head.objects { Ok(Some(notes)) } else { Err(wrong("it ends early")) }
}

#[cfg(test)]
mod tests;
