//! The state machine of a finding: its state in the ledger, and the only transitions between states. Pure.

use doorward_model::{FailingTime, History, Severity, Verdict};
use serde::Serialize;

use crate::timestamp::timestamp;

/// The state of a finding by its last observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingStatus {
    /// No scan has been able to judge it yet.
    Unknown,
    /// Seen to pass.
    Passing,
    /// Seen, and the rule does not apply.
    NotApplicable,
    /// Seen to fail.
    Open,
    /// Seen to fail, and allowed to.
    Excepted,
    /// Its load balancer was missing from a full listing.
    Gone,
    /// Its account is closed.
    Retired,
}

impl FindingStatus {
    const ALL: [Self; 7] =
        [Self::Unknown, Self::Passing, Self::NotApplicable, Self::Open, Self::Excepted, Self::Gone, Self::Retired];

    /// The number under which the file keeps it. Never changes.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Unknown => 0,
            Self::Passing => 1,
            Self::NotApplicable => 2,
            Self::Open => 3,
            Self::Excepted => 4,
            Self::Gone => 5,
            Self::Retired => 6,
        }
    }

    /// Reads a state's number; what no version ever wrote is unknown.
    pub(crate) fn from_code(code: i64) -> Self {
        usize::try_from(code).ok().and_then(|index| Self::ALL.get(index)).copied().unwrap_or(Self::Unknown)
    }

    /// Whether something is not as required, allowed or not.
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Open | Self::Excepted)
    }

    /// Whether the finding has ended for good: its load balancer or account no longer exists.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Gone | Self::Retired)
    }

    /// The state that a verdict observes; none for a verdict that observed nothing. An informational failure is worth
    /// knowing and nothing is wrong, so it opens nothing.
    pub(crate) fn observed(verdict: &Verdict) -> Option<Self> {
        match verdict {
            Verdict::Fail { severity: Severity::Informational, .. } | Verdict::Pass { .. } => Some(Self::Passing),
            Verdict::Fail { .. } => Some(Self::Open),
            Verdict::Excepted { .. } => Some(Self::Excepted),
            Verdict::NotApplicable { .. } => Some(Self::NotApplicable),
            Verdict::Unknown { .. } | Verdict::NotAsked { .. } => None,
        }
    }
}

/// Added to a state's code in a transition: the finding could not be observed.
pub(crate) const UNSEEN: i64 = 8;

/// The stored state of one finding. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FindingState {
    pub(crate) state: FindingStatus,
    /// When it was last seen, where its account-Region was looked at later without seeing it.
    pub(crate) seen: Option<i64>,
    /// Since when it is in this state.
    pub(crate) since: i64,
    /// The first failure ever.
    pub(crate) first: Option<i64>,
    /// The first failure of the current or last episode.
    pub(crate) opened: Option<i64>,
    /// When the last episode ended.
    pub(crate) resolved: Option<i64>,
    pub(crate) reopened: u32,
    /// Nanoseconds under exception in the current episode, up to `since`.
    pub(crate) excepted: i64,
    /// The severity of the last failure, as its place in `Severity`'s order.
    pub(crate) severity: Option<i64>,
    /// Nanoseconds of the current or last episode during which the failure was observed without an exception, up to `proven_since`.
    pub(crate) proven: i64,
    /// The observation since which the failure was observed without interruption; none where it is not observed, or excepted.
    pub(crate) proven_since: Option<i64>,
    /// The days of its deadline at the last failure.
    pub(crate) allowed: Option<i64>,
}

/// A time during which a finding was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) opened: i64,
    pub(crate) closed: i64,
    pub(crate) how: FindingStatus,
    pub(crate) excepted: i64,
    pub(crate) proven: i64,
    pub(crate) allowed: Option<i64>,
    pub(crate) severity: Option<i64>,
}

/// A change worth keeping for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateChange {
    pub(crate) was: Option<i64>,
    pub(crate) now: i64,
    pub(crate) closed: Option<Episode>,
    pub(crate) reopened: bool,
}

impl FindingState {
    /// A finding that was not judged yet.
    pub(crate) fn new(at: i64) -> Self {
        Self {
            state: FindingStatus::Unknown,
            seen: None,
            since: at,
            first: None,
            opened: None,
            resolved: None,
            reopened: 0,
            excepted: 0,
            severity: None,
            proven: 0,
            proven_since: None,
            allowed: None,
        }
    }

    /// The code that a transition keeps.
    pub(crate) fn code(&self) -> i64 {
        self.state.code() + if self.is_unseen() { UNSEEN } else { 0 }
    }

