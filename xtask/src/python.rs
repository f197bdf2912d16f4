//! Python environments for tasks, created once and kept under the build folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{Finished, finish};
use crate::workspace;

/// The emulators. boto3 comes with moto. Pinned, because the end-to-end tests assert what the emulators answer. The last four are
/// for moto's CloudFormation and its input.
const EMULATORS: [&str; 9] = [
    "moto==5.2.5",
    "flask",
    "flask-cors",
    "microburst==0.10.0",
    "cbor2==6.3.0",
    "openapi-spec-validator==0.9.0",
    "PyYAML==6.0.3",
    "graphql-core==3.3.2",
    "tomli==2.5.0",
];

/// The Python of the environment with moto, microburst and boto3.
pub(crate) fn with_emulators() -> Result<PathBuf> {
    environment("e2e", &EMULATORS)
}

/// The Python of an environment with these packages; the environment is created when it is missing or has other versions.
pub(crate) fn environment(name: &str, pins: &[&str]) -> Result<PathBuf> {
    let folder = workspace::target()?.join(name).join("venv");
    let python = folder.join("bin").join("python");
    let marker = folder.join("installed.txt");
    let wanted = pins.join("\n");
    if python.is_file() && std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("making {} (once; needs Python 3 with venv and pip, and a package index)", folder.display());
    let Ok(version) = finish(Command::new("python3").args(["-c", "import sys; print(sys.version_info >= (3, 10))"]))
    else {
        bail!(
            "this needs python3 (3.10 or newer, with venv and pip), which is not installed; install it and try again"
        );
    };
    if version.stdout.trim() != "True" {
        bail!("this needs Python 3.10 or newer; python3 is older");
    }
    step(
        "python3 -m venv failed; install Python's venv module",
        Command::new("python3").args(["-m", "venv"]).arg(&folder),
    )?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step("pip could not install the packages", Command::new(&python).args(pip).args(pins))?;
    std::fs::write(&marker, wanted).context("the environment cannot be marked as complete")?;
    Ok(python)
}

fn step(problem: &str, command: &mut Command) -> Result<()> {
    let Finished { code, stdout, stderr } = finish(command)?;
    if code != Some(0) {
        let words = if stderr.trim().is_empty() { stdout } else { stderr };
        bail!("{problem}: {}", words.trim());
    }
    Ok(())
}
