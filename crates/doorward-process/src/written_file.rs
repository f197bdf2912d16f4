//! A file that a program was asked to write, as the program left it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file that a program wrote. The call never waits: a program may leave a pipe, a device or a link in its place.
///
/// # Errors
///
/// There is no file, it cannot be read, or something else is in its place.
pub fn open_written(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is a folder, a pipe or a device, and no regular file"))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    // Without NONBLOCK, opening a pipe waits for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::MLINK) => {
            Err(io::Error::other("it is a link, which is not followed"))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    if path.symlink_metadata()?.is_symlink() {
        return Err(io::Error::other("it is a link, which is not followed"));
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_opened() {
        use std::io::Read as _;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").expect("writes");
        let mut text = String::new();
        open_written(&at("file")).and_then(|mut file| file.read_to_string(&mut text)).expect("reads");
        assert_eq!(text, "text");
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
        assert!(made.expect("runs").success());
        std::os::unix::fs::symlink("file", at("link")).expect("links");
        std::os::unix::fs::symlink("/dev/zero", at("zero")).expect("links");
        for (name, problem) in [
            ("pipe", "no regular file"),
            ("link", "not followed"),
            ("zero", "not followed"),
            (".", "no regular file"),
            ("missing", "No such file"),
        ] {
            let refused = open_written(&at(name)).expect_err(name).to_string();
            assert!(refused.contains(problem), "{name}: {refused}");
        }
    }
}
