//! `cargo xtask formats`: OSCAL, OCSF, Parquet and JUnit are read by the libraries that their consumers use, and must say what the report
//! says.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::process::finish;
use crate::{python, workspace};

/// The readers. compliance-trestle 3.12 is of OSCAL 1.1.3; jsonschema reads the published schema of OCSF.
const PINS: [&str; 5] =
    ["compliance-trestle==3.12.4", "jsonschema==4.26.0", "pyarrow==26.0.1", "duckdb==2.0.1", "junitparser==5.0.3"];
const SAMPLES: [&str; 2] = ["acme-org", "gaps-org"];

/// Writes the formats of the samples and reads them.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::environment("formats", &PINS)?;
    let (root, doorward) = (workspace::root()?, workspace::build("doorward")?);
    let folder = tempfile::tempdir().context("no folder for the outputs")?;
    let plugins = root.join("examples/plugins");
    let program = folder.path().join("parquet-plugin");
    std::fs::copy(plugins.join("parquet"), &program).context("the plugin cannot be copied")?;
    let settings = folder.path().join("doorward.toml");
    let text = format!("[reports.history]\ncommand = [{python:?}, {program:?}]\n[ledger]\nenabled = false\n");
    std::fs::write(&settings, text).context("the settings cannot be written")?;
    for inner in ["oscal", "parquet", "history"] {
        std::fs::create_dir(folder.path().join(inner)).context("no folder for an output")?;
    }
    for sample in SAMPLES {
        let place = |name: String| folder.path().join(name).display().to_string();
        let outputs = [
            format!("json={}", place(format!("{sample}.json"))),
            format!("oscal={}", place(format!("oscal/{sample}.json"))),
            format!("ocsf={}", place(format!("{sample}.ocsf"))),
            format!("ocsf-1.3={}", place(format!("{sample}.lake"))),
            format!("parquet={}", place(format!("parquet/{sample}"))),
            format!("history={}", place(format!("history/{sample}"))),
        ];
        let mut report = command(&doorward, &settings);
        report.arg("report").arg("--from").arg(root.join("reports/samples").join(sample).join("scan.saved"));
        outputs.iter().for_each(|output| {
            report.args(["--format", output]);
        });
        let wrote = finish(&mut report)?;
        let ended = matches!(wrote.code, Some(0 | 3 | 4 | 5));
        ensure!(ended, "the outputs of {sample} were not written: {}", wrote.stderr.trim());
    }
    let mut kit = command(&doorward, &settings);
    let kit = finish(kit.args(["plugin", "test", "history", "--junit"]).arg(folder.path().join("kit.xml")))?;
    ensure!(kit.code == Some(0), "the plugin `parquet` breaks the contract: {}{}", kit.stdout, kit.stderr.trim());
    let mut check = Command::new(python);
    check.arg(root.join("xtask/formats/check.py")).arg(folder.path()).arg(plugins.join("parquet.sql"));
    check.arg(root.join("crates/doorward-sink-securityhub/tests/ocsf"));
    let read = finish(&mut check)?;
    ensure!(read.code == Some(0), "a library reads something else: {}{}", read.stdout, read.stderr.trim());
    println!("{}", read.stdout.trim());
    Ok(ExitCode::SUCCESS)
}

fn command(doorward: &Path, settings: &Path) -> Command {
    let mut command = Command::new(doorward);
    command.arg("--config").arg(settings);
    command
}
