//! Where the time comes from, how it is waited for, and how days are counted.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// A pause that ends by itself.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock and its pauses. Cheap to clone.
#[derive(Clone)]
pub struct Time {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pause: Arc<dyn Fn(Duration) -> Pause + Send + Sync>,
}

impl Time {
    /// A clock, with real pauses.
    pub fn new(now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self::with_pauses(now, Arc::new(|length| Box::pin(tokio::time::sleep(length))))
    }

    /// A clock and its own kind of pauses, for tests in which no time passes.
    pub fn with_pauses(
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        pause: Arc<dyn Fn(Duration) -> Pause + Send + Sync>,
    ) -> Self {
        Self { now, pause }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(crate) async fn pause(&self, length: Duration) {
        if !length.is_zero() {
            (self.pause)(length).await;
        }
    }
}

/// Whole days from one time to another; never negative.
pub(crate) fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.duration_since(from).max(SignedDuration::ZERO)).as_hours() / 24
}

/// Whole days until the last day of an exception; none for what is no date.
pub(crate) fn days_left(expires: &str, today: Date) -> Option<i64> {
    let last: Date = expires.parse().ok()?;
    Some(i64::from(last.since(today).ok()?.get_days()))
}
