//! What a change needs from outside: the mode of one load balancer, read and set, and the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use doorward_model::{Gap, Mode};
use jiff::Timestamp;

use crate::Target;

/// What reading a load balancer's mode brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The attribute's value, verbatim.
    Value(String),
    /// The load balancer is gone.
    Gone,
    /// AWS answered, and the attribute was not in the answer.
    Absent,
}

/// What a call that sets a mode brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// The attribute's value in AWS's answer, verbatim; none where the answer lacks it.
    pub value: Option<String>,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// The mode of one load balancer. The binary fulfils it with sessions of the change role.
pub trait Front {
    /// Reads the mode.
    fn read(&self, target: &Target) -> impl Future<Output = Result<Seen, Gap>>;

    /// Sets the mode and nothing else. An error does not prove that nothing was set.
    fn set(&self, target: &Target, mode: Mode) -> impl Future<Output = Result<Wrote, Gap>>;
}

/// A pause that ends by itself.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the time comes from, and how it is waited for. Cheap to clone.
#[derive(Clone)]
pub struct Time {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pause: Arc<dyn Fn(Duration) -> Pause + Send + Sync>,
}

impl Time {
    /// A clock and its pauses.
    pub fn new(
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
