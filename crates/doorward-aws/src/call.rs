//! The one loop that calls AWS: rate limit, credentials, permit, try; then recover, pause and try again until the deadline.
//!
//! The SDK's own retries are switched off, because their state is shared process-wide by service and Region: one
//! throttled account would use up the retries of all others.
//!
//! A call that sets a mode is sent once, whatever the answer: AWS may have acted although no answer arrived, and another party may
//! have changed the same thing since. The caller reads before it decides to send again.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use doorward_model::{AccountId, Gap, GapReason, Region};

use crate::access::Session;
use crate::failure::{CallFailure, RetryAction};
use crate::operation::{Operation, Repetition};
use crate::rate_limit::{RateLimit, RateLimits};
use crate::settings::CallSettings;
use crate::time::Time;

/// Renewals of the credentials in one call. Credentials that are refused a third time will not be accepted.
const RENEWALS: u32 = 2;
/// The bound of the first pause between two tries; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A request that takes longer is logged with `-v`: AWS answers most of Doorward's in a fraction of a second.
const SLOW: Duration = Duration::from_secs(5);

/// The destination of a call, and its operation.
#[derive(Clone, Copy)]
pub struct CallRoute<'a> {
    /// Whose credentials it carries.
    pub session: &'a Session,
    /// The Region it is sent to.
    pub region: &'a Region,
    /// Whether the account itself lists the Region as enabled.
    pub region_enabled: bool,
    /// The operation.
    pub operation: Operation,
}

/// Makes calls within the limits. One for the process, so that scans, traffic, publishing and changes share them.
pub struct Caller {
    settings: CallSettings,
    permits: Semaphore,
    /// A Region that does not answer may hold at most half of all permits, so that the others go on.
    by_region: Mutex<HashMap<Region, Arc<Semaphore>>>,
    limits: RateLimits,
    time: Time,
    requests: AtomicU64,
}

impl Caller {
    pub(crate) fn new(settings: CallSettings, time: Time) -> Self {
        Self {
            permits: Semaphore::new(settings.concurrency),
            by_region: Mutex::default(),
            limits: RateLimits::new(time.clone()),
            time,
            requests: AtomicU64::new(0),
            settings,
        }
    }

    /// Requests sent so far, every try counted.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The date and the pauses of calls.
    pub fn time(&self) -> &Time {
        &self.time
    }

    /// The time for one try, and for the next bytes of a stream.
    pub fn attempt_timeout(&self) -> Duration {
        self.settings.attempt_timeout.0
    }

    /// The most tries of one call, and of a stream without a new byte.
    pub fn tries(&self) -> u32 {
        self.settings.tries
    }

    /// Drops the rate limits of an account-Region that was read to its end.
    pub fn forget(&self, account: &AccountId, region: &Region) {
        self.limits.forget(account, region);
    }

    /// Waits before another try: anything between nothing and a bound that doubles with each ("full jitter"), so that callers
    /// do not fall into step.
    pub async fn back_off(&self, tries: u32) {
        self.time.pause(self.pause(tries)).await;
    }

    fn pause(&self, tries: u32) -> Duration {
        let bound = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(self.settings.longest_pause.0);
        bound.mul_f64(fastrand::f64())
    }

    /// Makes one call with as many tries as the operation and the settings allow.
    ///
    /// # Errors
    /// The gap of the last failure.
    pub async fn call<T, Sent>(&self, route: CallRoute<'_>, send: impl Fn(Credentials) -> Sent) -> Result<T, Gap>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        self.send(route, send).await.map_err(|failure| failure.gap)
    }

