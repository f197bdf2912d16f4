//! Plan: what has to be sent of a report, given what was sent before, and why. Pure.
//!
//! Nothing is concluded from what nobody looked at: a finding is archived only when its account-Region was fully listed
//! by this scan and its load balancer was not there, or when the rule was asked again and does not apply any more.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use doorward_model::{AccountRegion, CoverageStatus};

use crate::asff::{Asff, FIRST_SEEN, StatusReason};
use crate::outbox::{Intent, RecordState, Remembered};
use crate::render::{Index, Rendered, stamp};

/// Why a finding is sent, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Sent: never sent before.
    New,
    /// Sent: it says something else than the last time.
    Changed,
    /// Sent: it was archived, and is there again.
    Returned,
    /// Sent: Security Hub never confirmed the latest attempt.
    Unconfirmed,
    /// Sent: nothing changed, but Security Hub deletes what nobody updates for 90 days.
    KeptAlive,
    /// Sent, as not available: nobody could look, or the rule was not asked, for so long that Security Hub would delete it.
    Stale,
    /// Sent, as archived: the load balancer is gone.
    Gone,
    /// Sent, as archived: the rule does not apply to the load balancer any more.
    NoLongerApplies,
    /// Not sent: it says what it said.
    Unchanged,
    /// Not sent: a later scan has already told more.
    Outdated,
    /// Left alone: its account-Region was not fully listed by this scan.
    NotLookedAt,
    /// Left alone: the rule was not asked by this scan.
    NotAsked,
    /// Left alone: it is archived already.
    Archived,
}

impl Why {
    /// Whether something is sent.
    pub fn sends(self) -> bool {
        self <= Self::NoLongerApplies
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Changed => "changed since it was last sent",
            Self::Returned => "archived before, and there again",
            Self::Unconfirmed => "sent before and never confirmed",
            Self::KeptAlive => "unchanged, and sent so that Security Hub does not delete it",
            Self::Stale => "not looked at for long, and sent as not available so that it is not deleted",
            Self::Gone => "the load balancer is gone; archived",
            Self::NoLongerApplies => "the rule does not apply any more; archived",
            Self::Unchanged => "unchanged",
            Self::Outdated => "a later scan has already been published",
            Self::NotLookedAt => "its account-Region was not fully listed; left as it is",
            Self::NotAsked => "its rule was not asked; left as it is",
            Self::Archived => "archived already",
        })
    }
}

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The finding with its final dates.
    pub finding: Asff,
    /// Its size as JSON, in bytes.
    pub bytes: usize,
    /// Its `UpdatedAt`.
    pub updated_at: Timestamp,
    /// Why it is sent.
    pub why: Why,
}

/// A decision about one finding.
#[derive(Debug)]
pub struct Decision {
    /// Why.
    pub why: Why,
    /// What to store before sending, and what to send; none when nothing is sent.
    pub send: Option<(Intent, Parcel)>,
}

impl Decision {
    fn quiet(why: Why) -> Self {
        Self { why, send: None }
    }
}

/// What a plan knows besides the findings: which account-Regions were looked at, and the time.
pub struct Planner {
    looked: BTreeMap<AccountRegion, (bool, CoverageStatus)>,
    /// The one load balancer that was read, where an event asked for it.
    only: Option<String>,
    started: Timestamp,
    /// The time of this delivery, in whole milliseconds: finer ones would not survive being sent.
    now: Timestamp,
    keep_alive: SignedDuration,
}

impl Planner {
    /// Plans for a report. `keep_alive` is the age at which an unchanged finding is sent again.
    pub fn new(index: &Index<'_>, now: Timestamp, keep_alive: SignedDuration) -> Self {
        let lines = index.report.coverage.lines.iter();
        let looked = lines
            .filter_map(|line| {
                let place = AccountRegion { account: line.account.clone(), region: line.region.clone()? };
                Some((place, (line.fully_listed, line.status)))
            })
            .collect();
        let run = &index.report.run;
        let only = run.only.as_ref().map(|arn| arn.as_str().to_owned());
        Self { looked, only, started: whole(run.started), now: whole(now), keep_alive }
    }

    fn fully_listed(&self, subject: &AccountRegion) -> bool {
        self.looked.get(subject).is_some_and(|(fully_listed, _)| *fully_listed)
    }

