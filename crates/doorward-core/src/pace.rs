//! Politeness: one token bucket per account, Region and API family, slowed down when AWS says so.
//!
//! AWS's limits are shared with the owner's own deployments, so a scan takes a share of them. The rate answers
//! throttles with a multiplicative decrease (at most once a second, so that one burst of refusals counts once) and
//! successes with an additive increase back to its ceiling.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use doorward_model::{AccountId, Region};

/// A group of operations that AWS throttles together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Elb,
    ElbClassic,
    ElbChange,
    ElbClassicChange,
    Logs,
    AccountRegions,
    Sts,
    OrganizationAccounts,
    OrganizationDescribe,
    OrganizationUnits,
    OrganizationParents,
    OrganizationTags,
}

impl Family {
    /// What AWS publishes: requests a second, and burst. STS answers 600 requests a second from each account and Region
    /// ("IAM and AWS STS quotas"); no burst is named, so it is a second's worth. For CloudWatch Logs deliveries and
    /// `ListRegions` the values are cautious.
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
        }
    }
}

struct State {
    /// May go negative: then it is what has been promised to callers who are still waiting.
    tokens: f64,
    rate: f64,
    refilled: Instant,
    slowed: Option<Instant>,
}

/// The bucket of one account, Region and family.
pub(crate) struct Pace {
    ceiling: f64,
    burst: f64,
    state: Mutex<State>,
}

impl Pace {
    fn new(ceiling: f64, burst: f64) -> Self {
        let state = State { tokens: burst, rate: ceiling, refilled: Instant::now(), slowed: None };
        Self { ceiling, burst, state: Mutex::new(state) }
    }

    /// Waits for a turn. Turns are promised in the order in which they are asked for.
    pub(crate) async fn turn(&self) {
        let wait = {
            let mut state = self.refilled();
            state.tokens -= 1.0;
            if state.tokens >= 0.0 { None } else { Some(Duration::from_secs_f64(-state.tokens / state.rate)) }
        };
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// AWS refused for pace: halve the rate, forget the savings.
    pub(crate) fn slow_down(&self) {
        let mut state = self.refilled();
        let now = Instant::now();
        if state.slowed.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1)) {
            state.rate = (state.rate / 2.0).max(self.ceiling / 10.0);
            state.tokens = state.tokens.min(0.0);
            state.slowed = Some(now);
        }
    }

    /// AWS answered: creep back towards the ceiling.
    pub(crate) fn speed_up(&self) {
        let mut state = self.lock();
        if state.rate < self.ceiling {
            state.rate = (state.rate + self.ceiling / 10.0).min(self.ceiling);
        }
    }

    fn refilled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let now = Instant::now();
        let earned = now.duration_since(state.refilled).as_secs_f64() * state.rate;
        state.tokens = (state.tokens + earned).min(self.burst);
        state.refilled = now;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All buckets of a scan.
pub(crate) struct Paces {
    share: f64,
    buckets: Mutex<HashMap<(AccountId, Region, Family), Arc<Pace>>>,
}

impl Paces {
    /// Buckets that take `share` of the published limits.
    pub(crate) fn new(share: f64) -> Self {
        Self { share, buckets: Mutex::default() }
    }

    pub(crate) fn of(&self, account: &AccountId, region: &Region, family: Family) -> Arc<Pace> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (rate, burst) = family.published();
        buckets
            .entry((account.clone(), region.clone(), family))
            .or_insert_with(|| Arc::new(Pace::new(rate * self.share, (burst * self.share).max(1.0))))
            .clone()
    }

    /// Drops the buckets of an account-Region that is done with.
    pub(crate) fn forget(&self, account: &AccountId, region: &Region) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for family in [Family::Elb, Family::ElbClassic, Family::Logs] {
            buckets.remove(&(account.clone(), region.clone(), family));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn turns_within(pace: &Pace, window: Duration) -> u32 {
        let end = Instant::now() + window;
        let mut turns = 0;
        loop {
            pace.turn().await;
            if Instant::now() > end {
                return turns;
            }
            turns += 1;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_burst_and_rate() {
        let pace = Pace::new(5.0, 20.0);
        assert!(turns_within(&pace, Duration::from_secs(10)).await <= 20 + 50);
    }

    #[tokio::test(start_paused = true)]
    async fn throttles_halve_the_rate_and_success_restores_it() {
        let pace = Pace::new(5.0, 20.0);
        pace.slow_down();
        pace.slow_down(); // the same burst of refusals counts once
        let slowed = turns_within(&pace, Duration::from_secs(10)).await;
        assert!((20..=26).contains(&slowed), "{slowed} turns at 2.5 a second");
        for _ in 0..5 {
            pace.speed_up();
        }
        let restored = turns_within(&pace, Duration::from_secs(10)).await;
        assert!((45..=55).contains(&restored), "{restored} turns at 5 a second");
    }

    #[tokio::test(start_paused = true)]
    async fn however_often_refused_it_keeps_moving() {
        let pace = Pace::new(5.0, 20.0);
        for _ in 0..100 {
            pace.slow_down();
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(turns_within(&pace, Duration::from_secs(60)).await > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_account_does_not_slow_another() {
        let paces = Paces::new(0.5);
        let region = Region::new("eu-west-1").expect("valid");
        let bad = paces.of(&AccountId::new("111111111111").expect("valid"), &region, Family::Elb);
        let good = paces.of(&AccountId::new("222222222222").expect("valid"), &region, Family::Elb);
        for _ in 0..10 {
            bad.slow_down();
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert!(turns_within(&good, Duration::from_secs(10)).await >= 65);
    }
}
