//! A panic ends the command with exit code 1, one sentence, and the outputs that it left unwritten.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::exit::Exit;
use crate::plain::harmless;

/// The outputs that this command was asked for and has not written yet.
static OWED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether any thread panicked. A result without the work of that thread is not complete.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// The output before which a test lets the command panic. Debug builds alone read it.
#[cfg(debug_assertions)]
pub(crate) const TEST_PANIC: &str = "DOORWARD_TEST_PANIC";

/// The saved scan as an output.
pub(crate) fn saving(path: &Path) -> String {
    format!("--save {}", path.display())
}

/// Remembers an output that the command has to write.
pub(crate) fn owe(output: &str) {
    OWED.lock().unwrap_or_else(PoisonError::into_inner).push(output.to_owned());
}

/// Forgets an output: it was written, or its failure was reported.
pub(crate) fn settle(output: &str) {
    OWED.lock().unwrap_or_else(PoisonError::into_inner).retain(|owed| owed != output);
}

/// Panics where a test asks for it.
#[cfg(debug_assertions)]
pub(crate) fn provoke(output: &str) {
    if std::env::var(TEST_PANIC).is_ok_and(|wanted| wanted == output) {
        panic!("a test asked for a panic before {output}");
    }
}

/// Runs a command. A panic in it, in any thread, is reported and gives exit code 1.
pub(crate) fn guard(command: impl FnOnce() -> ExitCode) -> ExitCode {
    set_hook(Box::new(report));
    let exit = catch_unwind(AssertUnwindSafe(command));
    if exit.is_err() || PANICKED.load(Ordering::SeqCst) {
        report_owed();
        return Exit::Internal.into();
    }
    exit.unwrap_or_else(|_| Exit::Internal.into())
}

fn report(panic: &PanicHookInfo<'_>) {
    PANICKED.store(true, Ordering::SeqCst);
    let because = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let sentence = format!(
        "internal error{place}: {because}; please report it with the version ({}), the command and its output",
        env!("CARGO_PKG_VERSION")
    );
    let _ = writeln!(std::io::stderr(), "error: {}", harmless(&sentence));
    let trace = std::backtrace::Backtrace::capture();
    if trace.status() == std::backtrace::BacktraceStatus::Captured {
        let _ = writeln!(std::io::stderr(), "{trace}");
    }
}

fn report_owed() {
    let owed = std::mem::take(&mut *OWED.lock().unwrap_or_else(PoisonError::into_inner));
    for output in owed {
        let line = format!("error: not written: {output}; a file that exists there is from an earlier run");
        let _ = writeln!(std::io::stderr(), "{}", harmless(&line));
    }
}
