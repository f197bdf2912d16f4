//! One plugin: found, checked, and run with one of its three verbs.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_model::harmless;
use doorward_process::{Ended, Finished, RunLimits, command, run};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;

use crate::PluginSettings;
use crate::contract::{CONTRACT, PluginDescription, PreflightAnswer};
use crate::hash::file_hash;

/// The longest answer of a plugin, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;
/// How long `describe` and `preflight` may take, unless the plugin's own timeout is shorter.
const LONGEST_CHECK: Duration = Duration::from_secs(30);
/// The last lines of stderr that an error quotes.
const QUOTED_LINES: usize = 5;

/// Why a plugin cannot be used, or what is wrong with its answer: one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginError {
    problem: String,
    /// Whether the plugin asked for another try later.
    pub(crate) is_temporary: bool,
}

impl PluginError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_temporary: false }
    }
}

impl std::fmt::Display for PluginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for PluginError {}

/// A program that the settings name as a plugin.
#[derive(Debug, Clone)]
pub struct Plugin {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    timeout: Duration,
    config: Map<String, Value>,
}

impl Plugin {
    /// Checks the program and the variables. `variable` reads an environment variable.
    ///
    /// # Errors
    ///
    /// There is no such program, it has another hash than the settings say, or a variable is not set.
    pub fn new(settings: &PluginSettings, variable: impl Fn(&str) -> Option<String>) -> Result<Self, PluginError> {
        let (program, arguments) =
            settings.command.split_first().ok_or_else(|| PluginError::new("names no program"))?;
        let path = PathBuf::from(program);
        check_program(&path, settings.sha256.as_deref())?;
        let value = |name: &String| match variable(name) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(PluginError::new(format!("pass_env names the variable {name}, which is not set"))),
        };
        Ok(Self {
            path,
            arguments: arguments.to_vec(),
            environment: settings.pass_env.iter().map(value).collect::<Result<_, _>>()?,
            timeout: settings.timeout.0,
            config: settings.config.clone(),
        })
    }

    /// Its configuration.
    pub(crate) fn config(&self) -> &Map<String, Value> {
        &self.config
    }

    /// How long a delivery may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks it what it is.
    ///
    /// # Errors
    ///
    /// It does not answer, answers with something else, or needs a variable that it does not get.
    pub async fn describe(&self) -> Result<PluginDescription, PluginError> {
        let finished = self
            .call("describe", self.check_time(), |stdin| async {
                drop(stdin);
                Ok(())
            })
            .await?;
        let described: PluginDescription = self.answer("describe", &finished)?;
        if described.contract != CONTRACT {
            return Err(PluginError::new(format!(
                "{}: its contract is {}, and this version knows {CONTRACT}",
                self.path.display(),
                harmless(&described.contract)
            )));
        }
        let passed = |name: &&String| !self.environment.iter().any(|(passed, _)| passed == *name);
        match described.needs_env.iter().find(passed) {
            Some(name) => Err(PluginError::new(format!(
                "{}: it needs the variable {}; name it in pass_env",
                self.path.display(),
                harmless(name)
            ))),
            None => Ok(described),
        }
    }

    /// Asks it whether it could deliver a report now.
    ///
    /// # Errors
    ///
    /// It could not, or does not answer.
    pub async fn preflight(&self) -> Result<(), PluginError> {
        let config = serde_json::to_vec(&self.config).map_err(|error| PluginError::new(error.to_string()))?;
        let feed = |mut stdin: ChildStdin| async move {
            stdin.write_all(&config).await?;
            stdin.shutdown().await
        };
        let finished = self.call("preflight", self.check_time(), feed).await?;
        let answer: PreflightAnswer = self.answer("preflight", &finished)?;
        if answer.ok {
            return Ok(());
        }
        let why = answer.why.unwrap_or_else(|| "it gives no reason".to_owned());
        Err(PluginError::new(format!("{}: not ready: {}", self.path.display(), harmless(&why))))
    }

    fn check_time(&self) -> Duration {
        LONGEST_CHECK.min(self.timeout)
    }

    /// Runs it with a verb.
    pub(crate) async fn call<F>(
        &self,
        verb: &str,
        timeout: Duration,
        feed: impl FnOnce(ChildStdin) -> F,
    ) -> Result<Finished, PluginError>
    where
        F: Future<Output = io::Result<()>> + Send,
    {
        let mut arguments = self.arguments.clone();
        arguments.push(verb.to_owned());
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let limits = RunLimits { timeout, stdout_bytes: LONGEST_ANSWER };
        let command = command(&self.path, &arguments, environment);
        run(command, limits, feed).await.map_err(|error| {
            PluginError::new(format!(
                "{} could not be started: {error}; check path and permissions",
                self.path.display()
            ))
        })
    }

    /// The JSON document that it answered with.
    pub(crate) fn answer<T: DeserializeOwned>(&self, verb: &str, finished: &Finished) -> Result<T, PluginError> {
        let (path, words) = (self.path.display(), last_words(&finished.stderr));
        let problem = match finished.ended {
            Ended::Code(0) => match serde_json::from_slice(&finished.stdout) {
                Ok(answer) => return Ok(answer),
                Err(_) if finished.stdout.is_empty() => format!("`{verb}` wrote nothing to stdout"),
                Err(error) => {
                    format!("the output of `{verb}` does not match the contract: {}", harmless(&error.to_string()))
                }
            },
            Ended::Code(crate::contract::TRY_AGAIN) => "it requests another attempt later (exit code 75)".to_owned(),
            Ended::Code(code) => format!("`{verb}` ended with exit code {code}"),
            Ended::Signal => format!("`{verb}` was ended by a signal"),
            Ended::TimedOut => format!("`{verb}` did not end in time and was killed"),
            Ended::TooMuchOutput => {
                format!(
                    "`{verb}` wrote more than {LONGEST_ANSWER} bytes to stdout and was killed; write only the \
                     receipt there"
                )
            }
        };
        let is_temporary = finished.ended == Ended::Code(crate::contract::TRY_AGAIN);
        Err(PluginError { problem: format!("{path}: {problem}{words}"), is_temporary })
    }
}

/// The end of what a plugin wrote to stderr, as a clause.
pub(crate) fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(QUOTED_LINES)..).unwrap_or_default();
    if last.is_empty() {
        return String::new();
    }
    format!("; its stderr ends: {}", last.iter().map(|line| harmless(line)).collect::<Vec<_>>().join(" | "))
}

fn check_program(path: &Path, sha256: Option<&str>) -> Result<(), PluginError> {
    let shown = path.display();
    if !path.is_file() {
        return Err(PluginError::new(format!("there is no program {shown}")));
    }
    if let Err(problem) = doorward_file::ownership::check(path, None) {
        return Err(PluginError::new(format!("{shown} is not run, because {problem}")));
    }
    if let Some(wanted) = sha256 {
        let bytes =
            std::fs::read(path).map_err(|error| PluginError::new(format!("{shown} cannot be read: {error}")))?;
        let found = file_hash(&bytes);
        if !found.eq_ignore_ascii_case(wanted) {
            return Err(PluginError::new(format!(
                "{shown} is not run, because its SHA-256 is {found}, but the settings have {wanted}"
            )));
        }
    }
    Ok(())
}
