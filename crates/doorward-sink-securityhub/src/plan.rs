//! Plan: which findings have to be sent, given what was sent before, and why. Pure.
//!
//! Nothing is concluded from what was not read: a finding is archived only when its account-Region was fully listed
//! by this scan and its load balancer was not there, or when the rule was asked again and does not apply any more. And nothing
//! is concluded from what was looked at too long ago: it is sent as not available, and closes nothing.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use doorward_model::{AccountRegion, Arn, is_ahead};

use crate::age::{Age, outlive};
use crate::asff::{Asff, FIRST_SEEN, LAST_SEEN};
use crate::outbox::{FindingIntent, RecordState, SentFinding};
use crate::render::{Rendered, ReportIndex, id, stamp};

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
    /// Sent: nothing changed, but Security Hub deletes findings without an update for 90 days.
    KeptAlive,
    /// Sent, as not available: what is known was read or asked too long ago, or at a time that is not known.
    Stale,
    /// A later scan that was not published observed a failure; what was sent says PASSED.
    Contradicted,
    /// Sent, as archived: the load balancer is gone.
    Gone,
    /// Sent, as archived: the rule does not apply to the load balancer any more.
    NoLongerApplies,
    /// Not sent: it says what it said.
    Unchanged,
    /// Not sent: a later scan was already sent.
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
            Self::Returned => "archived before, and now there again",
            Self::Unconfirmed => "sent before, but never confirmed",
            Self::KeptAlive => "unchanged, and sent so that Security Hub does not delete it",
            Self::Stale => "the reading is too old; sent as not available",
            Self::Contradicted => "a later scan that was not published observed a failure; sent as not available",
            Self::Gone => "the load balancer no longer exists; archived",
            Self::NoLongerApplies => "the rule no longer applies; archived",
            Self::Unchanged => "unchanged",
            Self::Outdated => "a later scan has already been published",
            Self::NotLookedAt => "its account-Region was not fully listed; left unchanged",
            Self::NotAsked => "its rule was not asked; left unchanged",
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
pub struct SendDecision {
    /// Why.
    pub why: Why,
    /// What to store before sending, and what to send; none when nothing is sent.
    pub send: Option<(FindingIntent, Parcel)>,
    /// Whether what is known of it is too old to say how it stands.
    pub stale: bool,
}

impl SendDecision {
    fn quiet(why: Why) -> Self {
        Self { why, send: None, stale: false }
    }
}

/// What a scan did in an account-Region.
#[derive(Clone, Copy)]
struct Look {
    fully_listed: bool,
    /// When the reading began.
    at: Timestamp,
}

/// What a plan knows besides the findings: which account-Regions were looked at, and the time.
pub struct Planner {
    looked: BTreeMap<AccountRegion, Look>,
    /// The one load balancer that was read, where an event asked for it.
    only: Option<Arn>,
    /// By finding, when a scan last observed a failure that this report did not see.
    failures: BTreeMap<String, Timestamp>,
    started: Timestamp,
    /// The time of this delivery, in whole milliseconds: finer ones would not survive being sent.
    now: Timestamp,
    keep_alive: SignedDuration,
    maximum_age: SignedDuration,
}

impl Planner {
    /// Plans for a report. `keep_alive` is the age at which an unchanged finding is sent again, `maximum_age` the age from which an
    /// observation says nothing about today.
    pub fn new(
        index: &ReportIndex<'_>,
        now: Timestamp,
        keep_alive: SignedDuration,
        maximum_age: SignedDuration,
    ) -> Self {
        let run = &index.report.run;
        let lines = index.report.coverage.lines.iter();
        let looked = lines
            .filter_map(|line| {
                let place = AccountRegion { account: line.account.clone(), region: line.region.clone()? };
                let at = whole(line.read_at.unwrap_or(run.started));
                Some((place, Look { fully_listed: line.fully_listed, at }))
            })
            .collect();
        let only = run.only.clone();
        let unseen = index.report.unseen.iter().flat_map(|unseen| &unseen.findings);
        let failures = unseen.map(|finding| (id(&finding.id), whole(finding.last_seen))).collect();
        Self { looked, only, failures, started: whole(run.started), now: whole(now), keep_alive, maximum_age }
    }

    fn age(&self, observed: Timestamp) -> Age {
        Age::of(observed, self.now, self.maximum_age)
    }

    /// Whether what a row rests on is later than an observation. A row of the future is of a clock that was ahead: it may be from any
    /// time, and what was observed by now replaces it.
    fn has_later(&self, row: &SentFinding, observed: Timestamp) -> bool {
        row.observed_at > observed && !is_ahead(row.observed_at, self.now)
    }

    /// Whether the report can say anything of a load balancer.
    pub(crate) fn concerns(&self, load_balancer: &Arn) -> bool {
        self.only.as_ref().is_none_or(|only| only == load_balancer)
    }

    fn old(&self, row: &SentFinding) -> bool {
        row.accepted_at.is_some_and(|at| self.now.duration_since(at) >= self.keep_alive)
    }

