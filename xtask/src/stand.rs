//! `cargo xtask stand`: the real binary against an emulator that somebody else wrote, and through faults in front of it.
//!
//! moto plays AWS, microburst breaks it; both come from PyPI and neither shares code or assumptions with ours. What was
//! seeded with boto3 is the truth; every verdict must equal it or be unknown for the right reason.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace;

mod agreement;
mod cases;
mod change;
mod control;
mod emulators;
mod hub;
mod judge;
mod traffic;
mod truth;
mod venv;

use cases::{CASES, Case, Through};
use emulators::{Faults, Moto};
use truth::Truth;
pub(crate) use venv::{environment, python};

/// Runs the cases, or keeps the stand up for hand work.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let python = python()?;
    if arguments.iter().any(|argument| argument == "--keep") {
        crate::only(arguments, &["--keep"])?;
        return keep(&python);
    }
    let names: Vec<&str> =
        CASES.iter().map(|case| case.name).chain([agreement::NAME, change::NAME, hub::NAME, traffic::NAME]).collect();
    crate::only(arguments, &names)?;
    let binary = workspace::build("doorward")?;
    let moto = Moto::start(&python)?;
    let truth = moto.seed(&python)?;
    let faults = Faults::start(&python, &moto)?;
    let stand = Stand { binary, moto, faults, truth };
    let (mut passed, mut failed) = (0, 0);
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let mut attempt = |name: &str, what: &str, attempt: &dyn Fn() -> Result<String>| {
        if !wanted(name) {
            return;
        }
        let begun = Instant::now();
        let outcome = attempt();
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(seen) => {
                println!("ok     {name:<22} {seen} ({seconds:.1} s)");
                passed += 1;
            }
            Err(error) => {
                println!("FAILED {name:<22} {what}: {error:#}");
                failed += 1;
            }
        }
    };
    for case in CASES {
        attempt(case.name, case.what, &|| stand.try_case(case));
    }
    attempt(agreement::NAME, "templates checked, deployed by another emulator and scanned", &|| {
        agreement::attempt(&stand, &python)
    });
    attempt(change::NAME, "modes of another emulator, changed and rolled back", &|| change::attempt(&stand, &python));
    attempt(hub::NAME, "findings live in another emulator's Security Hub", &|| hub::attempt(&stand, &python));
    attempt(traffic::NAME, "logs, metrics and queries of another emulator", &|| traffic::attempt(&stand, &python));
    println!("stand: {passed} cases passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything a case needs.
struct Stand {
    binary: PathBuf,
    moto: Moto,
    faults: Faults,
    truth: Truth,
}

impl Stand {
    fn try_case(&self, case: &Case) -> Result<String> {
        let (endpoint, key, locked) = match case.through {
            Through::Moto => (self.moto.url(), ("anybody", "anything"), false),
            Through::Faults(_) => (self.faults.url(), ("anybody", "anything"), false),
            Through::Locked => (self.moto.url(), (self.truth.key_id.as_str(), self.truth.secret.as_str()), true),
            Through::WrongSecret => (self.moto.url(), (self.truth.key_id.as_str(), "not-the-secret"), true),
        };
        if let Through::Faults(rules) = case.through {
            self.faults.set(&self.truth.fill_in(rules)?)?;
        }
        let folder = tempfile::tempdir().context("no folder for the outputs")?;
        let settings = folder.path().join("doorward.toml");
        std::fs::write(&settings, case.settings(&self.truth)?).context("the settings cannot be written")?;
        // A key that is refused must be refused by moto, so the lock is on only while the scanner runs.
        let lock = locked.then(|| self.moto.lock()).transpose()?;
        let ran = judge::scan(&self.binary, folder.path(), &endpoint, key)?;
        drop(lock);
        let fired = match case.through {
            Through::Faults(_) => {
                let fired = self.faults.clear()?;
                if fired == 0 {
                    bail!("no fault fired, so nothing was tried; does the rule still name the operation?");
                }
                format!(", {fired} faults")
            }
            _ => String::new(),
        };
        let seen = judge::judge(case, &self.truth, &ran).with_context(|| {
            format!("exit {:?}; stderr: {}", ran.code, ran.stderr.trim().lines().last().unwrap_or("(nothing)"))
        })?;
        Ok(format!("{seen}{fired}"))
    }
}

/// Leaves moto running in the foreground, seeded, until it is interrupted.
fn keep(python: &std::path::Path) -> Result<ExitCode> {
    let mut moto = Moto::start(python)?;
    let truth = moto.seed(python)?;
    println!("export AWS_ENDPOINT_URL={}", moto.url());
    println!("export AWS_ACCESS_KEY_ID={}", truth.key_id);
    println!("export AWS_SECRET_ACCESS_KEY={}", truth.secret);
    println!("export AWS_REGION={}", truth.regions.first().context("the seed names no Region")?);
    eprintln!(
        "moto runs until this is interrupted; it has no account:ListRegions, so scan with --region {}",
        truth.regions.join(" --region ")
    );
    moto.wait()?;
    Ok(ExitCode::SUCCESS)
}
