//! `cargo xtask page`: the page in a real browser, compared with the report that it was rendered from.
//!
//! It needs Python 3 and a Chromium. Where one of them is missing, the step is reported as skipped with the reason, never as
//! passed.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::{python, workspace};

/// The Python packages. axe-playwright-python contains axe-core.
const PINS: [&str; 2] = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];

/// Names of the program.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// The reports that pages are rendered from, and the history beside them.
const REPORTS: [(&str, &str); 2] = [("acme", "acme-org"), ("gaps", "gaps-org")];

/// How a step ended that did not fail.
pub(crate) enum StepOutcome {
    /// It ran and found no problem.
    Passed,
    /// It did not run, for this reason.
    Skipped(String),
}

/// Runs it; `--shots FOLDER` also takes pictures.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let shots = match arguments {
        [] => None,
        [flag, folder] if flag == "--shots" => Some(PathBuf::from(folder)),
        _ => bail!("takes --shots FOLDER or nothing"),
    };
    match attempt(shots.as_deref())? {
        StepOutcome::Passed => {}
        StepOutcome::Skipped(why) => println!("SKIPPED: {why}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the pages and opens them.
pub(crate) fn attempt(shots: Option<&Path>) -> Result<StepOutcome> {
    let Some(browser) = browser().or_else(installed) else {
        return Ok(StepOutcome::Skipped(format!(
            "there is no Chromium (one of {} on the PATH, or a path in DOORWARD_BROWSER), so the page was not opened in one",
            BROWSERS.join(", ")
        )));
    };
    let folder = workspace::target()?.join("page");
    let python = match python::environment("page", &PINS) {
        Ok(python) => python,
        Err(why) => return Ok(StepOutcome::Skipped(format!("{why:#}, so the page was not opened in a browser"))),
    };
    let root = workspace::root()?;
    let pages = folder.join("pages");
    std::fs::create_dir_all(&pages).with_context(|| format!("{} cannot be made", pages.display()))?;
    for (name, example) in REPORTS {
        let sample = root.join("reports/samples").join(example);
        let report = sample.join("scan.json");
        example_of("page", &[&report, &pages.join(format!("{name}.html")), &sample.join("history.json")])?;
        let copy = pages.join(format!("{name}.json"));
        std::fs::copy(&report, &copy).with_context(|| format!("{} cannot be copied", report.display()))?;
    }
    example_of("pages", &[&pages])?;
    let mut command = Command::new(python);
    command.arg(root.join("crates/doorward-sink-page/tests/browser.py")).arg(&browser).arg(&pages).args(shots);
    let status = command.status().context("the browser's script could not be started")?;
    ensure!(status.success(), "the page does not match its report; the differences are above");
    Ok(StepOutcome::Passed)
}

/// Runs an example of the page's crate.
fn example_of(name: &str, arguments: &[&Path]) -> Result<()> {
    let mut command = Command::new(workspace::example(name)?);
    let status =
        command.args(arguments).status().with_context(|| format!("the example {name} could not be started"))?;
    ensure!(status.success(), "the example {name} of doorward-sink-page failed; its messages are above");
    Ok(())
}

fn browser() -> Option<PathBuf> {
    if let Some(configured) = std::env::var_os("DOORWARD_BROWSER") {
        return Some(PathBuf::from(configured));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// Installs a missing browser where CI is set.
fn installed() -> Option<PathBuf> {
    workspace::install("Chromium", "chromium").then(browser).flatten()
}