    /// Whether the report can say anything of a load balancer.
    pub(crate) fn concerns(&self, balancer: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == balancer)
    }

    /// Whether an account-Region was to be read and could not be: neither left out on purpose nor out of sight.
    fn failed(&self, subject: &AccountRegion) -> bool {
        let status = self.looked.get(subject).map(|(_, status)| *status);
        matches!(status, Some(CoverageStatus::Failed | CoverageStatus::Partial))
    }

    fn old(&self, row: &Remembered) -> bool {
        row.accepted_at.is_some_and(|at| self.now.duration_since(at) >= self.keep_alive)
    }

    /// Decides about a finding that is in the report.
    pub fn present(&self, rendered: Rendered, rule: &str, balancer: &str, before: Option<&Remembered>) -> Decision {
        let why = match before {
            None => Why::New,
            Some(row) if row.observed_at > self.started => return Decision::quiet(Why::Outdated),
            Some(row) if row.state == RecordState::Archived => Why::Returned,
            Some(row) if row.content != rendered.content => Why::Changed,
            Some(row) if !row.acknowledged => Why::Unconfirmed,
            Some(row) if self.old(row) => Why::KeptAlive,
            Some(_) => return Decision::quiet(Why::Unchanged),
        };
        let fresh = Remembered {
            subject: rendered.subject,
            balancer: balancer.to_owned(),
            rule: rule.to_owned(),
            content: rendered.content,
            created_at: moment(&rendered.finding.created_at).unwrap_or(self.now).min(self.now),
            first_observed_at: moment(&rendered.finding.first_observed_at).unwrap_or(self.now).min(self.now),
            updated_at: self.now,
            observed_at: self.started,
            accepted_at: None,
            state: RecordState::Active,
            acknowledged: false,
            attempts: 0,
        };
        self.send(rendered.finding, fresh, before, why)
    }

    /// Decides about a finding that is remembered and not in the report, or whose rule does not apply (`asked`).
    /// `listed` says whether the scan found the load balancer. `document` is called only when something is sent.
    ///
    /// # Errors
    /// What `document` answers.
    pub fn absent<E>(
        &self,
        row: &Remembered,
        listed: bool,
        asked: bool,
        document: impl FnOnce() -> Result<Option<Asff>, E>,
    ) -> Result<Decision, E> {
        if row.state == RecordState::Archived && row.acknowledged {
            return Ok(Decision::quiet(Why::Archived));
        }
        if self.started < row.observed_at {
            return Ok(Decision::quiet(Why::Outdated));
        }
        // The same scan cannot have seen a load balancer and not seen it.
        let later = self.started > row.observed_at;
        let read = self.fully_listed(&row.subject) || (self.only.is_some() && listed);
        let why = if !read {
            let worth = row.state == RecordState::Active && later && self.failed(&row.subject) && self.old(row);
            if !worth {
                return Ok(Decision::quiet(Why::NotLookedAt));
            }
            Why::Stale
        } else if asked {
            Why::NoLongerApplies
        } else if listed && row.state == RecordState::Active && later && self.old(row) {
            // Left alone for longer, Security Hub would delete it, which looks as if it had been resolved.
            Why::Stale
        } else if listed || (row.state == RecordState::Active && !later) {
            return Ok(Decision::quiet(Why::NotAsked));
        } else {
            Why::Gone
        };
        let Some(mut finding) = document()? else { return Ok(Decision::quiet(Why::NotLookedAt)) };
        let mut fresh = Remembered { observed_at: row.observed_at.max(self.started), ..row.clone() };
        if why == Why::Stale {
            outlive(&mut finding, read);
        } else {
            "ARCHIVED".clone_into(&mut finding.record_state);
            fresh.state = RecordState::Archived;
        }
        fresh.content = finding.content();
        fresh.updated_at = self.now;
        Ok(self.send(finding, fresh, Some(row), why))
    }

    fn send(&self, mut finding: Asff, mut row: Remembered, before: Option<&Remembered>, why: Why) -> Decision {
        if let Some(before) = before {
            row.created_at = before.created_at;
            row.first_observed_at = before.first_observed_at;
            row.accepted_at = before.accepted_at;
            row.attempts = before.attempts;
            let after = before.updated_at.checked_add(SignedDuration::from_millis(1)).unwrap_or(before.updated_at);
            row.updated_at = self.now.max(after);
        }
        row.acknowledged = false;
        row.attempts = row.attempts.saturating_add(1);
        finding.created_at = stamp(row.created_at);
        finding.first_observed_at = stamp(row.first_observed_at);
        finding.updated_at = stamp(row.updated_at);
        finding.product_fields.insert(FIRST_SEEN.to_owned(), finding.first_observed_at.clone());
        let document = finding.to_json().unwrap_or_default();
        let parcel = Parcel { bytes: document.len(), updated_at: row.updated_at, why, finding };
        let intent = Intent { id: parcel.finding.id.clone(), row, document };
        Decision { why, send: Some((intent, parcel)) }
    }
}

/// A finding that nobody could look at again, or that was not asked again where somebody looked, says so, whatever it said
/// before.
fn outlive(finding: &mut Asff, read: bool) {
    let (code, what) = match read {
        true => ("NOT_ASKED", "The rule was not asked"),
        false => ("NOT_LOOKED_AT", "Nobody could look"),
    };
    let last = format!("{what} since {}; then it was {}.", finding.last_observed_at, finding.compliance.status);
    if finding.product_fields.insert("doorward/verdict".to_owned(), "unknown".to_owned()).as_deref() != Some("unknown")
    {
        finding.compliance.status_reasons = vec![StatusReason { reason_code: code.to_owned(), description: last }];
    }
    "NOT_AVAILABLE".clone_into(&mut finding.compliance.status);
}

/// A time in whole milliseconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
