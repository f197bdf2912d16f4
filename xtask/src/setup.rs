//! `cargo xtask setup`: the output of `doorward setup` and the stacks of the examples, checked by the usual linters; and its gates,
//! compared with `doorward check` by the evaluators of their languages. The state machine of a distributed scan is validated and executed.
//!
//! cfn-lint knows CloudFormation's resource types and their values, parliament knows IAM's actions and their
//! resources, python-hcl2 parses Terraform. None of them needs AWS. Sentinel has no evaluator that is free to use.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::iam::{NAMED, write};
use crate::process::finish;
use crate::{python, workspace};

/// The linters. Pinned, because their rules change.
const PINS: [&str; 6] = [
    "cfn-lint==1.58.0",
    "parliament==1.6.4",
    "python-hcl2==8.1.4",
    // The evaluators of gates: CEL and Rego.
    "cel-python==0.5.0",
    "regopy==1.5.2",
    "PyYAML==6.0.3",
];

/// The package of npm that contains the program cfn-guard, and its path in it.
const GUARD: (&str, &str) = ("@cdklabs/cdk-validator-cfnguard@0.0.62", "bin/ubuntu/x86_64/cfn-guard");

/// The validator of the Amazon States Language, of npm, and its program.
const VALIDATOR: (&str, &str) = ("asl-validator@4.0.0", "asl-validator");

/// The interpreter of the Amazon States Language, and a parser of templates.
const MACHINE: [&str; 2] = ["moto[stepfunctions,awslambda]==5.2.5", "cfn-lint==1.58.0"];

/// What is written, beside the roles.
const GUARDS: [&[&str]; 2] = [
    &["conformance-pack", "--exclude-account", "111122223333"],
    &["eventbridge", "--bus-arn", "arn:aws:events:eu-west-1:111122223333:event-bus/doorward"],
];

/// The optional flags.
const EVERY_FLAG: [&str; 6] = [
    "--caller-arn",
    "arn:aws:iam::111122223333:role/ops/doorward",
    "--external-id",
    "front-doors",
    "--organization-id",
    "o-acme000001",
];

/// Writes every form of every capability, with and without the optional flags, and checks them.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &[])?;
    let python = python::environment("setup", &PINS)?;
    let program = workspace::build("doorward")?;
    let folder = tempfile::tempdir().context("no folder for the templates")?;
    let (plain, filled) = (folder.path().join("plain"), folder.path().join("filled"));
    let filled_in = [&NAMED[..], &EVERY_FLAG[..]].concat();
    for (folder, flags) in [(&plain, &NAMED[..]), (&filled, &filled_in[..])] {
        std::fs::create_dir(folder).context("no folder for the templates")?;
        let roles = ["scan", "traffic", "athena", "metrics", "publish", "change"];
        write(&program, folder, "iam", &[&roles[..], &["notify", "ledger"]].concat(), flags)?;
        for form in ["stackset", "terraform"] {
            write(&program, folder, form, &roles, flags)?;
        }
        for guard in GUARDS {
            guardrail(&program, folder, guard)?;
        }
    }
    let distributed = folder.path().join("distributed");
    std::fs::create_dir(&distributed).context("no folder for the templates")?;
    guardrail(&program, &distributed, &["distributed"])?;
    let mut check = Command::new(&python);
    let root = workspace::root()?;
    check.arg(root.join("xtask/setup/check.py")).args([&plain, &filled, &distributed]).arg(root.join("examples"));
    let checked = finish(&mut check)?;
    print!("{}", checked.stdout);
    ensure!(checked.code == Some(0), "a template is not as it must be: {}", checked.stderr.trim());
    gates(&python, &program, folder.path())?;
    machine(&program, folder.path())?;
    Ok(ExitCode::SUCCESS)
}

/// Compares the gates with `doorward check` on generated declarations.
fn gates(python: &Path, program: &Path, folder: &Path) -> Result<()> {
    let (package, guard) = GUARD;
    let mut pack = Command::new("npm");
    let packed = finish(pack.args(["pack", "--silent", package]).current_dir(folder)).context("this needs npm")?;
    ensure!(packed.code == Some(0), "npm pack {package}: {}", packed.stderr.trim());
    let mut unpack = Command::new("tar");
    let unpacked = finish(unpack.arg("xzf").arg(packed.stdout.trim()).current_dir(folder))?;
    ensure!(unpacked.code == Some(0), "{package} is no archive: {}", unpacked.stderr.trim());
    let guard = folder.join("package").join(guard);
    let mut compare = Command::new(python);
    compare
        .arg(workspace::root()?.join("xtask/setup/gates.py"))
        .arg(program)
        .arg(guard)
        .arg(folder.join("declarations"));
    let compared = finish(&mut compare)?;
    print!("{}", compared.stdout);
    ensure!(compared.code == Some(0), "a gate and the check differ: {}", compared.stderr.trim());
    Ok(())
}

/// Validates the state machine of a distributed scan, and executes it with processes in place of functions.
fn machine(program: &Path, folder: &Path) -> Result<()> {
    let (package, validator) = VALIDATOR;
    let mut install = Command::new("npm");
    let install = install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(folder).arg(package);
    let installed = finish(install).context("this needs npm")?;
    ensure!(installed.code == Some(0), "npm install {package}: {}", installed.stderr.trim());
    let emulator = workspace::build("doorward-fakeaws")?;
    let root = workspace::root()?;
    let mut run = Command::new(python::environment("machine", &MACHINE)?);
    run.arg(root.join("xtask/setup/machine.py")).args([program, &emulator]);
    run.arg(root.join("examples/acme-org/org.toml")).arg(root.join("examples/distributed"));
    let done = finish(run.arg(folder.join("node_modules/.bin").join(validator)))?;
    print!("{}", done.stdout);
    ensure!(done.code == Some(0), "the state machine is not as it must be: {}", done.stderr.trim());
    Ok(())
}

fn guardrail(program: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut setup = Command::new(program);
    setup.env_clear().current_dir(folder).args(["-q", "setup"]).args(arguments).args(["--out", "."]);
    let done = finish(&mut setup)?;
    ensure!(done.code == Some(0), "doorward setup {}: {}", arguments.join(" "), done.stderr.trim());
    Ok(())
}
