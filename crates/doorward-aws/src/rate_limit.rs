//! Rate limits: one token bucket per account, Region and API family, slowed down when AWS throttles.
//!
//! AWS's limits are shared with the owner's own deployments, so Doorward takes a share of them. A bucket answers
//! throttles with a multiplicative decrease (at most once a second, so that one burst of refusals counts once) and
//! successes with an additive increase back to its ceiling.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_model::{AccountId, Region};

use crate::time::Time;

/// Operations that AWS throttles together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Reads of application, network and gateway load balancers.
    Elb,
    /// Reads of classic load balancers.
    ElbClassic,
    /// Changes of application, network and gateway load balancers.
    ElbChange,
    /// Changes of classic load balancers.
    ElbClassicChange,
    /// CloudWatch Logs deliveries.
    Logs,
    /// `account:ListRegions`.
    AccountRegions,
    /// STS.
    Sts,
    /// The organization and its accounts.
    OrganizationAccounts,
    /// One account of the organization.
    OrganizationDescribe,
    /// Organizational units.
    OrganizationUnits,
    /// Parents of accounts.
    OrganizationParents,
    /// Tags of accounts.
    OrganizationTags,
    /// Lists and reads of S3.
    S3,
    /// Writes of S3.
    S3Write,
    /// `cloudwatch:GetMetricData`.
    Metrics,
    /// Starting and stopping Athena queries.
    AthenaControl,
    /// States and results of Athena queries.
    AthenaRead,
    /// `securityhub:BatchImportFindings`.
    FindingsImport,
    /// `securityhub:GetFindings`.
    FindingsRead,
    /// `sns:Publish`.
    Sns,
    /// Reads of CloudFront.
    CloudFront,
    /// Reads of API Gateway.
    ApiGateway,
}

impl Family {
    /// Whether one endpoint answers for the whole account or organization, whatever Region is scanned.
    pub(crate) const fn is_global(self) -> bool {
        matches!(
            self,
            Self::AccountRegions
                | Self::Sts
                | Self::OrganizationAccounts
                | Self::OrganizationDescribe
                | Self::OrganizationUnits
                | Self::OrganizationParents
                | Self::OrganizationTags
                | Self::CloudFront
        )
    }

    /// AWS's published limits: requests a second, and burst. STS answers 600 requests a second from each account and Region
    /// ("IAM and AWS STS quotas"); no burst is named, so it is a second's worth. S3 answers 5,500 reads and 3,500 writes a second for each
    /// prefix and publishes no burst; the folder of one day is a prefix. CloudWatch answers 50 `GetMetricData` requests a second.
    /// Athena answers 20 starts a second with a burst of 80, and 100 reads with a burst of 200 ("Service quotas"). Security Hub
    /// answers 10 imports a second with a burst of 30, and 3 `GetFindings` with a burst of 6. API Gateway answers
    /// 10 requests a second of its management API for an account, with a burst of 40, in all Regions together. For CloudWatch Logs
    /// deliveries, `ListRegions`, SNS and CloudFront the values are cautious.
    const fn published(self) -> (f64, f64) {
        match self {
            Self::Elb | Self::ElbClassic => (10.0, 40.0),
            Self::ElbChange | Self::ElbClassicChange => (3.0, 20.0),
            Self::Logs => (5.0, 10.0),
            Self::AccountRegions => (4.0, 10.0),
            Self::Sts => (600.0, 600.0),
            Self::OrganizationAccounts => (8.0, 12.0),
            Self::OrganizationDescribe => (20.0, 30.0),
            Self::OrganizationUnits | Self::OrganizationParents => (5.0, 8.0),
            Self::OrganizationTags => (10.0, 15.0),
            Self::S3 => (5500.0, 5500.0),
            Self::S3Write => (3500.0, 3500.0),
            Self::Metrics => (50.0, 50.0),
            Self::AthenaControl => (20.0, 80.0),
            Self::AthenaRead => (100.0, 200.0),
            Self::FindingsImport => (10.0, 30.0),
            Self::FindingsRead => (3.0, 6.0),
            Self::Sns => (30.0, 30.0),
            Self::CloudFront => (2.0, 5.0),
            Self::ApiGateway => (5.0, 10.0),
        }
    }
}

struct State {
    /// May be negative: tokens promised to callers who still wait.
    tokens: f64,
    rate: f64,
    refilled: Duration,
    slowed: Option<Duration>,
}

/// The token bucket of one account, Region and family.
pub(crate) struct RateLimit {
    ceiling: f64,
    burst: f64,
    time: Time,
    state: Mutex<State>,
}

impl RateLimit {
    fn new(ceiling: f64, burst: f64, time: Time) -> Self {
        let state = State { tokens: burst, rate: ceiling, refilled: time.steady(), slowed: None };
        Self { ceiling, burst, time, state: Mutex::new(state) }
    }

    /// Waits for a token. Tokens are given in the order in which they are asked for.
    pub(crate) async fn acquire(&self) {
        let wait = {
            let mut state = self.refilled();
            state.tokens -= 1.0;
            if state.tokens < 0.0 {
                // A clock of milliseconds shows up to one less than was waited; without it the request would come too early.
                Duration::from_secs_f64(-state.tokens / state.rate) + Duration::from_millis(1)
            } else {
                Duration::ZERO
            }
        };
        self.time.pause(wait).await;
    }

    /// AWS throttled: halve the rate, and drop the tokens that were saved.
    pub(crate) fn slow_down(&self) {
        let mut state = self.refilled();
        let now = state.refilled;
        if state.slowed.is_none_or(|last| now.saturating_sub(last) >= Duration::from_secs(1)) {
            // A tenth of the ceiling still makes progress; a rate of zero would never be raised again.
            state.rate = (state.rate / 2.0).max(self.ceiling / 10.0);
            state.tokens = state.tokens.min(0.0);
            state.slowed = Some(now);
        }
    }

