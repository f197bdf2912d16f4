//! One way to call AWS: a turn, credentials, a permit, a try; then cure, pause and try again until the deadline.
//!
//! The SDK's own retries are switched off, because their state is shared process-wide by service and Region: one
//! throttled account would use up the retries of all others.
//!
//! A call that changes something is sent once and never repeated here, whatever the answer: AWS may have acted although no answer
//! arrived, and another party may have changed the same thing since. The caller reads before it decides to send again.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use doorward_model::{Gap, GapReason, Region};

use crate::access::Session;
use crate::actions::Operation;
use crate::failure::{Cure, Failure};
use crate::pace::{Family, Paces};
use crate::settings::CallSettings;

/// Where a call goes and what it is called.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    pub(crate) session: &'a Session,
    pub(crate) region: &'a Region,
    /// Whether the account itself said that the Region is enabled.
    pub(crate) told_enabled: bool,
    pub(crate) family: Family,
    pub(crate) operation: Operation,
}

/// Makes calls within the limits.
pub(crate) struct Caller {
    settings: CallSettings,
    permits: Semaphore,
    /// A silent Region may hold at most half of all permits, so that the others go on.
    by_region: Mutex<HashMap<Region, Arc<Semaphore>>>,
    pub(crate) paces: Paces,
    requests: AtomicU64,
}

impl Caller {
    pub(crate) fn new(settings: CallSettings) -> Self {
        Self {
            permits: Semaphore::new(settings.concurrency),
            by_region: Mutex::default(),
            paces: Paces::new(settings.share_of_limits),
            requests: AtomicU64::new(0),
            settings,
        }
    }

    /// Requests sent so far, every try counted.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Makes one call with as many tries as it takes and the settings allow. Waiting for a turn, a permit or credentials
    /// does not count against the call's deadline: that is the scan's own doing, not AWS's.
    pub(crate) async fn call<T, Sent>(&self, route: Route<'_>, send: impl Fn(Credentials) -> Sent) -> Result<T, Gap>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        self.send(route, send).await.map_err(|failure| failure.gap)
    }

    /// The same, with what is known of a call that failed. One that changes something has one try.
    pub(crate) async fn send<T, Sent>(&self, route: Route<'_>, send: impl Fn(Credentials) -> Sent) -> Result<T, Failure>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        let most = if route.operation.changes_something() { 1 } else { self.settings.tries };
        let pace = self.paces.of(route.session.account(), route.region, route.family);
        let in_region = self.in_region(route.region);
        let mut left = self.settings.call_deadline.0;
        let (mut tries, mut renewals) = (0, 0);
        loop {
            pace.turn().await;
            let credentials = route.session.credentials(self).await.map_err(Failure::unsent)?;
            let tried = {
                let _of_region = in_region.acquire().await;
                let _of_all = self.permits.acquire().await;
                self.requests.fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                let tried = timeout(left, send(credentials.clone())).await;
                left = left.saturating_sub(begun.elapsed());
                tried
            };
            let failure = match tried {
                Ok(Ok(answer)) => {
                    pace.speed_up();
                    return Ok(answer);
                }
                Ok(Err(failure)) => failure.in_a_region(route.told_enabled),
                Err(_) => {
                    let gap = Gap::new(GapReason::TimedOut, route.operation.action());
                    return Err(Failure { cure: Cure::Retry, gap, refused: false });
                }
            };
            tries += 1;
            tracing::debug!(account = %route.session.account(), region = %route.region, tries, gap = %failure.gap, "call failed");
            match failure.cure {
                Cure::None => return Err(failure),
                Cure::SlowDown => pace.slow_down(),
                Cure::Renew if renewals < 2 => {
                    renewals += 1;
                    route.session.invalidate(&credentials);
                }
                Cure::Renew => return Err(failure),
                Cure::Retry => {}
            }
            let pause = self.pause(tries);
            if tries >= most || pause >= left {
                return Err(failure);
            }
            left -= pause;
            tokio::time::sleep(pause).await;
        }
    }

    fn in_region(&self, region: &Region) -> Arc<Semaphore> {
        let share = self.settings.concurrency.div_ceil(2);
        let mut regions = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        regions.entry(region.clone()).or_insert_with(|| Arc::new(Semaphore::new(share))).clone()
    }

    /// Walks all pages, each one a call. What arrived before a failure is returned beside it; a token that comes a
    /// second time ends the walk as malformed instead of never.
    pub(crate) async fn pages<T, Sent>(
        &self,
        route: Route<'_>,
        send: impl Fn(Credentials, Option<String>) -> Sent,
    ) -> (Vec<T>, Option<Gap>)
    where
        Sent: Future<Output = Result<(Vec<T>, Option<String>), Failure>>,
    {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut token: Option<String> = None;
        loop {
            let (page, next) = match self.call(route, |credentials| send(credentials, token.clone())).await {
                Ok(answer) => answer,
                Err(gap) => return (all, Some(gap)),
            };
            all.extend(page);
            match next {
                None => return (all, None),
                Some(next) if !seen.insert(next.clone()) => {
                    let gap = Gap::new(GapReason::Malformed, route.operation.action());
                    return (all, Some(gap.with_message("the answers name the same next page twice")));
                }
                next => token = next,
            }
        }
    }

    /// Full jitter: anything between nothing and a bound that doubles, so that callers never fall into step.
    fn pause(&self, tries: u32) -> Duration {
        let bound = Duration::from_millis(200).saturating_mul(1 << tries.min(10)).min(self.settings.longest_pause.0);
        bound.mul_f64(fastrand::f64())
    }
}
