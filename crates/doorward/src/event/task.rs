//! A command as an invocation: a step of a distributed scan, in a process of its own.

use std::process::Stdio;

use doorward_event::InvocationMetrics;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// The format of such an invocation.
const FORMAT: &str = "task-v1";

/// The commands that an invocation may name: those of a distributed scan. The function's role permits no more either.
const COMMANDS: [&str; 2] = ["scan", "merge"];

/// An invocation that names a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandTask {
    #[expect(dead_code, reason = "it was compared before the rest was read")]
    format: String,
    /// The arguments of the program.
    command: Vec<String>,
}

/// Whether an invocation names a command.
pub(super) fn is_task(payload: &Value) -> bool {
    payload["format"] == FORMAT
}

/// Runs the command of an invocation. A merge whose report is complete, with findings or gaps, is a success with its exit code; every
/// other exit code is a failure, which the engine may try again.
pub(super) async fn run(payload: &Value, figures: &mut InvocationMetrics) -> Result<(Value, Exit, String), Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{FORMAT}: {problem}"));
    let task = CommandTask::deserialize(payload).map_err(|e| usage(e.to_string()))?;
    let name = task.command.first().map(String::as_str).unwrap_or_default();
    if !COMMANDS.contains(&name) {
        return Err(usage(format!("{name:?} is not a command of a distributed scan ({})", COMMANDS.join(", "))));
    }
    let internal = |e: std::io::Error| Failure::new(Exit::Internal, format!("{FORMAT}: {name} could not be run: {e}"));
    let program = std::env::current_exe().map_err(internal)?;
    let mut process = tokio::process::Command::new(program);
    process.args(["--quiet", "--log-format", "json"]).args(&task.command);
    // Reports that go to stdout are in the saved scan too; what is logged on stderr is the function's log.
    let ended = process.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).status().await;
    let code = ended.map_err(internal)?.code();
    let exit = code.and_then(|code| Exit::of_code(u8::try_from(code).ok()?)).unwrap_or(Exit::Internal);
    let is_merge = name == "merge";
    if is_merge {
        figures.scanned(matches!(exit, Exit::Clean | Exit::Findings));
    }
    match exit {
        Exit::Clean => {}
        Exit::Findings | Exit::Coverage | Exit::FindingsAndCoverage if is_merge => {}
        exit => {
            let code = code.map_or_else(|| "no exit code: it was ended".to_owned(), |code| format!("exit code {code}"));
            return Err(Failure::new(exit, format!("{}: {code}: {}", task.command.join(" "), exit.meaning())));
        }
    }
    let text = format!("{}: exit code {}\n", task.command.join(" "), exit.code());
    Ok((json!({"format": FORMAT, "exit_code": exit.code()}), exit, text))
}
