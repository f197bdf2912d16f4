//! `cargo xtask traffic`: generated access logs are counted with DuckDB too, and every count must be the expected one.
//!
//! The corpus has every shape of line that AWS has written; its writer counts them as it writes. Three counts are compared, line
//! by line: the writer's, Doorward's, and DuckDB's, with the options without which it drops rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::process::finish;
use crate::{python, workspace};

/// The engine. Pinned, because each version guesses types differently.
const PINS: [&str; 2] = ["duckdb==2.0.0", "polars==2.1.0"];

/// Generated logs and their expected counts.
pub(crate) struct Corpus {
    pub(crate) folder: PathBuf,
    expected: String,
}

impl Corpus {
    fn write(program: &Path, folder: PathBuf, bytes: u64, file_bytes: u64, seed: u64, quotes: &str) -> Result<Self> {
        let numbers = [bytes, file_bytes, seed].map(|number| number.to_string());
        let wrote = finish(Command::new(program).arg("write").arg(&folder).args(numbers).arg(quotes))?;
        ensure!(wrote.code == Some(0), "the corpus was not written: {}", wrote.stderr.trim());
        Ok(Self { folder, expected: wrote.stdout })
    }

    /// A corpus under the build folder that is kept for the next run; without `\"` inside of fields, which Polars cannot read.
    pub(crate) fn kept(program: &Path, bytes: u64, file_bytes: u64, seed: u64) -> Result<Self> {
        let folder = workspace::target()?.join("traffic").join(format!("{bytes}-{file_bytes}-{seed}"));
        // Named after the writer, so that another one writes anew.
        let mark = folder.join("expected.txt");
        let newer = |mark: &Path| {
            Some(fs::metadata(mark).ok()?.modified().ok()? > fs::metadata(program).ok()?.modified().ok()?)
        };
        if newer(&mark) == Some(true) {
            let expected = fs::read_to_string(&mark).context("the expected counts cannot be read")?;
            return Ok(Self { folder, expected });
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        eprintln!("writing {bytes} bytes of lines to {}", folder.display());
        let corpus = Self::write(program, folder, bytes, file_bytes, seed, "gentle")?;
        fs::write(&mark, &corpus.expected).context("the expected counts cannot be written")?;
        Ok(corpus)
    }
}

/// Writes a corpus and compares the three counts.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let bytes: u64 = match arguments {
        [] => 20_000_000,
        [flag, number] if flag == "--bytes" => {
            number.replace('_', "").parse().with_context(|| format!("--bytes takes a number, not {number:?}"))?
        }
        _ => bail!("takes --bytes N or nothing"),
    };
    // Large corpora take long to write without optimization.
    let (program, python) = (program(bytes > 100_000_000)?, python()?);
    let folder = tempfile::tempdir_in(workspace::target()?).context("no folder for the corpus")?;
    let file_bytes = (bytes / 100).clamp(200_000, 13_000_000);
    let corpus = Corpus::write(&program, folder.path().to_owned(), bytes, file_bytes, 20_261_123, "all")?;
    let mut results = Vec::new();
    for (who, command) in [
        ("Doorward", Command::new(&program).arg("count").arg(&corpus.folder).arg("2")),
        (
            "DuckDB",
            Command::new(&python)
                .arg(workspace::root()?.join("xtask/traffic/count.py"))
                .arg("duckdb")
                .arg(&corpus.folder)
                .args(["2", "words"]),
        ),
    ] {
        let done = finish(command)?;
        ensure!(done.code == Some(0), "{who} could not count: {}", done.stderr.trim());
        results.push((who, done.stdout));
    }
    for (who, counted) in &results {
        if let Some(difference) = difference(&corpus.expected, counted) {
            bail!("{who} does not count what was written: {difference}");
        }
    }
    let lines: u64 = counts(&corpus.expected, "lines\t").sum();
    ensure!(lines > 0, "the corpus is empty, so that nothing was compared");
    println!(
        "{bytes} bytes, {lines} lines: {} counts are the same for the writer, Doorward and DuckDB",
        corpus.expected.lines().count()
    );
    Ok(ExitCode::SUCCESS)
}

/// The first line that only one of two sorted texts contains.
fn difference(expected: &str, counted: &str) -> Option<String> {
    let (expected, counted): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), counted.lines().collect());
    let missing = expected.iter().find(|line| !counted.contains(line));
    let invented = counted.iter().find(|line| !expected.contains(line));
    match (missing, invented) {
        (None, None) => None,
        (missing, invented) => Some(format!(
            "{:?} was written, {:?} was counted",
            missing.copied().unwrap_or("nothing"),
            invented.copied().unwrap_or("nothing")
        )),
    }
}

fn counts<'a>(expected: &'a str, what: &'a str) -> impl Iterator<Item = u64> + 'a {
    let of = move |line: &str| line.starts_with(what).then(|| line.rsplit('\t').next()?.parse().ok())?;
    expected.lines().filter_map(of)
}

/// The program that writes and reads logs.
pub(crate) fn program(release: bool) -> Result<PathBuf> {
    if !release {
        return workspace::example("logs");
    }
    let mut build = workspace::cargo()?;
    build.args(["build", "--quiet", "--locked", "--package", "doorward-traffic", "--example", "logs", "--release"]);
    ensure!(build.status().context("cargo build could not be started")?.success(), "the example `logs` does not build");
    Ok(workspace::target()?.join("release/examples/logs").with_extension(std::env::consts::EXE_EXTENSION))
}

/// The Python with the other engines.
pub(crate) fn python() -> Result<PathBuf> {
    python::environment("traffic-python", &PINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named() {
        assert_eq!(difference("a\t1\nb\t2\n", "a\t1\nb\t2\n"), None);
        let difference = difference("a\t1\nb\t2\n", "a\t1\nb\t3\n").expect("differs");
        assert!(difference.contains("b\\t2") && difference.contains("b\\t3"), "{difference}");
    }

    #[test]
    fn lines_are_added_up() {
        assert_eq!(counts("class\tx\t\t9\nlines\tx\t\t3\nlines\ty\t\t4\n", "lines\t").sum::<u64>(), 7);
    }
}
