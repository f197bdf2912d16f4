//! Stopping a scan before its end, so that what was not reached says so.

use tokio::sync::watch;

use doorward_model::{Gap, GapReason, Listing, RegionInventory};

/// Ends a scan early. Dropping it lets the scan run to its end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<GapReason>>);

/// What a scan listens to.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<GapReason>>);

impl Stop {
    /// A stop and the hand on it.
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// Waits until the scan is stopped; for ever if it is not. The gap is what everything unread gets.
    pub async fn stopped(&self, operation: &str) -> Gap {
        let mut receiver = self.0.clone();
        let reason = match receiver.wait_for(Option::is_some).await {
            Ok(reason) => (*reason).unwrap_or(GapReason::Interrupted),
            Err(_) => std::future::pending().await,
        };
        Gap::new(reason, operation).with_message(said(reason))
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Whether this stop kept a cell from being read.
    pub fn left_out(&self, cell: &RegionInventory) -> bool {
        let Some(reason) = *self.0.borrow() else { return false };
        matches!(&cell.listing, Listing::Unread(gap) if gap.message.as_deref() == Some(said(reason)) || gap.reason == GapReason::Interrupted)
    }
}

fn said(reason: GapReason) -> &'static str {
    match reason {
        GapReason::TimedOut => "the scan's own deadline passed before this was read",
        _ => "the scan was stopped before this was read",
    }
}

impl Stopper {
    /// Stops the scan for a reason: [`GapReason::Interrupted`] or [`GapReason::TimedOut`].
    pub fn stop(&self, reason: GapReason) {
        self.0.send_replace(Some(reason));
    }
}
