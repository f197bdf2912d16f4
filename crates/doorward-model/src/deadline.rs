//! Deadlines of findings: how long a failure may be open, and whether it is overdue.
//!
//! Only time during which the failure was observed counts. Time without an observation proves neither that it was fixed nor that it
//! was not, and is shown beside.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FailingTime, Finding, Observed, Policy, Severity, Verdict, counted};

/// Seconds of a day in UTC.
const DAY: u64 = 86_400;

/// How many days a failure may be open.
#[derive(Default, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadlineDays {
    /// By severity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<Severity, u32>,
    /// By the id of a rule; these come before severities.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, u32>,
    /// The longest time between two observations that counts as observed, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_interval_hours: Option<u32>,
}

/// The days for a rule and a severity, and the key of the setting that sets them.
fn days(
    rules: &BTreeMap<String, u32>,
    severities: &BTreeMap<Severity, u32>,
    (rule, severity): (&str, Severity),
    key: &str,
) -> Option<(u32, String)> {
    let by_rule = rules.get(rule).map(|days| (*days, format!("{key}.rules.{rule}")));
    by_rule.or_else(|| severities.get(&severity).map(|days| (*days, format!("{key}.severities.{severity}"))))
}

/// Whether a failure is still in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeadlineState {
    /// It was observed for less time than the deadline allows.
    InTime,
    /// It was observed for at least as long as the deadline allows.
    Overdue,
    /// Without a ledger it is not known since when it fails.
    Unknown,
}

impl DeadlineState {
    /// The state in words, as in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTime => "in time",
            Self::Overdue => "overdue",
            Self::Unknown => "unknown",
        }
    }
}

/// The deadline of an open failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deadline {
    /// How many days the failure may be open.
    pub days: u32,
    /// The setting that says so: `policy.deadlines.severities.high`.
    pub by: String,
    /// Whether the time is over.
    pub state: DeadlineState,
    /// When the time is over or was over, UTC, if the failure is observed without interruption from here on: every interruption
    /// moves it. Absent without a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Seconds of the current failure during which it was observed and not under an exception: only these count. Absent without a
    /// ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_seconds: Option<u64>,
    /// Seconds of the current failure during which it was not observed: they count for neither side. Absent without a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unobserved_seconds: Option<u64>,
}

impl Deadline {
    /// A deadline whose failure has no known begin.
    pub fn new(days: u32, by: String) -> Self {
        let state = DeadlineState::Unknown;
        Self { days, by, state, due: None, observed_seconds: None, unobserved_seconds: None }
    }

    /// The same once it is known how long the failure was observed, as of its last observation.
    #[must_use]
    pub fn after(self, failing: Option<&FailingTime>, last_seen: Timestamp) -> Self {
        let Some(failing) = failing else { return Self::new(self.days, self.by) };
        let allowed = u64::from(self.days) * DAY;
        let observed = failing.observed_seconds;
        let whole = u64::try_from(last_seen.duration_since(failing.opened).as_secs()).unwrap_or(0);
        let unobserved = whole.saturating_sub(observed).saturating_sub(failing.excepted_seconds);
        let distance = allowed.saturating_add(unobserved).saturating_add(failing.excepted_seconds);
        Self {
            state: if observed >= allowed { DeadlineState::Overdue } else { DeadlineState::InTime },
            due: failing
                .opened
                .checked_add(SignedDuration::from_secs(i64::try_from(distance).unwrap_or(i64::MAX)))
                .ok(),
            observed_seconds: Some(observed),
            unobserved_seconds: Some(unobserved),
            ..self
        }
    }

    /// Whole days without an observation, as outputs show them.
    pub fn unobserved_days(&self) -> Option<u64> {
        self.unobserved_seconds.map(|seconds| seconds / DAY)
    }

    /// Whether the time is over.
    pub fn is_overdue(&self) -> bool {
        self.state == DeadlineState::Overdue
    }

    /// The time that a failure has, with the setting: `30 days (policy.deadlines.severities.high)`. Many failures share it.
    pub fn terms(&self) -> String {
        format!("{} ({})", counted(self.days, "day"), self.by)
    }

    /// The state of this failure beside [`Self::terms`]: `overdue since 2026-09-23`, or `due on 2026-12-02`.
    pub fn state_words(&self) -> String {
        let on = |due: Option<Timestamp>, word: &str| {
            due.map_or_else(String::new, |due| format!(" {word} {}", due.strftime("%Y-%m-%d")))
        };
        let state = match self.state {
            DeadlineState::Overdue => format!("overdue{}", on(self.due, "since")),
            DeadlineState::InTime if self.due.is_some() => format!("due{}", on(self.due, "on")),
            DeadlineState::InTime | DeadlineState::Unknown => "deadline unknown without a ledger".to_owned(),
        };
        match self.unobserved_days() {
            Some(days) if days > 0 => format!("{state} ({} not observed and not counted)", counted(days, "day")),
            _ => state,
        }
    }

