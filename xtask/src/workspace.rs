//! Where the workspace is and how its programs are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::finish;

/// The workspace's folder. Cargo sets the variable for whatever it runs.
pub(crate) fn root() -> Result<PathBuf> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    Path::new(&own).parent().map(Path::to_owned).context("xtask is not inside a workspace")
}

/// The Cargo that started this task, in the workspace's folder.
pub(crate) fn cargo() -> Result<Command> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()?);
    Ok(command)
}

/// Cargo for builds of the tests and of what tasks run: Clippy's driver compiles the workspace's own crates, so that lints and
/// tests share one build. `cargo clippy` would check every package of the AWS SDK besides, which takes minutes.
pub(crate) fn cargo_with_lints() -> Result<Command> {
    let mut command = cargo()?;
    let cargo = std::env::var_os("CARGO").map(PathBuf::from).unwrap_or_default();
    let beside = cargo.with_file_name("clippy-driver").with_extension(std::env::consts::EXE_EXTENSION);
    command.env("RUSTC_WORKSPACE_WRAPPER", if beside.is_file() { beside } else { "clippy-driver".into() });
    Ok(command)
}

/// The members of the workspace, as `cargo metadata` describes them.
pub(crate) fn metadata() -> Result<Value> {
    let output = cargo()?
        .args(["metadata", "--format-version", "1", "--locked", "--no-deps"])
        .output()
        .context("cargo metadata could not be started")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata did not print JSON")
}

/// The folder for everything that is built.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// Builds the workspace's programs as its tests are built, and says where one of them is.
pub(crate) fn build(package: &str) -> Result<PathBuf> {
    Ok(built()?.join(package).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Builds the workspace's examples as its tests are built, and says where one of them is.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    Ok(built()?.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Builds everything the way the tests need it: another selection of packages has other features, and would build the SDK
/// a second time.
fn built() -> Result<PathBuf> {
    let status = cargo_with_lints()?
        .args(["test", "--quiet", "--locked", "--workspace", "--no-run"])
        .status()
        .context("cargo test could not be started")?;
    if !status.success() {
        bail!("the workspace does not build; the compiler's messages are above");
    }
    Ok(target()?.join("debug"))
}

/// Installs a package of the system, only where CI is set. Returns whether it was installed.
pub(crate) fn install(what: &str, package: &str) -> bool {
    if std::env::var_os("CI").is_none() {
        return false;
    }
    eprintln!("installing {what}, because CI is set and it is missing");
    [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends", package]].iter().all(|arguments| {
        let mut command = Command::new("apt-get");
        let done = finish(command.env("DEBIAN_FRONTEND", "noninteractive").args(*arguments));
        let installed = done.as_ref().is_ok_and(|done| done.code == Some(0));
        if !installed {
            let why = done.map_or_else(|error| error.to_string(), |done| done.stderr.trim().to_owned());
            eprintln!("apt-get {}: {why}", arguments.join(" "));
        }
        installed
    })
}

/// All files below a folder, sorted, without build products and hidden folders.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                let hidden = name.to_string_lossy().starts_with('.');
                if !hidden && name != "target" && name != "__pycache__" {
                    pending.push(entry.path());
                }
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
