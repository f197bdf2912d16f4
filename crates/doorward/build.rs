//! Lists the access logs of `examples/traffic` for the demo, which carries them along, and names the build for `doorward --version`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> std::io::Result<()> {
    name_build();
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = own.join("../../examples/traffic").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    find(&root, &mut files)?;
    files.sort();
    let mut text = String::from("[\n");
    for file in files {
        let key = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        // Writing to a String does not fail.
        let _ = writeln!(text, "    ({key:?}, include_bytes!({:?}).as_slice()),", file.display().to_string());
    }
    text.push_str("]\n");
    std::fs::write(PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("logs.rs"), text)
}

/// The commit and its date, where a release sets them or git knows them, and the target.
fn name_build() {
    let given = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let git = |arguments: &[&str]| {
        let answer = Command::new("git").args(arguments).output().ok().filter(|answer| answer.status.success())?;
        let text = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let unknown = || "unknown".to_owned();
    let commit = given("DOORWARD_BUILD_COMMIT").or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    let date = given("DOORWARD_BUILD_DATE").or_else(|| git(&["show", "--no-patch", "--format=%cs", "HEAD"]));
    println!("cargo::rustc-env=DOORWARD_COMMIT={}", commit.unwrap_or_else(unknown));
    println!("cargo::rustc-env=DOORWARD_DATE={}", date.unwrap_or_else(unknown));
    println!("cargo::rustc-env=DOORWARD_TARGET={}", given("TARGET").unwrap_or_else(unknown));
    // A development build may name an earlier commit: watching git would build the program again after every commit.
    println!("cargo::rerun-if-env-changed=DOORWARD_BUILD_COMMIT");
    println!("cargo::rerun-if-env-changed=DOORWARD_BUILD_DATE");
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            files.push(path);
        }
    }
    Ok(())
}