    /// Whether the last reading of its account-Region did not see it.
    pub(crate) fn is_unseen(&self) -> bool {
        self.seen.is_some() && !self.state.has_ended()
    }

    /// Takes nothing for later than an observation that follows it: what was dated by a clock that was ahead happened by then.
    /// Answers whether anything was.
    pub(crate) fn settle(&mut self, at: i64) -> bool {
        let times = [&mut self.seen, &mut self.first, &mut self.opened, &mut self.resolved, &mut self.proven_since];
        let mut settled = false;
        for time in times.into_iter().flatten().chain([&mut self.since]) {
            settled |= *time > at;
            *time = (*time).min(at);
        }
        settled
    }

    /// Ends the time that was observed without interruption at an observation.
    fn pause(&mut self, last: i64) {
        if let Some(since) = self.proven_since.take() {
            self.proven += (last - since).max(0);
        }
    }

    /// A scan saw it in this state. The time since the last observation, `last`, was observed too unless there was an interruption:
    /// then it proves nothing.
    pub(crate) fn see(&mut self, state: FindingStatus, last: i64, interrupted: bool, at: i64) -> Option<StateChange> {
        let was = self.code();
        // Failing at both ends, it failed in between. What passes or ended may have done so at any time since the last look.
        let proven_to = if state.is_failing() && !interrupted { at } else { last };
        if state != FindingStatus::Open || interrupted {
            self.pause(proven_to);
        }
        self.seen = None;
        let mut reopened = false;
        let mut closed = None;
        if self.state != state {
            if state.is_failing() && !self.state.is_failing() {
                reopened = self.resolved.is_some();
                self.reopened += u32::from(reopened);
                self.first.get_or_insert(at);
                self.opened = Some(at);
                self.resolved = None;
                self.excepted = 0;
                (self.proven, self.proven_since, self.allowed) = (0, None, None);
            }
            closed = self.leave(state, at);
        }
        if state == FindingStatus::Open {
            self.proven_since.get_or_insert(at);
        }
        (was != self.code()).then_some(StateChange { was: Some(was), now: self.code(), closed, reopened })
    }

    /// A scan looked where it should be and could not see it; `last` is the last look before. It stays as it was.
    pub(crate) fn lose(&mut self, last: i64, at: i64) -> Option<StateChange> {
        let was = self.code();
        if self.state.has_ended() {
            // Its load balancer is back, and the finding could not be judged.
            self.state = FindingStatus::Unknown;
            self.since = at;
            self.seen = None;
        } else if self.state != FindingStatus::Unknown && self.seen.is_none() {
            // The state was seen when it began.
            self.seen = Some(last.max(self.since));
            self.pause(last);
        }
        (was != self.code()).then_some(StateChange { was: Some(was), now: self.code(), closed: None, reopened: false })
    }

    /// Its load balancer is gone, or its account is closed; `last` is the last look before.
    pub(crate) fn end(&mut self, state: FindingStatus, last: i64, at: i64) -> Option<StateChange> {
        if self.state.has_ended() {
            return None;
        }
        let was = self.code();
        let last = last.max(self.since);
        self.seen.get_or_insert(last);
        self.pause(last);
        let closed = self.leave(state, at);
        Some(StateChange { was: Some(was), now: self.code(), closed, reopened: false })
    }

    /// Goes over to another state; ends the episode if there was one and the new state does not continue it.
    fn leave(&mut self, state: FindingStatus, at: i64) -> Option<Episode> {
        if self.state == FindingStatus::Excepted {
            self.excepted += at - self.since;
        }
        let ends = self.state.is_failing() && !state.is_failing();
        self.state = state;
        self.since = at;
        let opened = self.opened.filter(|_| ends)?;
        self.resolved = Some(at);
        let Self { excepted, proven, allowed, severity, .. } = *self;
        Some(Episode { opened, closed: at, how: state, excepted, proven, allowed, severity })
    }

    /// Its history for a report; none where it never failed. `last` is the time of the last look at its account-Region.
    pub(crate) fn history(&self, last: i64) -> Option<History> {
        Some(History {
            first_seen: timestamp(self.first?),
            last_seen: timestamp(self.seen.unwrap_or(last.max(self.since))),
            resolved: self.resolved.map(timestamp),
            reopened: self.reopened,
            failing: self.failing(last),
        })
    }

