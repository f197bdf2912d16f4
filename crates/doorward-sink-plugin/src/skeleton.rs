//! `doorward plugin new`: a first plugin that keeps the contract, in three languages.

use std::io;
use std::path::{Path, PathBuf};

use doorward_file::{Readers, write_file};

/// The language of a skeleton.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python 3, with nothing but its standard library.
    Python,
    /// Rust, with serde_json.
    Rust,
    /// A POSIX shell and jq.
    Sh,
}

/// Writes a plugin into a new folder with its name below `folder`. Returns the path of the program, or of the manifest that builds it.
///
/// # Errors
///
/// The folder exists, or cannot be written.
pub fn write(folder: &Path, name: &str, language: Language) -> io::Result<PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir(&folder)?;
    let file = |path: &str, text: &str, is_program: bool| {
        let path = folder.join(path);
        write_file(&path, Readers::Umask, |out| out.write_all(text.replace("NAME", name).as_bytes()))?;
        if is_program {
            make_executable(&path)?;
        }
        Ok(path)
    };
    match language {
        Language::Python => file(name, include_str!("skeleton/python.py"), true),
        Language::Sh => file(name, include_str!("skeleton/sh.sh"), true),
        Language::Rust => {
            std::fs::create_dir(folder.join("src"))?;
            file("src/main.rs", include_str!("skeleton/rust.rs.txt"), false)?;
            file("Cargo.toml", include_str!("skeleton/Cargo.toml.txt"), false)
        }
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}
