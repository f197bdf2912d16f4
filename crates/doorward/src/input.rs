//! Files that the user names: opened only if they are files, and read up to a size.
//!
//! A device or a pipe may never end, and opening a pipe waits for a writer. Links are followed before that is decided.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a document that is read as a whole: settings, plans, keys, captured requests. A plan of 200,000 load balancers
/// is smaller.
pub(crate) const DOCUMENT: u64 = 512 << 20;

/// Opens a file; an error for a device, a pipe, a socket or a folder.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    is_file(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // The path may have become something else in between.
    is_file(&file.metadata()?)?;
    Ok(file)
}

/// The bytes of a file that has at most `most` of them.
pub(crate) fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large(most));
    }
    // A file may grow while it is read.
    limited(file, most)
}

/// The bytes of a stream that has at most `most` of them.
pub(crate) fn limited(stream: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// The text of a file that has at most [`DOCUMENT`] bytes.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path, DOCUMENT)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

fn is_file(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
    Err(io::Error::other(format!("it is {what}; name a file")))
}

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!("it has more than {most} bytes, which is the most that is read"))
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
        assert_eq!(problem(bytes(&path, 3)), "it has more than 3 bytes, which is the most that is read");
        assert_eq!(
            problem(limited(io::repeat(0), 5_000)),
            "it has more than 5000 bytes, which is the most that is read"
        );
        assert_eq!(problem(bytes(folder.path(), 9)), "it is a folder; name a file");
        fs::write(&path, [0xff]).expect("writes");
        assert_eq!(text(&path).expect_err("refused").to_string(), "it is not UTF-8");
        // A sparse file has its size without its bytes.
        File::create(&path).and_then(|file| file.set_len(3 << 30)).expect("makes");
        assert!(problem(bytes(&path, DOCUMENT)).starts_with("it has more than"));
        assert_eq!(open(&folder.path().join("none")).expect_err("refused").kind(), io::ErrorKind::NotFound);
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
