//! `cargo xtask plugins`: the examples and skeletons of plugins keep the contract, and what they write is what the report says.
//!
//! Everything here needs Python's standard library, jq and the Rust toolchain alone. What needs packages of Python is in
//! `cargo xtask formats`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::page::StepOutcome;
use crate::process::finish;
use crate::workspace;

/// Programs of the examples that run as they are; `tickets` needs a tracker and is tested with one by the tests.
const SCRIPTS: [(&str, Option<&str>); 2] = [("table", None), ("summary", Some("jq"))];

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    if let StepOutcome::Skipped(why) = attempt()? {
        println!("SKIPPED: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tests every example and the skeleton that has to be compiled.
pub(crate) fn attempt() -> Result<StepOutcome> {
    let doorward = workspace::build("doorward")?;
    let folder = tempfile::tempdir().context("no folder for the plugins")?;
    let root = workspace::root()?;
    let mut missing = Vec::new();
    for (name, needs) in SCRIPTS {
        if let Some(needs) = needs.filter(|needs| !is_installed(needs)) {
            missing.push(format!("{name} ({needs} is not installed)"));
            continue;
        }
        let program = copied(&root.join("examples/plugins").join(name), folder.path())?;
        conforms(&doorward, &program)?;
    }
    let example = compiled(&root.join("examples/plugins/openmetrics/Cargo.toml"), "openmetrics", &["--locked"])?;
    conforms(&doorward, &copied(&example, folder.path())?)?;
    metrics(&doorward, &folder.path().join("openmetrics"), folder.path())?;
    let mut new = Command::new(&doorward);
    new.args(["plugin", "new", "skeleton", "--language", "rust", "--out"]).arg(folder.path());
    let written = finish(new.current_dir(folder.path()))?;
    ensure!(written.code == Some(0), "the skeleton was not written: {}", written.stderr.trim());
    let skeleton = compiled(&folder.path().join("skeleton/Cargo.toml"), "skeleton", &[])?;
    std::fs::create_dir(folder.path().join("built")).context("no folder for the skeleton")?;
    conforms(&doorward, &copied(&skeleton, &folder.path().join("built"))?)?;
    Ok(match missing.is_empty() {
        true => StepOutcome::Passed,
        false => StepOutcome::Skipped(format!("not tested: {}", missing.join(", "))),
    })
}

/// Whether a program is where a plugin of the shell looks for it.
fn is_installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// A copy of a program in a folder that only this user can write to.
fn copied(program: &Path, folder: &Path) -> Result<PathBuf> {
    let copy = folder.join(program.file_name().context("a program without a name")?);
    std::fs::copy(program, &copy).with_context(|| format!("{} cannot be copied", program.display()))?;
    Ok(copy)
}

/// Compiles a plugin with the packages that the workspace has already.
fn compiled(manifest: &Path, name: &str, more: &[&str]) -> Result<PathBuf> {
    let target = workspace::target()?.join("plugins");
    let mut build = workspace::cargo()?;
    build.args(["build", "--quiet", "--offline", "--manifest-path"]).arg(manifest).args(more);
    let built = finish(build.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "-D warnings"))?;
    ensure!(built.code == Some(0), "{} does not compile: {}", manifest.display(), built.stderr.trim());
    Ok(target.join("debug").join(name).with_extension(std::env::consts::EXE_EXTENSION))
}

fn conforms(doorward: &Path, program: &Path) -> Result<()> {
    let tested = finish(Command::new(doorward).args(["plugin", "test"]).arg(program))?;
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if tested.code != Some(0) {
        bail!("{name}: {}{}", tested.stdout, tested.stderr.trim());
    }
    println!("{name}: {}", tested.stdout.lines().last().unwrap_or_default());
    Ok(())
}

/// The metrics of the example add up to the findings of the sample.
fn metrics(doorward: &Path, program: &Path, folder: &Path) -> Result<()> {
    let settings = folder.join("doorward.toml");
    std::fs::write(&settings, format!("[reports.metrics]\ncommand = [{program:?}]\n[ledger]\nenabled = false\n"))
        .context("the settings cannot be written")?;
    let sample = workspace::root()?.join("reports/samples/acme-org");
    let mut report = Command::new(doorward);
    report.arg("report").arg("--from").arg(sample.join("scan.saved")).arg("--config").arg(&settings);
    let wrote = finish(report.args(["--format", "metrics"]))?;
    ensure!(wrote.code == Some(3), "the metrics were not written: {}", wrote.stderr.trim());
    let counts = wrote.stdout.lines().filter(|line| line.starts_with("doorward_findings{"));
    let sum: usize = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
    let lines = std::fs::read_to_string(sample.join("scan.ndjson")).context("the sample cannot be read")?;
    let findings = lines.lines().filter(|line| line.starts_with("{\"type\":\"finding\""));
    let expected = findings.filter(|line| !line.contains("\"verdict\":\"not-applicable\"")).count();
    ensure!(sum == expected && sum > 0, "the metrics count {sum} findings, the report has {expected}");
    Ok(())
}
