//! Files that the user names: opened only if they are files, read up to a size, and decoded.
//!
//! A device or a pipe may never end, and opening a pipe waits for a writer. Links are followed before that is decided. Every text
//! that a user writes is read here, so that a byte order mark, UTF-16 and invalid bytes mean the same everywhere.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use crate::encoding::{self, Decoded};

/// The most bytes of a document that is read as a whole: settings, plans, keys, captured requests. A plan of 200,000 load balancers
/// is smaller.
pub const DOCUMENT: u64 = 512 << 20;

/// Opens a file.
///
/// # Errors
///
/// It cannot be opened, or it is a device, a pipe, a socket or a folder.
pub fn open(path: &Path) -> io::Result<File> {
    is_file(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // The path may have become something else in between.
    is_file(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of a file that has at most `most` of them.
///
/// # Errors
///
/// As [`open`], or it has more bytes.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large(most));
    }
    // A file may grow while it is read.
    limited(file, most)
}

/// The content of a file, or of stdin for `-`, up to `most` bytes.
///
/// # Errors
/// As [`bytes`].
pub fn bytes_or_stdin(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if path.as_os_str() == "-" { limited(io::stdin().lock(), most) } else { bytes(path, most) }
}

/// The bytes of a stream that has at most `most` of them.
///
/// # Errors
///
/// It cannot be read, or it has more bytes.
pub fn limited(stream: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// The text of a file that has at most [`DOCUMENT`] bytes.
///
/// # Errors
///
/// As [`bytes`], or it is neither UTF-8 nor UTF-16; the error names the line of the first invalid byte.
pub fn text(path: &Path) -> io::Result<String> {
    decoded(bytes(path, DOCUMENT)?)
}

/// The text in some bytes.
///
/// # Errors
///
/// They are neither UTF-8 nor UTF-16; the error names the line of the first invalid byte.
pub fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    decoded_with_form(bytes).map(|decoded| decoded.text)
}

/// The text in some bytes, with the encoding that a changed file keeps.
///
/// # Errors
///
/// As [`decoded`].
pub fn decoded_with_form(bytes: Vec<u8>) -> io::Result<Decoded> {
    encoding::decode(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The text of a file of any size, as a stream of UTF-8 without a byte order mark. Only UTF-16 is decoded in memory. Invalid bytes of
/// UTF-8 are left to the parser, which knows their line.
///
/// # Errors
///
/// As [`open`], or a text of UTF-16 that cannot be decoded or has more than [`DOCUMENT`] bytes.
pub fn stream(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(open(path)?);
    match *file.fill_buf()? {
        [0xef, 0xbb, 0xbf, ..] => file.consume(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, ..] | [0, ..] => {
            return Ok(Box::new(Cursor::new(decoded(limited(file, DOCUMENT)?)?)));
        }
        _ => {}
    }
    Ok(Box::new(file))
}

fn is_file(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
    Err(io::Error::other(format!("it is {what}; name a file")))
}

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!("it has more than {most} bytes, which is the limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_up_to_a_size_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "äbc").expect("writes");
        assert_eq!(text(&path).expect("reads"), "äbc");
        assert_eq!(bytes(&path, 4).expect("reads").len(), 4);
        let problem = |result: io::Result<Vec<u8>>| result.expect_err("refused").to_string();
        assert_eq!(problem(bytes(&path, 3)), "it has more than 3 bytes, which is the limit");
        assert_eq!(problem(limited(io::repeat(0), 5_000)), "it has more than 5000 bytes, which is the limit");
        assert_eq!(problem(bytes(folder.path(), 9)), "it is a folder; name a file");
        fs::write(&path, [0xff]).expect("writes");
        let problem_of_text = |path: &Path| text(path).expect_err("refused").to_string();
        assert_eq!(problem_of_text(&path), "line 1: it is not UTF-8 from this line on; save it as UTF-8");
        // A sparse file has its size without its bytes.
        File::create(&path).and_then(|file| file.set_len(3 << 30)).expect("makes");
        assert!(problem(bytes(&path, DOCUMENT)).starts_with("it has more than"));
        assert_eq!(open(&folder.path().join("none")).expect_err("refused").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_stream_has_the_text_of_every_encoding() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        for encoding in [encoding::Encoding::Utf8, encoding::Encoding::Utf16Le, encoding::Encoding::Utf16Be] {
            for marked in [false, true] {
                for whole in ["{\"a\": \"é支😀\"}\n".repeat(3_000), "x".to_owned(), String::new()] {
                    fs::write(&path, encoding::encode(&whole, encoding, marked)).expect("writes");
                    let mut read = String::new();
                    stream(&path).and_then(|mut stream| stream.read_to_string(&mut read)).expect("a text");
                    assert_eq!(read, whole, "{encoding:?} {marked}");
                    assert_eq!(text(&path).expect("a text"), whole, "{encoding:?} {marked}");
                }
            }
        }
        fs::write(&path, b"\xff\xfe{\0\n\0\x00\xd8").expect("writes");
        assert!(stream(&path).err().expect("refused").to_string().starts_with("line 2: it begins as UTF-16"));
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_refused_through_links_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
        for target in [Path::new("/dev/zero"), &pipe] {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(target, &link).expect("links");
            for path in [target, &link] {
                let problem = text(path).expect_err("refused").to_string();
                assert_eq!(problem, "it is a device or a pipe; name a file", "{}", path.display());
            }
            fs::remove_file(&link).expect("removes");
        }
    }
}
