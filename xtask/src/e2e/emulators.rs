//! moto and microburst as child processes on free loopback ports.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::control::request;
use super::expected::SeededOrganization;
use super::script;
use crate::process::{Server, finish};
use crate::workspace;

/// The emulated AWS.
pub(super) struct Moto {
    server: Server,
    port: u16,
}

/// While this exists, moto checks signatures and policies.
pub(super) struct Lock<'a>(&'a Moto);

impl Moto {
    /// Starts moto without content.
    pub(super) fn start(python: &Path) -> Result<Self> {
        // Loading machine images into every account-Region would take most of the memory and half of the time.
        let (server, port) = serve(python, &["moto"], &[("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")])?;
        Ok(Self { server, port })
    }

    /// Its endpoint.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Builds the organization in it.
    pub(super) fn seed(&self, python: &Path) -> Result<SeededOrganization> {
        let templates = workspace::root()?.join("config/iam");
        if !templates.join("scan-role.policy.json").is_file() {
            bail!("config/iam has no templates; run `cargo xtask iam`");
        }
        let mut command = Command::new(python);
        command.arg(script("seed.py")?).arg(self.url()).arg(templates);
        let done = finish(alone(&mut command))?;
        if done.code != Some(0) {
            bail!("the seed failed: {}", done.stderr.trim());
        }
        SeededOrganization::read(&done.stdout)
    }

    /// Makes it check signatures and policies.
    pub(super) fn lock(&self) -> Result<Lock<'_>> {
        self.checks("0")?;
        Ok(Lock(self))
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> Result<()> {
        self.server.wait().map(drop)
    }

    /// `0` requests may go unchecked from now on, or `inf`.
    fn checks(&self, unchecked: &str) -> Result<()> {
        request(self.port, "POST", "/moto-api/reset-auth", "text/plain", unchecked).map(drop)
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // If this fails, the next case that expects an open moto fails.
        let _ = self.0.checks("inf");
    }
}

/// microburst in front of moto.
pub(super) struct Faults {
    _server: Server,
    port: u16,
}

impl Faults {
    /// Starts without any fault.
    pub(super) fn start(python: &Path, moto: &Moto) -> Result<Self> {
        let (server, port) = serve(python, &["microburst", &moto.url()], &[])?;
        Ok(Self { _server: server, port })
    }

    /// The endpoint that injects faults.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets the faults. The log of what fired starts anew.
    pub(super) fn set(&self, rules: &str) -> Result<()> {
        self.control("DELETE", "fired", "")?;
        let set = self.control("POST", "rules", rules)?;
        if set.as_array().is_none_or(Vec::is_empty) {
            bail!("microburst took no rule from {rules}");
        }
        Ok(())
    }

    /// Ends all faults and returns how many were injected. The log is bounded, so a large number is a lower bound.
    pub(super) fn clear(&self) -> Result<usize> {
        let fired = self.control("GET", "fired?limit=100000", "")?;
        self.control("POST", "rules", "[]")?;
        fired.as_array().map(Vec::len).context("microburst's log is not a list")
    }

    fn control(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let answer = request(self.port, method, &format!("/_microburst/{path}"), "application/json", body)?;
        serde_json::from_str(&answer).with_context(|| format!("microburst answered {answer:?}"))
    }
}

fn serve(python: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(Server, u16)> {
    let mut command = Command::new(python);
    command.arg(script("serve.py")?).args(arguments).envs(environment.iter().copied());
    let name = arguments.first().copied().unwrap_or("the emulator");
    let mut server = Server::start(name, alone(&mut command))?;
    let line = server.line()?;
    let port = line.parse().with_context(|| format!("{name} printed {line:?} instead of a port"))?;
    Ok((server, port))
}

/// Keeps a real AWS environment out of a child: the tests must not reach real accounts.
fn alone(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
}
