//! One way to call: credentials, a try, then cure, pause and try again until the deadline.
//!
//! The SDK's own retries are switched off: their state is shared by all accounts of a Region.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::time::{Instant, timeout};

use doorward_model::{AccountRegion, Gap, GapReason, Region};

use super::actions::Operation;
use super::failure::{Cure, Failure};
use super::{CallLimits, Door, Sessions, Source};

/// Why there is no answer.
pub(super) enum Refusal {
    /// For this reason.
    Gap(Gap),
    /// The bucket is in this Region; the gap is for who does not want to follow.
    Elsewhere(Region, Gap),
}

impl Refusal {
    pub(super) fn into_gap(self) -> Gap {
        match self {
            Self::Gap(gap) | Self::Elsewhere(_, gap) => gap,
        }
    }
}

/// What is left of a call's tries and time.
pub(super) struct Budget {
    tries: u32,
    renewals: u32,
    left: Duration,
}

impl Budget {
    pub(super) fn new(limits: &CallLimits) -> Self {
        Self { tries: 0, renewals: 0, left: limits.deadline }
    }

    /// Time for the next try.
    pub(super) fn attempt(&self, limits: &CallLimits) -> Duration {
        self.left.min(limits.attempt)
    }

    /// Takes off the time that a try took.
    pub(super) fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    /// How long to pause before the next try; none when there is none left. Full jitter: anything up to a bound that doubles, so
    /// that callers never fall into step.
    pub(super) fn pause(&mut self, limits: &CallLimits) -> Option<Duration> {
        self.tries += 1;
        let bound = Duration::from_millis(200).saturating_mul(1 << self.tries.min(10)).min(limits.longest_pause);
        let pause = bound.mul_f64(fastrand::f64());
        if self.tries >= limits.tries || pause >= self.left {
            return None;
        }
        self.left -= pause;
        Some(pause)
    }

    /// Whether the session may be renewed once more.
    pub(super) fn renew(&mut self) -> bool {
        self.renewals += 1;
        self.renewals <= 2
    }
}

impl<S: Sessions> Source<S> {
    /// Makes one call with as many tries as it takes and the limits allow.
    pub(super) async fn call<T, Sent>(
        &self,
        place: &AccountRegion,
        operation: Operation,
        send: impl Fn(Door) -> Sent,
    ) -> Result<T, Refusal>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        let mut budget = Budget::new(&self.shared.limits);
        let mut refused = None;
        loop {
            let failure = match self.attempt(place, operation, &mut budget, &mut refused, &send).await? {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if let Cure::Elsewhere(region) = failure.cure {
                return Err(Refusal::Elsewhere(region, failure.gap));
            }
            if !self.recover(&failure, &mut budget).await {
                return Err(Refusal::Gap(failure.gap));
            }
        }
    }

    /// One try. The outer error is final: no session could be had.
    pub(super) async fn attempt<T, Sent>(
        &self,
        place: &AccountRegion,
        operation: Operation,
        budget: &mut Budget,
        refused: &mut Option<Credentials>,
        send: impl Fn(Door) -> Sent,
    ) -> Result<Result<T, Failure>, Refusal>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        let door = self.shared.sessions.open(place, refused.as_ref()).await.map_err(Refusal::Gap)?;
        let credentials = door.credentials.clone();
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let tried = timeout(budget.attempt(&self.shared.limits), send(door)).await;
        budget.spend(begun.elapsed());
        let tried = tried.unwrap_or_else(|_| Err(Failure::new(operation, Cure::Retry, GapReason::TimedOut)));
        *refused = matches!(&tried, Err(failure) if failure.cure == Cure::Renew).then_some(credentials);
        Ok(tried)
    }

    /// Waits before another try; false when there is none.
    pub(super) async fn recover(&self, failure: &Failure, budget: &mut Budget) -> bool {
        tracing::debug!(gap = %failure.gap, "call failed");
        let worth_it = match failure.cure {
            Cure::Retry => true,
            Cure::Renew => budget.renew(),
            Cure::None | Cure::Elsewhere(_) => false,
        };
        if !worth_it {
            return false;
        }
        match budget.pause(&self.shared.limits) {
            Some(pause) => {
                (self.shared.pause)(pause).await;
                true
            }
            None => false,
        }
    }
}
