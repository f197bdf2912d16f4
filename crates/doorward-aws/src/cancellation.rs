//! Stopping before the end, so that everything that was not read gets a gap with the reason.

use tokio::sync::watch;

use doorward_model::{Gap, GapReason, Listing, RegionInventory};

/// Stops a scan early. Dropping it lets the scan run to its end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<GapReason>>);

/// Whether a scan is to stop. Cheap to clone; every clone sees the same stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<GapReason>>);

impl Stop {
    /// A stop, with the handle that triggers it.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// Waits until the scan is stopped, or forever. Returns the gap of everything that was not read.
    pub async fn stopped(&self, operation: &str) -> Gap {
        let mut receiver = self.0.clone();
        let reason = match receiver.wait_for(Option::is_some).await {
            Ok(reason) => (*reason).unwrap_or(GapReason::Interrupted),
            Err(_) => std::future::pending().await,
        };
        Gap::new(reason, operation).with_message(message(reason))
    }

    /// Whether the scan was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Whether this stop kept a cell from being read.
    pub fn left_out(&self, cell: &RegionInventory) -> bool {
        let Some(reason) = *self.0.borrow() else { return false };
        matches!(&cell.listing, Listing::Unread(gap) if gap.message.as_deref() == Some(message(reason)) || gap.reason == GapReason::Interrupted)
    }
}

fn message(reason: GapReason) -> &'static str {
    match reason {
        GapReason::ScanDeadline => "the scan's own deadline passed before this was read",
        GapReason::TimedOut => "the time limit of the invocation passed before this was read",
        _ => "the scan was stopped before this was read",
    }
}

impl Stopper {
    /// Stops the scan for a reason: [`GapReason::Interrupted`], [`GapReason::ScanDeadline`], or
    /// [`GapReason::TimedOut`] where the time of a single invocation is over.
    pub fn stop(&self, reason: GapReason) {
        self.0.send_replace(Some(reason));
    }
}
