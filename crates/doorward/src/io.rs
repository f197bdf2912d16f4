//! What every command does around its work: the asynchronous runtime, answers on stdout, log lines on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_assemble::Notices;
use doorward_aws::access::{AccessSettings, Emulator};
use doorward_aws::settings::CallSettings;
use doorward_aws::{Access, Clock, Stop};
use doorward_check::Declarations;
use doorward_ledger::{LeasedLedger, Ledger};
use doorward_notify::Environment;
use doorward_outputs::OutputOptions;
use doorward_sink_text::{Hyperlinks, TextStyle};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::plain::harmless;
use doorward_settings::variable::variable;

/// The asynchronous runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("the asynchronous runtime could not be started: {e}")))
}

/// The width of text on stdout, in columns: `COLUMNS`, or that of the terminal, or any where stdout is a file or a pipe.
pub(crate) fn width() -> usize {
    let configured = variable("COLUMNS").and_then(|value| value.to_str()?.parse::<usize>().ok());
    let of_terminal = || {
        let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(std::io::stdout())?;
        Some(usize::from(width))
    };
    configured.or_else(of_terminal).filter(|width| *width > 0).unwrap_or(doorward_sink_text::ANY_WIDTH)
}

/// Prints an answer to stdout.
pub(crate) fn answer(text: &str) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    to_stdout(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))?;
    Ok(Exit::Clean)
}

/// Prints text for people, at the width of the terminal: lines are broken between words. Control characters in text from outside are
/// escaped.
pub(crate) fn answer_text(text: &str) -> Result<Exit, Failure> {
    answer_lines(&harmless(text))
}

/// The same for text whose outside parts are escaped already, with colours.
pub(crate) fn answer_lines(text: &str) -> Result<Exit, Failure> {
    answer(&doorward_sink_text::wrapped(text, width()))
}

/// The result of writing to stdout. A reader that closed it, such as `head`, has what it wanted: that is no failure, so that the exit
/// code does not depend on how much a pipe holds.
pub(crate) fn to_stdout(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::writing("stdout", &error)),
        _ => Ok(()),
    }
}

/// A document as indented JSON.
pub(crate) fn json_text(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(text + "\n")
}

/// Prints a document to stdout, as indented JSON.
pub(crate) fn answer_json(document: &impl Serialize) -> Result<Exit, Failure> {
    answer(&json_text(document)?)
}

/// Reads the files of `--iac`, and names those that could not be read on stderr.
pub(crate) fn declarations(paths: &[PathBuf]) -> Result<Option<Declarations>, Failure> {
    let declarations = Declarations::read(paths)?;
    for problem in declarations.iter().flat_map(Declarations::problems) {
        log(&format!("error: {}", harmless(&problem)));
    }
    if declarations.as_ref().is_some_and(Declarations::is_empty) {
        let problem =
            "--iac: no supported files found; name a Terraform, CloudFormation, Kubernetes, Pulumi or ECS file";
        return Err(Failure::new(Exit::Usage, problem));
    }
    Ok(declarations)
}

/// How reports are written to a terminal or a file. `quiet` keeps stderr empty unless something fails.
pub(crate) fn output_options(style: TextStyle, quiet: bool) -> OutputOptions {
    OutputOptions { style, width: width(), notice: if quiet { |_| {} } else { log } }
}

/// Opens a ledger that a command only reads.
pub(crate) fn read_only(path: &Path) -> Result<Ledger, Failure> {
    Ledger::open_read_only(path).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

/// Opens a ledger that a delivery only reads.
pub(crate) fn reading(path: &Path) -> Result<LeasedLedger, Failure> {
    LeasedLedger::reading(path).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

/// Connects to AWS, or to an emulator, and warns if this machine's clock is wrong.
pub(crate) async fn connect(
    (sessions, calls): (&AccessSettings, &CallSettings),
    clock: &Clock,
    emulator: Option<&Emulator>,
    stop: &Stop,
) -> Result<Access, Failure> {
    let access = Access::connect(sessions.clone(), calls.clone(), clock.clone(), emulator, stop).await?;
    warn_of_clock(access.clock_offset());
    Ok(access)
}

/// Warns that this machine's clock is wrong, if it is; `offset` is in seconds, positive where the clock is ahead of AWS's.
pub(crate) fn warn_of_clock(offset: Option<i64>) {
    if let Some(sentence) = doorward_model::clock_offset_sentence(offset) {
        log(&format!("warning: {sentence}"));
    }
}

/// Notices of the stages, as lines on stderr.
pub(crate) fn notices() -> Notices {
    Arc::new(log)
}

/// Whether every line on stderr is a JSON object, as `--log-format json` asks.
static IS_JSON: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Makes every later line on stderr a JSON object.
pub(crate) fn log_as_json() {
    IS_JSON.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Whether lines on stderr are JSON objects.
pub(crate) fn logs_json() -> bool {
    IS_JSON.load(std::sync::atomic::Ordering::Relaxed)
}

/// How lines on stderr link to files; set once.
static LINKS: std::sync::OnceLock<Hyperlinks> = std::sync::OnceLock::new();

/// Sets how lines on stderr link to files.
pub(crate) fn link_on_stderr(links: Hyperlinks) {
    let _ = LINKS.set(links);
}

/// Names a file or folder that was written, on a terminal: a log needs no line for what its command names.
pub(crate) fn written(destination: &str) {
    let path = Path::new(destination);
    if std::io::stderr().is_terminal() && !logs_json() && path.exists() {
        let links = LINKS.get().copied().unwrap_or_default();
        log(&format!("written: {}", links.file(path, &harmless(destination))));
    }
}

/// Prints a line to stderr, which is the log of a server; a JSON object where that was asked for.
pub(crate) fn log(line: &str) {
    if logs_json() {
        let level = match line {
            line if line.starts_with("error: ") => "ERROR",
            line if line.starts_with("warning: ") => "WARN",
            _ => "INFO",
        };
        let message = line.trim_start_matches("warning: ").trim_start_matches("error: ").trim();
        let object = serde_json::json!({
            "timestamp": jiff::Timestamp::to_string(&crate::clock::now()), "level": level, "fields": {"message": message},
        });
        let _ = writeln!(std::io::stderr(), "{object}");
        return;
    }
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The variables that may hold secrets of channels, and name proxies and certificates; with the profile that the settings name.
pub(crate) fn environment(profile: Option<&str>) -> Environment {
    // What is not UTF-8 is refused where it is used, instead of being left out.
    let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    Environment::new(variables).with_aws_profile(profile)
}