    /// Like [`Caller::call`], with the whole classification of a failure.
    ///
    /// # Errors
    /// The last failure.
    pub async fn send<T, Sent>(
        &self,
        route: CallRoute<'_>,
        send: impl Fn(Credentials) -> Sent,
    ) -> Result<T, CallFailure>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        self.send_at(None, None, route, send).await
    }

    /// Like [`Caller::send`], with a share of AWS's limits and a time for one try other than those of the settings.
    pub(crate) async fn send_at<T, Sent>(
        &self,
        share: Option<f64>,
        attempt: Option<Duration>,
        route: CallRoute<'_>,
        send: impl Fn(Credentials) -> Sent,
    ) -> Result<T, CallFailure>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        let share = share.unwrap_or(self.settings.share_of_limits);
        // A longer try than usual has a deadline of its own.
        let deadline =
            attempt.map_or(self.settings.call_deadline.0, |longest| longest.max(self.settings.call_deadline.0));
        let attempt = attempt.unwrap_or(self.settings.attempt_timeout.0);
        let limit = self.limits.of(route.session.account(), route.region, route.operation.family(), share);
        let in_region = self.in_region(route.region);
        let mut left = deadline;
        let (mut tries, mut renewals) = (0, 0);
        loop {
            let (credentials, tried) = self.attempt(route, (&limit, &in_region), attempt, &mut left, &send).await?;
            let failure = match tried {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            tries += 1;
            match failure.action {
                RetryAction::SlowDown => limit.slow_down(),
                RetryAction::Renew => {
                    // Without this, the next call would be sent with the same credentials.
                    route.session.invalidate(&credentials);
                    renewals += 1;
                }
                RetryAction::Retry | RetryAction::RetryUpTo(_) | RetryAction::Stop | RetryAction::Redirect(_) => {}
            }
            let pause = self.pause(tries);
            let again = match failure.action {
                RetryAction::Stop | RetryAction::Redirect(_) => false,
                RetryAction::Renew if renewals > RENEWALS => false,
                RetryAction::RetryUpTo(most) if tries >= most => false,
                RetryAction::Renew => route.operation.repetition() != Repetition::Never,
                RetryAction::SlowDown | RetryAction::Retry | RetryAction::RetryUpTo(_) => {
                    route.operation.repetition() == Repetition::Always
                }
            };
            if !again || tries >= self.settings.tries || pause >= left {
                report(route, tries, &failure, None);
                return Err(failure);
            }
            report(route, tries, &failure, Some(pause));
            left -= pause;
            self.time.pause(pause).await;
        }
    }

    /// Sends one request, within the limits and the time that is left. Waiting for the rate limit, a permit or credentials
    /// does not count against the deadline of the call: that is Doorward's own doing, not AWS's. The outer error is final: there
    /// are no credentials.
    async fn attempt<T, Sent>(
        &self,
        route: CallRoute<'_>,
        (limit, in_region): (&RateLimit, &Semaphore),
        longest: Duration,
        left: &mut Duration,
        send: impl Fn(Credentials) -> Sent,
    ) -> Result<(Credentials, Result<T, CallFailure>), CallFailure>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        limit.acquire().await;
        let credentials = route.session.credentials(self).await.map_err(CallFailure::unsent)?;
        let _of_region = in_region.acquire().await;
        let _of_all = self.permits.acquire().await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let begun = self.time.steady();
        let tried = timeout((*left).min(longest), send(credentials.clone())).await;
        let took = self.time.steady().saturating_sub(begun);
        *left = left.saturating_sub(took);
        let (account, region, operation) = (route.session.account(), route.region, route.operation.action());
        if took > SLOW {
            tracing::info!(%account, %region, operation, seconds = took.as_secs(), "slow request");
        }
        tracing::debug!(%account, %region, operation, millis = took.as_millis() as u64, "request");
        let tried = tried.unwrap_or_else(|_| Err(CallFailure::timed_out(route.operation)));
        if tried.is_ok() {
            limit.speed_up();
        }
        Ok((credentials, tried.map_err(|failure| failure.in_a_region(route.region_enabled))))
    }

    fn in_region(&self, region: &Region) -> Arc<Semaphore> {
        let share = self.settings.concurrency.div_ceil(2);
        let mut regions = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        regions.entry(region.clone()).or_insert_with(|| Arc::new(Semaphore::new(share))).clone()
    }

    /// Reads all pages, each by one call. Entries that arrived before a failure are returned beside its gap; a token that
    /// comes a second time ends the pages as malformed instead of never.
    pub async fn pages<T, Sent>(
        &self,
        route: CallRoute<'_>,
        send: impl Fn(Credentials, Option<String>) -> Sent,
    ) -> (Vec<T>, Option<Gap>)
    where
        Sent: Future<Output = Result<(Vec<T>, Option<String>), CallFailure>>,
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
                    return (all, Some(gap.with_message("the responses name the same next page twice")));
                }
                next => token = next,
            }
        }
    }
}

