//! `doorward check` of templates, compared with `doorward scan` of the resources that moto's CloudFormation creates from them.
//!
//! The infrastructures are those of `crates/doorward/tests/agreement`, whose own test states what each template
//! becomes; here moto decides it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{TestBed, script};
use crate::process::finish;
use crate::workspace;

/// The case's name on the command line.
pub(super) const NAME: &str = "agreement";

/// Runs the case, in a moto of its own.
pub(super) fn attempt(bed: &TestBed, python: &Path) -> Result<String> {
    let data = workspace::root()?.join("crates/doorward/tests/agreement/cloudformation.toml");
    let binary = bed.binary.canonicalize().context("the binary is not where it was built")?;
    let mut command = Command::new(python);
    let done = finish(command.arg(script("agreement.py")?).arg(binary).arg(data))?;
    ensure!(done.code == Some(0), "agreement.py: {}", done.stderr.trim());
    Ok(done.stdout.trim().to_owned())
}
