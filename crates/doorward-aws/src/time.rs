//! Time for calls: the date, a steady clock for rates and deadlines, and pauses.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::Clock;

/// A pause with an end.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The date, a steady clock, and pauses. Cheap to clone.
#[derive(Clone)]
pub struct Time {
    now: Clock,
    /// Time since some fixed moment. The date may be set back while a program runs; this clock never goes back.
    steady: Arc<dyn Fn() -> Duration + Send + Sync>,
    pause: Arc<dyn Fn(Duration) -> Pause + Send + Sync>,
}

impl Time {
    /// The date of `now`, with the steady clock and the pauses of the runtime.
    pub fn new(now: Clock) -> Self {
        let begun = Instant::now();
        Self {
            now,
            steady: Arc::new(move || begun.elapsed()),
            pause: Arc::new(|length| Box::pin(tokio::time::sleep(length))),
        }
    }

    /// A date and pauses of the caller's own, for tests and demonstrations in which no time passes: the steady clock follows
    /// the date.
    pub fn with_pauses(now: Clock, pause: Arc<dyn Fn(Duration) -> Pause + Send + Sync>) -> Self {
        let date = now.clone();
        let steady = move || Duration::try_from(date().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        Self { now, steady: Arc::new(steady), pause }
    }

    /// The date.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The date, as a function.
    pub fn clock(&self) -> Clock {
        self.now.clone()
    }

    /// Time since some fixed moment; only differences mean something.
    pub(crate) fn steady(&self) -> Duration {
        (self.steady)()
    }

    /// Waits.
    pub async fn pause(&self, length: Duration) {
        if !length.is_zero() {
            (self.pause)(length).await;
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({})", self.now())
    }
}
