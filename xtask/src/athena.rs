//! `cargo xtask athena`: the table's expression and the query that Athena gets, run by engines that are available here.
//!
//! Athena reads text with a Java library, so Java applies the expression to every line; DuckDB runs the query, which sqlglot
//! translates from Athena's dialect. Their counts of a corpus, damaged lines included, must equal those of the engine in
//! `doorward-traffic`, and the same lines as Parquet must give the same counts.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::process::finish;
use crate::{python, workspace};

/// The engines. Pinned, because dialects change between versions.
const PINS: [&str; 2] = ["duckdb==2.0.0", "sqlglot==30.30.0"];
/// Bytes of lines, bytes of lines in an object, seed, kinds of quoting.
const CORPUS: [&str; 4] = ["24000000", "100000", "7", "all"];
/// A corpus without escaped quotes, whose lines a script of ten lines can parse.
const GENTLE: [&str; 4] = ["6000000", "100000", "7", "gentle"];

/// Writes a corpus and counts it with both engines.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    ensure!(
        finish(Command::new("java").arg("--version")).is_ok_and(|ran| ran.code == Some(0)),
        "Java is missing, and Athena's expressions are Java's; install it (Debian: openjdk-17-jre-headless)"
    );
    let python = python::environment("athena", &PINS)?;
    let root = workspace::root()?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--quiet", "--locked", "--package", "doorward-traffic", "--examples"]);
    ensure!(build.status().context("cargo build could not be started")?.success(), "the examples do not build");
    let example = |name: &str| -> Result<std::path::PathBuf> {
        Ok(workspace::target()?.join("debug/examples").join(name).with_extension(std::env::consts::EXE_EXTENSION))
    };
    let folder = tempfile::tempdir().context("no folder for the corpus")?;
    let corpus = folder.path().join("corpus");
    let wrote = finish(Command::new(example("logs")?).arg("write").arg(&corpus).args(CORPUS))?;
    ensure!(wrote.code == Some(0), "the corpus was not written: {}", wrote.stderr.trim());
    let scripts = root.join("xtask/athena");
    let mut check = Command::new(&python);
    check.arg(scripts.join("check.py")).arg(example("athena")?).arg(&corpus);
    let checked = finish(check.arg(scripts.join("Regex.java")).arg(scripts.join("query.py")))?;
    ensure!(checked.code == Some(0), "the two do not agree: {}", checked.stderr.trim());
    println!("athena: lines: {}", checked.stdout.trim());
    // Lines as a delivery would write them.
    let corpus = folder.path().join("clean");
    let wrote = finish(Command::new(example("logs")?).arg("write").arg(&corpus).args(GENTLE))?;
    ensure!(wrote.code == Some(0), "the corpus was not written: {}", wrote.stderr.trim());
    let mut check = Command::new(&python);
    check.arg(scripts.join("parquet.py")).arg(example("athena")?).arg(&corpus).arg(scripts.join("query.py"));
    let checked = finish(&mut check)?;
    ensure!(checked.code == Some(0), "Parquet does not agree: {}", checked.stderr.trim());
    println!("athena: Parquet: {}", checked.stdout.trim());
    Ok(ExitCode::SUCCESS)
}