    /// The deadline as one sentence.
    pub fn sentence(&self) -> String {
        let days = counted(self.days, "day");
        let unobserved = match self.unobserved_days() {
            Some(days) if days > 0 => format!("; {} not observed and not counted", counted(days, "more day")),
            _ => String::new(),
        };
        match (self.state, self.due) {
            (DeadlineState::Overdue, due) => {
                let since = due.map_or_else(String::new, |due| format!(" since {}", due.strftime("%Y-%m-%d")));
                format!("Overdue{since}: it may be open for {days} ({}){unobserved}.", self.by)
            }
            (DeadlineState::InTime, Some(due)) => {
                format!("Due on {}: it may be open for {days} ({}){unobserved}.", due.strftime("%Y-%m-%d"), self.by)
            }
            (DeadlineState::InTime | DeadlineState::Unknown, _) => {
                format!(
                    "It may be open for {days} ({}); without a ledger, it is not known how long it has been open.",
                    self.by
                )
            }
        }
    }
}

/// Open failures by their deadlines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlineTally {
    /// Those whose deadline has not passed.
    pub in_time: usize,
    /// Those whose deadline has passed.
    pub overdue: usize,
    /// Those whose begin is not known.
    pub unknown: usize,
    /// Those without a deadline.
    pub without: usize,
}

impl DeadlineTally {
    /// Counts the open failures by their deadlines. Informational failures open nothing.
    pub fn of(findings: &[Finding]) -> Self {
        let mut tally = Self::default();
        let is_open = |verdict: &Verdict| verdict.severity().is_some_and(|severity| severity > Severity::Informational);
        for finding in findings.iter().filter(|finding| is_open(&finding.verdict)) {
            let count = match finding.deadline.as_ref().map(|deadline| deadline.state) {
                None => &mut tally.without,
                Some(DeadlineState::InTime) => &mut tally.in_time,
                Some(DeadlineState::Overdue) => &mut tally.overdue,
                Some(DeadlineState::Unknown) => &mut tally.unknown,
            };
            *count += 1;
        }
        tally
    }

    /// Open failures that have a deadline and a known begin: the denominator of the share in time.
    pub const fn known(&self) -> usize {
        self.in_time + self.overdue
    }
}

impl Policy {
    /// The deadline of a failure: that of the risk profile, else of the rule, else of the severity. Where the risk profile could not
    /// be read, the longest that may apply, so that nothing is overdue that may be in time.
    pub fn deadline(&self, profile: &Observed<String>, rule: &str, severity: Severity) -> Option<Deadline> {
        let general = days(&self.deadlines.rules, &self.deadlines.severities, (rule, severity), "policy.deadlines");
        let of_profile = |name: &str| {
            let profile = self.profiles.iter().find(|profile| profile.name == name)?;
            let (days, by) =
                days(&profile.deadlines.rules, &profile.deadlines.severities, (rule, severity), "deadlines")?;
            Some((days, format!("{by} of the risk profile {name:?}")))
        };
        let (days, by) = match profile {
            Observed::Known(name) => of_profile(name).or(general)?,
            Observed::Absent => general?,
            Observed::Unread(_) => {
                let all: Vec<_> =
                    self.profiles.iter().map(|p| of_profile(&p.name).or_else(|| general.clone())).collect();
                // A profile without a deadline, or none at all, may apply.
                let candidates: Option<Vec<_>> = all.into_iter().chain([general]).collect();
                candidates?.into_iter().max_by_key(|(days, _)| *days)?
            }
        };
        Some(Deadline::new(days, by))
    }

    /// Whether any failure can have a deadline.
    pub fn has_deadlines(&self) -> bool {
        let any = |days: &DeadlineDays| !days.rules.is_empty() || !days.severities.is_empty();
        any(&self.deadlines) || self.profiles.iter().any(|profile| any(&profile.deadlines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_at_its_second_and_by_observed_time_only() {
        let opened: Timestamp = "2026-03-01T00:00:00Z".parse().expect("valid");
        for (observed, excepted, whole, state, due, unobserved) in [
            (0, 0, 0, DeadlineState::InTime, "2026-03-31T00:00:00Z", 0),
            (30 * DAY - 1, 0, 30 * DAY - 1, DeadlineState::InTime, "2026-03-31T00:00:00Z", 0),
            (30 * DAY, 0, 30 * DAY, DeadlineState::Overdue, "2026-03-31T00:00:00Z", 0),
            (DAY, 0, 90 * DAY, DeadlineState::InTime, "2026-06-28T00:00:00Z", 89),
            (40 * DAY, 20 * DAY, 65 * DAY, DeadlineState::Overdue, "2026-04-25T00:00:00Z", 5),
        ] {
            let last_seen = opened + SignedDuration::from_secs(i64::try_from(whole).expect("short"));
            let failing = FailingTime { opened, observed_seconds: observed, excepted_seconds: excepted };
            let deadline = Deadline::new(30, "policy.deadlines.severities.high".to_owned());
            let deadline = deadline.after(Some(&failing), last_seen);
            assert_eq!(deadline.state, state, "{observed}");
            assert_eq!(deadline.due.map(|due| due.to_string()).as_deref(), Some(due), "{observed}");
            assert_eq!(deadline.unobserved_days(), Some(unobserved), "{observed}");
        }
        let unknown = Deadline::new(1, "x".to_owned()).after(None, opened);
        assert_eq!((unknown.state, unknown.due), (DeadlineState::Unknown, None));
    }
}
