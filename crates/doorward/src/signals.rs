//! What stops a scan early: Ctrl-C, SIGTERM, its own deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use doorward_aws::{Stop, Stopper};
use doorward_model::GapReason;

use crate::exit::{Exit, Failure};

/// The signal that stopped the process, if any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signal(Arc<AtomicU8>);

impl Signal {
    /// The exit code of the signal that stopped the scan.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self.0.load(Ordering::SeqCst) {
            1 => Some(Exit::Interrupted),
            2 => Some(Exit::Terminated),
            _ => None,
        }
    }

    /// The failure of a stage that was stopped: the signal's if one came, the stage's own otherwise.
    pub(crate) fn or(&self, failure: Failure) -> Failure {
        match self.exit() {
            Some(exit) => Failure::new(exit, failure.to_string()),
            None => failure,
        }
    }
}

/// Starts to listen for signals and for the deadline. A second signal ends the process immediately.
pub(crate) fn listen(deadline: Duration) -> (Stop, Signal) {
    let (stopper, stop) = Stop::new();
    let signal = Signal::default();
    tokio::spawn(wait(stopper, signal.clone(), deadline));
    (stop, signal)
}

async fn wait(stopper: Stopper, signal: Signal, deadline: Duration) {
    let came = tokio::select! {
        () = interrupt() => 1,
        () = terminate() => 2,
        () = tokio::time::sleep(deadline) => {
            stopper.stop(GapReason::ScanDeadline);
            tokio::select! { () = interrupt() => 1, () = terminate() => 2 }
        }
    };
    signal.0.store(came, Ordering::SeqCst);
    stopper.stop(GapReason::Interrupted);
    tokio::select! { () = interrupt() => {}, () = terminate() => {} }
    leave(signal.exit().unwrap_or(Exit::Interrupted));
}

/// Ends the process without a report: after a second signal the user does not want to wait for one.
#[expect(clippy::exit, reason = "the one place that leaves without returning, on a second signal")]
fn leave(exit: Exit) -> ! {
    std::process::exit(i32::from(exit.code()))
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut stream) => {
            stream.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}
