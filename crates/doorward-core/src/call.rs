//! One way to call AWS: a turn, credentials, a permit, a try; then cure, pause and try again until the deadline.
//!
//! The SDK's own retries are switched off, because their state is shared process-wide by service and Region: one
//! throttled account would use up the retries of all others.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

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
    pub(crate) family: Family,
    pub(crate) operation: Operation,
}

/// Makes calls within the limits.
pub(crate) struct Caller {
    settings: CallSettings,
    permits: Semaphore,
    pub(crate) paces: Paces,
    requests: AtomicU64,
}

impl Caller {
    pub(crate) fn new(settings: CallSettings) -> Self {
        Self {
            permits: Semaphore::new(settings.concurrency),
            paces: Paces::new(settings.share_of_limits),
            requests: AtomicU64::new(0),
            settings,
        }
    }

    /// Requests sent so far, every try counted.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Makes one call with as many tries as it takes and the settings allow.
    pub(crate) async fn call<T, Sent>(&self, route: Route<'_>, send: impl Fn(Credentials) -> Sent) -> Result<T, Gap>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        let pace = self.paces.of(route.session.account(), route.region, route.family);
        pace.turn().await;
        let deadline = Instant::now() + self.settings.call_deadline.0;
        let (mut tries, mut renewals) = (0, 0);
        loop {
            let credentials = route.session.credentials(self).await?;
            let attempt = async {
                let _permit = self.permits.acquire().await;
                self.requests.fetch_add(1, Ordering::Relaxed);
                send(credentials.clone()).await
            };
            let failure = match timeout_at(deadline, attempt).await {
                Ok(Ok(answer)) => {
                    pace.speed_up();
                    return Ok(answer);
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(Gap::new(GapReason::TimedOut, route.operation.action())),
            };
            tries += 1;
            tracing::debug!(account = %route.session.account(), region = %route.region, tries, gap = %failure.gap, "call failed");
            match failure.cure {
                Cure::None => return Err(failure.gap),
                Cure::SlowDown => pace.slow_down(),
                Cure::Renew if renewals < 2 => {
                    renewals += 1;
                    route.session.invalidate(&credentials).await;
                }
                Cure::Renew => return Err(failure.gap),
                Cure::Retry => {}
            }
            let pause = self.pause(tries);
            if tries >= self.settings.tries || Instant::now() + pause >= deadline {
                return Err(failure.gap);
            }
            tokio::time::sleep(pause).await;
            if timeout_at(deadline, pace.turn()).await.is_err() {
                return Err(failure.gap);
            }
        }
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