    /// Decides about a finding that is in the report.
    pub fn present(
        &self,
        mut rendered: Rendered,
        rule: &str,
        load_balancer: &Arn,
        before: Option<&SentFinding>,
    ) -> SendDecision {
        let observed = whole(rendered.observed_at);
        let age = self.age(observed);
        let stale = age != Age::Current;
        if stale {
            outlive(&mut rendered.finding, age, false);
            rendered.content = rendered.finding.content();
        }
        let why = match before {
            None => Why::New,
            Some(row) if self.has_later(row, observed) => return SendDecision::quiet(Why::Outdated),
            Some(row) if row.state == RecordState::Archived => Why::Returned,
            Some(row) if row.content != rendered.content && stale => Why::Stale,
            Some(row) if row.content != rendered.content => Why::Changed,
            Some(row) if !row.acknowledged => Why::Unconfirmed,
            Some(row) if self.old(row) => Why::KeptAlive,
            Some(_) => return SendDecision { stale, ..SendDecision::quiet(Why::Unchanged) },
        };
        let fresh = SentFinding {
            subject: rendered.subject,
            load_balancer: load_balancer.clone(),
            rule: rule.to_owned(),
            content: rendered.content,
            created_at: moment(&rendered.finding.created_at).unwrap_or(self.now).min(self.now),
            first_observed_at: moment(&rendered.finding.first_observed_at).unwrap_or(self.now).min(self.now),
            updated_at: self.now,
            observed_at: observed.min(self.now),
            accepted_at: None,
            state: RecordState::Active,
            acknowledged: false,
            attempts: 0,
        };
        SendDecision { stale, ..self.send(rendered.finding, fresh, before, why) }
    }

    /// Decides about a finding that is remembered and not in the report, or whose rule does not apply (`asked`). `id` is its id.
    /// `listed` says when the scan read the load balancer, if it found it. `document` is called only when something may be sent.
    ///
    /// # Errors
    /// What `document` answers.
    pub fn absent<E>(
        &self,
        id: &str,
        row: &SentFinding,
        listed: Option<Timestamp>,
        asked: bool,
        document: impl FnOnce() -> Result<Option<Asff>, E>,
    ) -> Result<SendDecision, E> {
        if row.state == RecordState::Archived && row.acknowledged {
            return Ok(SendDecision::quiet(Why::Archived));
        }
        let look = self.looked.get(&row.subject).copied();
        let at = listed.map(whole).or(look.map(|look| look.at)).unwrap_or(self.started);
        if self.has_later(row, at) {
            return Ok(SendDecision::quiet(Why::Outdated));
        }
        let contradicted = self.failures.get(id).is_some_and(|failed| *failed > row.observed_at);
        // The same scan cannot have seen a load balancer and not seen it.
        let later = at != row.observed_at;
        let current = self.age(at) == Age::Current;
        let listed = listed.is_some();
        let read = look.is_some_and(|look| look.fully_listed) || (self.only.is_some() && listed);
        let why = if !(read && current) {
            // Left out on purpose or not readable: what was observed too long ago is not known today.
            if row.state == RecordState::Active && self.age(row.observed_at) != Age::Current {
                Why::Stale
            } else if contradicted {
                Why::Contradicted
            } else {
                return Ok(SendDecision::quiet(Why::NotLookedAt));
            }
        } else if asked {
            Why::NoLongerApplies
        } else if listed && row.state == RecordState::Active && later && self.old(row) {
            // Left alone for longer, Security Hub would delete it, which looks as if it had been resolved.
            Why::Stale
        } else if contradicted {
            Why::Contradicted
        } else if listed || (row.state == RecordState::Active && !later) {
            return Ok(SendDecision::quiet(Why::NotAsked));
        } else {
            Why::Gone
        };
        let Some(mut finding) = document()? else { return Ok(SendDecision::quiet(Why::NotLookedAt)) };
        let mut fresh = row.clone();
        let stale = matches!(why, Why::Stale | Why::Contradicted);
        if why == Why::Contradicted && finding.compliance.status != "PASSED" {
            // A failure stays one, and what is not available was sent so already.
            let stale = finding.compliance.status == "NOT_AVAILABLE";
            return Ok(SendDecision { stale, ..SendDecision::quiet(Why::NotLookedAt) });
        }
        if stale {
            // Nothing was observed, so the row's observation stays what it was.
            let age = if why == Why::Contradicted { Age::Contradicted } else { self.age(row.observed_at) };
            outlive(&mut finding, age, read);
        } else {
            "ARCHIVED".clone_into(&mut finding.record_state);
            fresh.state = RecordState::Archived;
            fresh.observed_at = at.min(self.now);
        }
        fresh.content = finding.content();
        fresh.updated_at = self.now;
        if stale && fresh.content == row.content && row.acknowledged && !self.old(row) {
            return Ok(SendDecision { stale, ..SendDecision::quiet(Why::NotLookedAt) });
        }
        Ok(SendDecision { stale, ..self.send(finding, fresh, Some(row), why) })
    }

    fn send(&self, mut finding: Asff, mut row: SentFinding, before: Option<&SentFinding>, why: Why) -> SendDecision {
        if let Some(before) = before {
            // Never changed, but for a date that a clock which was ahead put into the future.
            row.created_at = before.created_at.min(self.now);
            row.first_observed_at = before.first_observed_at.min(self.now);
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
        // Nothing was seen later than now, whatever a clock that was ahead said.
        if moment(&finding.last_observed_at).is_some_and(|last| last > self.now) {
            finding.last_observed_at = stamp(self.now);
            finding.product_fields.insert(LAST_SEEN.to_owned(), finding.last_observed_at.clone());
        }
        finding.product_fields.insert(FIRST_SEEN.to_owned(), finding.first_observed_at.clone());
        let document = finding.to_json().unwrap_or_default();
        let parcel = Parcel { bytes: document.len(), updated_at: row.updated_at, why, finding };
        let intent = FindingIntent { id: parcel.finding.id.clone(), row, document };
        SendDecision { why, send: Some((intent, parcel)), stale: false }
    }
}

/// A time in whole milliseconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// A time that was sent or found.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
