//! Where logs and metrics come from when they do not lie in a folder: S3, CloudWatch and Athena.
//!
//! A [`Source`] asks them with the right session for each account-Region and within [`CallLimits`]. What could not be had comes
//! back as a gap beside what could; nothing stops, and nothing is left out silently. This is the only asynchronous part of
//! the crate: it turns answers into [`Planned`](crate::Planned) objects, readers of bytes, and [`Series`](crate::Series).

mod actions;
mod athena;
mod call;
mod cloudwatch;
mod failure;
mod fetch;
mod look;
mod plan;
mod recount;
mod s3;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_types::SdkConfig;

use doorward_model::{AccountRegion, Gap, Region};

pub use actions::{AthenaOutput, AthenaReach, Capability, Operation, Reach, listing_logs};
pub use athena::{
    AthenaCount, AthenaError, AthenaJob, AthenaLogs, ParquetColumns, ParquetLogs, ParquetPlace, ScanEstimate,
};
pub use cloudwatch::Metered;
pub use fetch::{Body, Counted};
pub use plan::{Cost, LogPlace, LogPlan, Planned, Span, UnreadLogs};

/// A way into one account-Region.
#[derive(Clone)]
pub struct Door {
    /// What clients of the Region are built from: the HTTP client, the timeouts, the endpoint. The same for every account.
    pub config: SdkConfig,
    /// Credentials of the account, resolved. They travel with each call.
    pub credentials: Credentials,
}

/// Opens doors. The binary fulfils it with the sessions of the scan's access.
pub trait Sessions: Send + Sync + 'static {
    /// Opens the door of an account-Region; asked before every try, so it should remember sessions. `refused` are credentials
    /// that AWS has just called expired: they must not come back.
    fn open(
        &self,
        place: &AccountRegion,
        refused: Option<&Credentials>,
    ) -> impl Future<Output = Result<Door, Gap>> + Send;
}

impl<S: Sessions> Sessions for Arc<S> {
    fn open(
        &self,
        place: &AccountRegion,
        refused: Option<&Credentials>,
    ) -> impl Future<Output = Result<Door, Gap>> + Send {
        (**self).open(place, refused)
    }
}

/// How hard is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Most lists, objects or metric calls in flight; at least 1.
    pub concurrency: usize,
    /// Most tries of one call, and of one object between two of its bytes.
    pub tries: u32,
    /// Time for one try, and for the next bytes of an object.
    pub attempt: Duration,
    /// Time for one call with all its tries.
    pub deadline: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            concurrency: 16,
            tries: 12,
            attempt: Duration::from_secs(20),
            deadline: Duration::from_secs(120),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// A pause that ends by itself.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Asks AWS. Cheap to clone; clones share clients and counts.
pub struct Source<S> {
    shared: Arc<Shared<S>>,
}

impl<S> Clone for Source<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<S> {
    sessions: S,
    limits: CallLimits,
    pause: Box<dyn Fn(Duration) -> Pause + Send + Sync>,
    requests: AtomicU64,
    s3: ByRegion<aws_sdk_s3::Client>,
    cloudwatch: ByRegion<aws_sdk_cloudwatch::Client>,
}

impl<S: Sessions> Source<S> {
    /// With real pauses.
    pub fn new(sessions: S, limits: CallLimits) -> Self {
        Self::with_pauses(sessions, limits, |length| Box::pin(tokio::time::sleep(length)))
    }

    /// With pauses of another kind, for tests in which no time passes.
    pub fn with_pauses(
        sessions: S,
        limits: CallLimits,
        pause: impl Fn(Duration) -> Pause + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            sessions,
            limits,
            pause: Box::new(pause),
            requests: AtomicU64::new(0),
            s3: ByRegion::default(),
            cloudwatch: ByRegion::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Requests sent so far, every try counted.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Lists or calls in flight at once.
    fn concurrency(&self) -> usize {
        self.shared.limits.concurrency.max(1)
    }
}

/// Clients by Region, built when first needed.
struct ByRegion<C>(Mutex<HashMap<Region, C>>);

impl<C> Default for ByRegion<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Clone> ByRegion<C> {
    fn get(&self, region: &Region, build: impl FnOnce() -> C) -> C {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(region.clone()).or_insert_with(build).clone()
    }
}
