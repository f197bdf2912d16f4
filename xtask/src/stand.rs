//! `cargo xtask stand`: the real binary against an emulator that somebody else wrote, and through faults in front of it.
//!
//! moto plays AWS, microburst breaks it; both come from PyPI and neither shares code or assumptions with ours. What was
//! seeded with boto3 is the truth; every verdict must equal it or be unknown for the right reason.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace;

mod cases;
mod control;
mod emulators;
mod judge;
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
    let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    crate::only(arguments, &names)?;
    let binary = workspace::build("doorward")?;
    let moto = Moto::start(&python)?;
    let truth = moto.seed(&python)?;
    let faults = Faults::start(&python, &moto)?;
    let stand = Stand { binary, moto, faults, truth };
    let (mut passed, mut failed) = (0, 0);
    for case in CASES.iter().filter(|case| arguments.is_empty() || arguments.iter().any(|name| name == case.name)) {
        let begun = Instant::now();
        let outcome = stand.try_case(case);
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(seen) => {
                println!("ok     {:<22} {seen} ({seconds:.1} s)", case.name);
                passed += 1;
            }
            Err(error) => {
                println!("FAILED {:<22} {}: {error:#}", case.name, case.what);
                failed += 1;
            }
        }
    }
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
