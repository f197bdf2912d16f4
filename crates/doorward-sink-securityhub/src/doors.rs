//! What the sink needs from outside: a way into each hub, and the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_securityhub::Client;
use jiff::Timestamp;

use doorward_model::{AccountRegion, Gap};

/// A way into one hub.
#[derive(Clone)]
pub struct Door {
    /// A client of the hub's Region; it may serve many accounts. Its own retries must be off and its timeouts set: this
    /// crate retries whole calls itself.
    pub client: Client,
    /// Credentials of the hub's account, resolved. They travel with each call.
    pub credentials: Credentials,
}

/// Opens doors. The binary fulfils it with the sessions of the scan's access.
pub trait Doors: Send + Sync {
    /// Opens the door of a hub; asked before every try, so it should remember sessions. `refused` are credentials that
    /// AWS has just called expired: they must not come back.
    fn open(
        &self,
        hub: &AccountRegion,
        refused: Option<&Credentials>,
    ) -> impl Future<Output = Result<Door, Gap>> + Send;
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

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Waits.
    pub(crate) async fn pause(&self, length: Duration) {
        if !length.is_zero() {
            (self.pause)(length).await;
        }
    }
}
