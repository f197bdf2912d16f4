//! What every command does around its work: the asynchronous runtime, answers on stdout, log lines on stderr.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use doorward_assemble::Notices;
use doorward_aws::access::{AccessSettings, Emulator};
use doorward_aws::settings::CallSettings;
use doorward_aws::{Access, Clock, Stop};
use doorward_ledger::{LeasedLedger, Ledger};
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

/// A document as indented JSON.
pub(crate) fn json_text(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(text + "\n")
}

/// Prints a document to stdout, as indented JSON.
pub(crate) fn answer_json(document: &impl Serialize) -> Result<Exit, Failure> {
    answer(&json_text(document)?)
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
    crate::clock::warn(access.clock_offset());
    Ok(access)
}

/// Notices of the stages, as lines on stderr.
pub(crate) fn notices() -> Notices {
    Arc::new(log)
}

/// Prints a line to stderr, which is the log of a server.
pub(crate) fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
