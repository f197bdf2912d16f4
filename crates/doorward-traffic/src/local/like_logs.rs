//! Files beside the logs that may be logs too: archives, exports and text with lines of an access log. They are named, not read.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::line;

/// Endings of archives and of exports: lower case.
const PACKED: [&str; 17] = [
    "7z", "br", "bz2", "gz", "lz4", "lzma", "ndjson", "orc", "parquet", "tar", "tbz2", "tgz", "txz", "xz", "z", "zip",
    "zst",
];
/// Words of the names of logs.
const WORDS: [&str; 8] = ["log", "logs", "accesslog", "accesslogs", "access", "alb", "elb", "elasticloadbalancing"];
/// The beginning that is looked at: longer than most lines.
const BEGINNING: u64 = 16 * 1024;

/// Whether a file that is no log by its name looks like one, by its name or its first line.
pub(super) fn looks_like_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_packed = name.rsplit_once('.').is_some_and(|(_, ending)| PACKED.contains(&ending));
    is_packed || name.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word)) || begins_as_log(path)
}

/// Whether the first line of a file is one of an access log.
fn begins_as_log(path: &Path) -> bool {
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut begin));
    read.is_ok() && begin.split(|byte| *byte == b'\n').next().is_some_and(|first| line::read(first).is_some())
}