    /// How long the current failure was observed, as of the last look; none where it does not fail.
    fn failing(&self, last: i64) -> Option<FailingTime> {
        let opened = self.opened.filter(|_| self.state.is_failing())?;
        let until = self.seen.unwrap_or(last.max(self.since));
        let running = self.proven_since.map_or(0, |since| (until - since).max(0));
        let excepted = if self.state == FindingStatus::Excepted { (until - self.since).max(0) } else { 0 };
        let seconds = |nanos: i64| u64::try_from(nanos / 1_000_000_000).unwrap_or(0);
        Some(FailingTime {
            opened: timestamp(opened),
            observed_seconds: seconds(self.proven + running),
            excepted_seconds: seconds(self.excepted + excepted),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a sequence of looks, one per second: `f`ail, `e`xcepted, `p`ass, `n`ot applicable, `u`nseen, `g`one,
    /// `r`etired. Returns the standing and the episodes as (opened, closed, under exception).
    fn play(looks: &str) -> (FindingState, Vec<(i64, i64, i64)>) {
        let mut standing = FindingState::new(0);
        let mut episodes = Vec::new();
        for (look, at) in looks.chars().zip(0..) {
            let last = at - 1;
            let step = match look {
                'f' => standing.see(FindingStatus::Open, last, false, at),
                'F' => standing.see(FindingStatus::Open, last, true, at),
                'e' => standing.see(FindingStatus::Excepted, last, false, at),
                'p' => standing.see(FindingStatus::Passing, last, false, at),
                'n' => standing.see(FindingStatus::NotApplicable, last, false, at),
                'u' => standing.lose(last, at),
                'g' => standing.end(FindingStatus::Gone, last, at),
                _ => standing.end(FindingStatus::Retired, last, at),
            };
            episodes.extend(step.and_then(|s| s.closed).map(|e| (e.opened, e.closed, e.excepted)));
        }
        (standing, episodes)
    }

    #[test]
    fn sequences_computed_by_hand() {
        for (looks, state, reopened, expected) in [
            ("ppp", FindingStatus::Passing, 0, vec![]),
            ("fff", FindingStatus::Open, 0, vec![]),
            ("ffp", FindingStatus::Passing, 0, vec![(0, 2, 0)]),
            ("pffn", FindingStatus::NotApplicable, 0, vec![(1, 3, 0)]),
            ("fuuu", FindingStatus::Open, 0, vec![]),
            ("fuup", FindingStatus::Passing, 0, vec![(0, 3, 0)]),
            ("feefp", FindingStatus::Passing, 0, vec![(0, 4, 2)]),
            ("eeuup", FindingStatus::Passing, 0, vec![(0, 4, 4)]),
            ("fpfpf", FindingStatus::Open, 2, vec![(0, 1, 0), (2, 3, 0)]),
            ("fg", FindingStatus::Gone, 0, vec![(0, 1, 0)]),
            ("fggp", FindingStatus::Passing, 0, vec![(0, 1, 0)]),
            ("fgf", FindingStatus::Open, 1, vec![(0, 1, 0)]),
            ("fguf", FindingStatus::Open, 1, vec![(0, 1, 0)]),
            ("er", FindingStatus::Retired, 0, vec![(0, 1, 1)]),
            ("uuf", FindingStatus::Open, 0, vec![]),
            ("pupf", FindingStatus::Open, 0, vec![]),
        ] {
            let (standing, episodes) = play(looks);
            assert_eq!((standing.state, standing.reopened, episodes), (state, reopened, expected), "{looks}");
        }
    }

    #[test]
    fn only_time_between_two_observed_failures_is_proven() {
        // Looks, one per second; seconds proven in the open episode, or in the last one that ended.
        for (looks, proven) in [
            ("f", 0),
            ("ff", 1),
            ("fff", 2),
            ("pff", 1),
            ("fuuf", 0),
            ("ffuuff", 2),
            ("ffu", 1),
            ("fffF", 2),
            ("fffFff", 4),
            ("ffe", 2),
            ("ffeef", 2),
            ("ffeeff", 3),
            ("ffp", 1),
            ("ffpff", 1),
            ("ffug", 1),
            ("eep", 0),
        ] {
            let (standing, _) = play(looks);
            let last = i64::try_from(looks.len()).expect("short") - 1;
            let running = standing.proven_since.map_or(0, |since| standing.seen.unwrap_or(last) - since);
            assert_eq!(standing.proven + running, proven, "{looks}");
        }
    }

    #[test]
    fn last_seen_stays_while_the_finding_is_not_observed() {
        let (standing, _) = play("ffuu");
        let history = standing.history(3).expect("it failed");
        assert_eq!((history.first_seen, history.last_seen), (timestamp(0), timestamp(1)));
        assert_eq!(history.resolved, None);
        assert!(play("ppu").0.history(2).is_none(), "what never failed has no history");
    }

    #[test]
    fn codes_read_back() {
        for state in FindingStatus::ALL {
            assert_eq!(FindingStatus::from_code(state.code()), state);
        }
    }
}