    /// AWS answered: raise the rate by a tenth of the ceiling.
    pub(crate) fn speed_up(&self) {
        let mut state = self.lock();
        if state.rate < self.ceiling {
            state.rate = (state.rate + self.ceiling / 10.0).min(self.ceiling);
        }
    }

    fn refilled(&self) -> MutexGuard<'_, State> {
        let now = self.time.steady();
        let mut state = self.lock();
        let earned = now.saturating_sub(state.refilled).as_secs_f64() * state.rate;
        state.tokens = (state.tokens + earned).min(self.burst);
        // Only a clock of tests goes back; from there on the bucket fills again.
        state.refilled = now;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buckets of one account-Region.
type Buckets = HashMap<Family, Arc<RateLimit>>;

/// The buckets of one process: scans, traffic, publishing and changes share them.
pub(crate) struct RateLimits {
    time: Time,
    buckets: Mutex<HashMap<(AccountId, Region), Buckets>>,
}

impl RateLimits {
    pub(crate) fn new(time: Time) -> Self {
        Self { time, buckets: Mutex::default() }
    }

    /// The bucket of an account, Region and family. It takes `share` of the published limits as its first caller gives it.
    pub(crate) fn of(&self, account: &AccountId, region: &Region, family: Family, share: f64) -> Arc<RateLimit> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (rate, burst) = family.published();
        let of_place = buckets.entry((account.clone(), region.clone())).or_default();
        let new = || Arc::new(RateLimit::new(rate * share, (burst * share).max(1.0), self.time.clone()));
        of_place.entry(family).or_insert_with(new).clone()
    }

    /// Drops the buckets of an account-Region that was read, so that a scan of thousands of them does not keep them all. Those of
    /// global endpoints stay.
    pub(crate) fn forget(&self, account: &AccountId, region: &Region) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (account.clone(), region.clone());
        let is_empty = buckets.get_mut(&place).is_some_and(|of_place| {
            of_place.retain(|family, _| family.is_global());
            of_place.is_empty()
        });
        if is_empty {
            buckets.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::*;

    fn time() -> Time {
        Time::new(Arc::new(Timestamp::now))
    }

    async fn requests_within(limit: &RateLimit, window: Duration) -> u32 {
        let end = Instant::now() + window;
        let mut requests = 0;
        loop {
            limit.acquire().await;
            if Instant::now() > end {
                return requests;
            }
            requests += 1;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_burst_and_rate() {
        let limit = RateLimit::new(5.0, 20.0, time());
        assert!(requests_within(&limit, Duration::from_secs(10)).await <= 20 + 50);
    }

    #[tokio::test(start_paused = true)]
    async fn throttles_halve_the_rate_and_success_restores_it() {
        let limit = RateLimit::new(5.0, 20.0, time());
        limit.slow_down();
        limit.slow_down(); // the same burst of refusals counts once
        let slowed = requests_within(&limit, Duration::from_secs(10)).await;
        assert!((20..=26).contains(&slowed), "{slowed} requests at 2.5 a second");
        for _ in 0..5 {
            limit.speed_up();
        }
        let restored = requests_within(&limit, Duration::from_secs(10)).await;
        assert!((45..=55).contains(&restored), "{restored} requests at 5 a second");
    }

    #[tokio::test(start_paused = true)]
    async fn however_often_throttled_it_makes_progress() {
        let limit = RateLimit::new(5.0, 20.0, time());
        for _ in 0..100 {
            limit.slow_down();
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(requests_within(&limit, Duration::from_secs(60)).await > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_account_does_not_slow_another() {
        let limits = RateLimits::new(time());
        let region = Region::new("eu-west-1").expect("valid");
        let bad = limits.of(&AccountId::new("111111111111").expect("valid"), &region, Family::Elb, 0.5);
        let good = limits.of(&AccountId::new("222222222222").expect("valid"), &region, Family::Elb, 0.5);
        for _ in 0..10 {
            bad.slow_down();
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(requests_within(&good, Duration::from_secs(10)).await >= 65);
    }

    #[tokio::test(start_paused = true)]
    async fn a_date_that_is_set_back_stops_nothing() {
        let date = Arc::new(Mutex::new(Timestamp::from_second(1_000_000).expect("a time")));
        let (read, moved) = (Arc::clone(&date), Arc::clone(&date));
        let pause = move |length: Duration| -> crate::Pause {
            let mut date = moved.lock().expect("no panic");
            *date = date.checked_add(jiff::SignedDuration::try_from(length).expect("short")).expect("a time");
            Box::pin(std::future::ready(()))
        };
        let time = Time::with_pauses(Arc::new(move || *read.lock().expect("no panic")), Arc::new(pause));
        let limit = RateLimit::new(5.0, 2.0, time);
        *date.lock().expect("no panic") = Timestamp::from_second(900_000).expect("a time");
        for _ in 0..20 {
            limit.acquire().await;
        }
        let moved = date.lock().expect("no panic").as_second();
        assert!((900_003..900_006).contains(&moved), "{moved}");
    }

    #[test]
    fn buckets_of_global_endpoints_are_kept() {
        let limits = RateLimits::new(time());
        let (account, region) =
            (AccountId::new("111111111111").expect("valid"), Region::new("us-east-1").expect("valid"));
        let [sts, elb] = [Family::Sts, Family::Elb].map(|family| limits.of(&account, &region, family, 0.5));
        limits.forget(&account, &region);
        assert!(Arc::ptr_eq(&sts, &limits.of(&account, &region, Family::Sts, 0.5)));
        assert!(!Arc::ptr_eq(&elb, &limits.of(&account, &region, Family::Elb, 0.5)));
    }
}
