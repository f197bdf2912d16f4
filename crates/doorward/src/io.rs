//! What every command does around its work: the asynchronous runtime, answers on stdout, log lines on stderr.

use std::io::Write as _;

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// The asynchronous runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("the asynchronous runtime could not be started: {e}")))
}

/// Prints an answer to stdout.
pub(crate) fn answer(text: &str) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    to_stdout(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))?;
    Ok(Exit::Clean)
}

/// The result of writing to stdout. A reader that closed it, such as `head`, has what it wanted: that is no failure, so that the exit
/// code does not depend on how much a pipe holds.
pub(crate) fn to_stdout(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::writing("stdout", &error)),
        _ => Ok(()),
    }
}

/// Prints a document to stdout, as indented JSON.
pub(crate) fn answer_json(document: &impl Serialize) -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    answer(&(text + "\n"))
}

/// Prints a line to stderr, which is the log of a server.
pub(crate) fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
