//! `cargo xtask page`: the page in a real browser, compared with the report it was made of.
//!
//! It needs Python 3 and a Chromium, neither of which a Rust project brings. Where one of them cannot be had the task says
//! that it was skipped, and why: a browser that never ran has found nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::process::{Finished, finish};
use crate::workspace;

/// What is installed into an environment of its own. axe-playwright-python brings axe-core with it.
const PINS: [&str; 2] = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];

/// Names that a Chromium goes by.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// The reports that pages are made of, and the history beside them.
const REPORTS: [(&str, &str); 2] = [("acme", "acme-org"), ("gaps", "gaps-org")];

/// How trying the page ended, where it did not fail.
pub(crate) enum Tried {
    /// The browser ran and had nothing to complain about.
    Passed,
    /// There was no browser to try it in.
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
        Tried::Passed => {}
        Tried::Skipped(why) => println!("SKIPPED: {why}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the pages and opens them.
pub(crate) fn attempt(shots: Option<&Path>) -> Result<Tried> {
    let Some(browser) = browser().or_else(installed) else {
        return Ok(Tried::Skipped(format!(
            "there is no Chromium (one of {} on the PATH, or a path in DOORWARD_BROWSER), so the page was not tried in one",
            BROWSERS.join(", ")
        )));
    };
    let folder = workspace::target()?.join("page");
    let python = match python(&folder.join("venv")) {
        Ok(python) => python,
        Err(why) => return Ok(Tried::Skipped(format!("{why:#}, so the page was not tried in a browser"))),
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
    ensure!(status.success(), "the page is not what its report says; the complaints are above");
    Ok(Tried::Passed)
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
    if let Some(told) = std::env::var_os("DOORWARD_BROWSER") {
        return Some(PathBuf::from(told));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// On a machine that tests and does nothing else, a missing browser is installed.
fn installed() -> Option<PathBuf> {
    workspace::install("Chromium", "chromium").then(browser).flatten()
}

/// The Python of an environment with what [`PINS`] names; makes it where it is missing or of other versions.
fn python(venv: &Path) -> Result<PathBuf> {
    let python = venv.join("bin").join("python");
    let marker = venv.join("installed.txt");
    let wanted = PINS.join("\n");
    if python.is_file() && std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("making {} (once; needs Python 3 with venv and pip, and a package index)", venv.display());
    step("python3 -m venv failed", Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step("pip could not install playwright", Command::new(&python).args(pip).args(PINS))?;
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
