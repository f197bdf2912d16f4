//! Runs a configured command with one JSON document on stdin: no shell, and only the environment variables in the settings.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::SendFailure;
use crate::audience_notice::AudienceNotice;
use crate::channels_config::SettingsError;
use crate::secret::{Environment, Secret};

/// The exit code by which a command asks for another try: EX_TEMPFAIL of sysexits.
const ASK_AGAIN: i32 = 75;

/// A command, ready to run.
pub(crate) struct ExecCommand {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, Secret)>,
    timeout: Duration,
}

impl ExecCommand {
    pub(super) fn new(
        setting: &str,
        command: &[String],
        pass_env: &[String],
        environment: &Environment,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        let (program, arguments) = command
            .split_first()
            .map_or((String::new(), Vec::new()), |(program, arguments)| (program.clone(), arguments.to_vec()));
        let passed = pass_env.iter().map(|name| match environment.get(name) {
            Some(value) => Ok((name.clone(), value.clone())),
            None => Err(SettingsError::new(setting, format!("names the variable {name}, which is not set"))),
        });
        Ok(Self { program, arguments, environment: passed.collect::<Result<_, _>>()?, timeout })
    }

    /// Runs it once with a digest.
    pub(super) async fn run(&self, notice: &AudienceNotice) -> Result<(), SendFailure> {
        let document =
            serde_json::to_vec(notice).map_err(|_| SendFailure::refused("the digest could not be written as JSON"))?;
        let mut child = tokio::process::Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value.expose())))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let reason =
                    format!("{} could not be started ({}); check path and permissions", self.program, error.kind());
                SendFailure::refused(reason).of_channel()
            })?;
        let ended = async {
            if let Some(mut stdin) = child.stdin.take() {
                // A command may decide before it has read everything; how it ends is what counts.
                let _ = stdin.write_all(&document).await;
                let _ = stdin.shutdown().await;
            }
            child.wait().await
        };
        let status = match tokio::time::timeout(self.timeout, ended).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                return Err(SendFailure::unclear(format!(
                    "{} could not be waited for ({})",
                    self.program,
                    error.kind()
                )));
            }
            Err(_) => {
                let reason =
                    format!("{} did not end within {} seconds and was killed", self.program, self.timeout.as_secs());
                return Err(SendFailure::unclear(reason));
            }
        };
        match status.code() {
            Some(0) => Ok(()),
            Some(ASK_AGAIN) => {
                Err(SendFailure::lost(format!("{} requests another attempt (exit code {ASK_AGAIN})", self.program)))
            }
            Some(code) => Err(SendFailure::refused(format!(
                "{} refused the digest (exit code {code}); run it by hand with the digest that `--dry-run` prints",
                self.program
            ))),
            None => Err(SendFailure::unclear(format!("{} was ended by a signal", self.program))),
        }
    }
}
