//! Processes that a task starts, and that end with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// A server in the background. It is killed when this is dropped, and a server that reads its standard input sees the
/// end of it even when this process is killed itself.
pub(crate) struct Server {
    name: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
    _leash: Option<ChildStdin>,
}

impl Server {
    /// Starts a server whose standard output says where it listens.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        let leash = child.stdin.take();
        let stdout = child.stdout.take().with_context(|| format!("{name} has no output"))?;
        Ok(Self { name: name.to_owned(), child, stdout: BufReader::new(stdout), _leash: leash })
    }

    /// The next line that the server prints.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line).with_context(|| format!("{} could not be read", self.name))?;
        if read == 0 {
            bail!("{} ended before it listened; its messages are above", self.name);
        }
        Ok(line.trim_end().to_owned())
    }

    /// Waits for the server's own end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        // The leash was taken out of the child, so that waiting does not let go of it.
        self.child.wait().with_context(|| format!("{} could not be waited for", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a program that ended.
pub(crate) struct Finished {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) fn finish(command: &mut Command) -> Result<Finished> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{program} could not be started"))?;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
