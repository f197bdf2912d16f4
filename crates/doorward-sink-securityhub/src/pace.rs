//! Politeness: a token bucket for one operation in one account-Region, slowed down when Security Hub says so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::doors::Time;

/// What AWS publishes for an operation, per account and Region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Calls a second.
    pub(crate) per_second: f64,
    /// Calls at once.
    pub(crate) burst: f64,
}

/// BatchImportFindings.
pub(crate) const IMPORT: Quota = Quota { per_second: 10.0, burst: 30.0 };
/// GetFindings.
pub(crate) const GET: Quota = Quota { per_second: 3.0, burst: 6.0 };

struct State {
    /// May go negative: then it is what has been promised to callers who still wait.
    tokens: f64,
    rate: f64,
    filled: Timestamp,
    slowed: Option<Timestamp>,
}

/// The bucket.
pub(crate) struct Pace {
    ceiling: f64,
    burst: f64,
    time: Time,
    state: Mutex<State>,
}

impl Pace {
    /// A full bucket of a share (0 to 1) of the quota.
    pub(crate) fn new(quota: Quota, share: f64, time: Time) -> Self {
        let ceiling = (quota.per_second * share).max(0.1);
        let burst = (quota.burst * share).floor().max(1.0);
        let state = State { tokens: burst, rate: ceiling, filled: time.now(), slowed: None };
        Self { ceiling, burst, time, state: Mutex::new(state) }
    }

    /// Waits for a turn. Turns are given in the order in which they were asked for.
    pub(crate) async fn turn(&self) {
        let now = self.time.now();
        let wait = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let passed = now.duration_since(state.filled).as_secs_f64().max(0.0);
            state.tokens = (state.tokens + passed * state.rate).min(self.burst) - 1.0;
            state.filled = now.max(state.filled);
            if state.tokens < 0.0 { -state.tokens / state.rate } else { 0.0 }
        };
        // A clock of milliseconds would otherwise show a bit less than was waited.
        let wait = if wait > 0.0 { Duration::from_secs_f64(wait) + Duration::from_millis(1) } else { Duration::ZERO };
        self.time.pause(wait).await;
    }

    /// Security Hub asked to slow down: half the rate, at most once a second, and nothing left of the burst.
    pub(crate) fn slow_down(&self) {
        let now = self.time.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let recently = state.slowed.is_some_and(|at| now.duration_since(at).as_millis() < 1000);
        if !recently {
            state.slowed = Some(now);
            state.rate = (state.rate / 2.0).max(self.ceiling / 8.0);
            state.tokens = state.tokens.min(0.0);
        }
    }

    /// A call was admitted: the rate grows back.
    pub(crate) fn speed_up(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.rate = (state.rate + self.ceiling / 20.0).min(self.ceiling);
    }
}