/// Logs a failed try. A gap has AWS's message and request id, and never a credential.
fn report(route: CallRoute<'_>, tries: u32, failure: &CallFailure, pause: Option<Duration>) {
    let (account, region, operation) = (route.session.account(), route.region, route.operation.action());
    let (gap, code) = (&failure.gap, failure.code().unwrap_or_default());
    match pause {
        Some(pause) => {
            let pause_millis = pause.as_millis() as u64;
            tracing::info!(%account, %region, operation, tries, %gap, code, pause_millis, "retry");
        }
        None => tracing::info!(%account, %region, operation, tries, %gap, code, "call failed"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use aws_config::SdkConfig;
    use doorward_model::AccountRegion;
    use jiff::Timestamp;

    use super::*;
    use crate::access::{ClientProvider, OpenSession};
    use crate::settings::Span;

    fn here() -> AccountRegion {
        let account = AccountId::new("111122223333").expect("an account");
        AccountRegion { account, region: Region::new("eu-west-1").expect("a Region") }
    }

    /// Calls with five tries, and the access keys that were called expired.
    fn provider() -> (ClientProvider, Arc<Mutex<Vec<String>>>) {
        let seconds = |seconds| Span(Duration::from_secs(seconds));
        let calls = CallSettings {
            concurrency: 4,
            share_of_limits: 1.0,
            connect_timeout: seconds(1),
            read_timeout: seconds(1),
            attempt_timeout: seconds(10),
            call_deadline: seconds(600),
            tries: 5,
            longest_pause: seconds(10),
        };
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&refused);
        let open: OpenSession = Arc::new(move |account: &AccountId, expired: Option<Credentials>| {
            kept.lock().expect("no panic").extend(expired.map(|one| one.access_key_id().to_owned()));
            let credentials = Credentials::new(format!("AKIA{account}"), "s", None, None, "test");
            Box::pin(std::future::ready(Ok(credentials)))
        });
        let time = Time::new(Arc::new(Timestamp::now));
        (ClientProvider::with_sessions(SdkConfig::builder().build(), calls, time, open), refused)
    }

    #[tokio::test(start_paused = true)]
    async fn the_operation_and_the_failure_decide_how_often_a_request_is_sent() {
        use RetryAction::{Renew, Retry, RetryUpTo, SlowDown, Stop};
        for (operation, action, expected) in [
            (Operation::DescribeTags, SlowDown, 5),
            (Operation::DescribeTags, Retry, 5),
            (Operation::DescribeTags, RetryUpTo(2), 2),
            (Operation::DescribeTags, RetryUpTo(9), 5),
            (Operation::DescribeTags, Renew, 3),
            (Operation::DescribeTags, Stop, 1),
            (Operation::BatchImportFindings, Retry, 5),
            (Operation::Publish, Retry, 1),
            (Operation::Publish, SlowDown, 1),
            (Operation::Publish, Renew, 3),
            (Operation::ModifyLoadBalancerAttributes, SlowDown, 1),
            (Operation::ModifyLoadBalancerAttributes, Retry, 1),
            (Operation::ModifyClassicLoadBalancerAttributes, Renew, 1),
        ] {
            let (aws, _) = provider();
            let sent = AtomicU32::new(0);
            let result: Result<(), CallFailure> = aws
                .call(&here(), operation, |_| {
                    sent.fetch_add(1, Ordering::Relaxed);
                    let gap = Gap::new(GapReason::ServiceFailure, operation.action());
                    std::future::ready(Err(CallFailure { action: action.clone(), ..CallFailure::retryable(gap) }))
                })
                .await;
            assert!(result.is_err());
            assert_eq!(sent.into_inner(), expected, "{operation:?} {action:?}");
            assert_eq!(aws.caller().requests(), u64::from(expected), "{operation:?} {action:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_expired_are_replaced_even_where_the_request_is_not_repeated() {
        let (aws, refused) = provider();
        for operation in [Operation::ModifyLoadBalancerAttributes, Operation::DescribeTags] {
            let first = AtomicU32::new(0);
            let expired = |_| {
                let gap = Gap::new(GapReason::Expired, operation.action());
                let failed = first.fetch_add(1, Ordering::Relaxed) == 0;
                let failure = CallFailure { action: RetryAction::Renew, ..CallFailure::retryable(gap) };
                std::future::ready(if failed { Err(failure) } else { Ok(()) })
            };
            let sent = aws.call(&here(), operation, expired).await;
            assert_eq!(sent.is_ok(), operation == Operation::DescribeTags);
        }
        assert_eq!(*refused.lock().expect("no panic"), ["AKIA111122223333", "AKIA111122223333"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_service_ends_at_the_deadline() {
        let (aws, _) = provider();
        let begun = tokio::time::Instant::now();
        let result: Result<(), CallFailure> =
            aws.call(&here(), Operation::DescribeTags, |_| std::future::pending()).await;
        let failure = result.expect_err("nothing answered");
        assert_eq!((failure.gap.reason, failure.refused), (GapReason::TimedOut, false));
        assert!(begun.elapsed() <= Duration::from_secs(600));
        assert_eq!(aws.caller().requests(), 5, "each try has its own timeout");
    }
}
