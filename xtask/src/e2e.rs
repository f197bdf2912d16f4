//! `cargo xtask e2e`: the real binary against the emulator of another project, directly and through injected faults.
//!
//! moto emulates AWS and microburst injects faults; both come from PyPI and share no code with Doorward. Each verdict must
//! follow from the values that were seeded with boto3, or be unknown for the right reason.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{python, workspace};

mod agreement;
mod cases;
mod change;
mod control;
mod emulators;
mod expected;
mod judge;
mod security_hub;
mod shared_ledger;
mod traffic;

use cases::{CASES, Case, Through};
use emulators::{Faults, Moto};
use expected::SeededOrganization;

/// Runs the cases; with `--keep`, leaves the emulator running for manual tests.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let python = python::with_emulators()?;
    if arguments.iter().any(|argument| argument == "--keep") {
        crate::only(arguments, &["--keep"])?;
        return keep(&python);
    }
    let names: Vec<&str> = CASES
        .iter()
        .map(|case| case.name)
        .chain([agreement::NAME, change::NAME, security_hub::NAME, shared_ledger::NAME, traffic::NAME])
        .collect();
    crate::only(arguments, &names)?;
    let binary = workspace::build("doorward")?;
    let moto = Moto::start(&python)?;
    let seeded = moto.seed(&python)?;
    let faults = Faults::start(&python, &moto)?;
    let bed = TestBed { binary, moto, faults, seeded };
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
        attempt(case.name, case.what, &|| bed.try_case(case));
    }
    attempt(agreement::NAME, "templates checked, deployed by another emulator and scanned", &|| {
        agreement::attempt(&bed, &python)
    });
    attempt(change::NAME, "modes of another emulator, changed and rolled back", &|| change::attempt(&bed, &python));
    attempt(shared_ledger::NAME, "a ledger in another emulator's S3", &|| shared_ledger::attempt(&bed, &python));
    attempt(security_hub::NAME, "findings live in another emulator's Security Hub", &|| {
        security_hub::attempt(&bed, &python)
    });
    attempt(traffic::NAME, "logs, metrics and queries of another emulator", &|| traffic::attempt(&bed, &python));
    println!("e2e: {passed} cases passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The scanner, the emulators, and the organization that was seeded.
struct TestBed {
    binary: PathBuf,
    moto: Moto,
    faults: Faults,
    seeded: SeededOrganization,
}

impl TestBed {
    fn try_case(&self, case: &Case) -> Result<String> {
        let (endpoint, key, locked) = match case.through {
            Through::Moto => (self.moto.url(), ("any-key", "any-secret"), false),
            Through::Faults(_) => (self.faults.url(), ("any-key", "any-secret"), false),
            Through::Locked => (self.moto.url(), (self.seeded.key_id.as_str(), self.seeded.secret.as_str()), true),
            Through::WrongSecret => (self.moto.url(), (self.seeded.key_id.as_str(), "not-the-secret"), true),
        };
        if let Through::Faults(rules) = case.through {
            self.faults.set(&self.seeded.fill_in(rules)?)?;
        }
        let folder = tempfile::tempdir().context("no folder for the outputs")?;
        let settings = folder.path().join("doorward.toml");
        std::fs::write(&settings, case.settings(&self.seeded)?).context("the settings cannot be written")?;
        // A key that is refused must be refused by moto, so the lock is on only while the scanner runs.
        let lock = locked.then(|| self.moto.lock()).transpose()?;
        let ran = judge::scan(&self.binary, folder.path(), &endpoint, key)?;
        drop(lock);
        let fired = match case.through {
            Through::Faults(_) => {
                let fired = self.faults.clear()?;
                if fired == 0 {
                    bail!("no fault was injected, so nothing was tested; check that the rule names the operation");
                }
                format!(", {fired} faults")
            }
            _ => String::new(),
        };
        let seen = judge::judge(case, &self.seeded, &ran).with_context(|| {
            format!("exit {:?}; stderr: {}", ran.code, ran.stderr.trim().lines().last().unwrap_or("(nothing)"))
        })?;
        Ok(format!("{seen}{fired}"))
    }
}

/// The path of a script of these tests.
fn script(name: &str) -> Result<PathBuf> {
    Ok(workspace::root()?.join("xtask/e2e").join(name))
}

/// Leaves moto running in the foreground, seeded, until it is interrupted.
fn keep(python: &std::path::Path) -> Result<ExitCode> {
    let mut moto = Moto::start(python)?;
    let seeded = moto.seed(python)?;
    println!("export AWS_ENDPOINT_URL={}", moto.url());
    println!("export AWS_ACCESS_KEY_ID={}", seeded.key_id);
    println!("export AWS_SECRET_ACCESS_KEY={}", seeded.secret);
    println!("export AWS_REGION={}", seeded.regions.first().context("the seed names no Region")?);
    eprintln!(
        "moto runs until this is interrupted; it has no account:ListRegions, so scan with --region {}",
        seeded.regions.join(" --region ")
    );
    moto.wait()?;
    Ok(ExitCode::SUCCESS)
}
