//! The register of exceptions: dated, approved permissions to fail a rule. Every exception expires.
//!
//! A register wraps the rules: a wrapped rule calls the inner rule and changes a failure to
//! [`Verdict::Excepted`](doorward_model::Verdict::Excepted) if an exception in force covers the load balancer. It
//! changes no other verdict, and if a value that the scope depends on could not be read, the failure stays. Two more rules watch
//! the register itself: `exception-expired` and `exception-expiring`.
//!
//! These two run only if a register is configured, even an empty one. Without a register they have no evidence; with one they
//! continue to run after the last exception is removed, so that their earlier findings are resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{Gap, GapReason, Kind, LoadBalancer, Rule};
use jiff::Timestamp;
use serde::Serialize;

mod answers;
mod entry;
mod excepted_rule;
mod exception_usage;
mod read_register;
pub mod register_edit;
mod register_schema;
mod scope;
mod term;

pub(crate) use answers::Answers;
pub use entry::Entry;
pub(crate) use excepted_rule::{Cover, Held, Wrapped, last_to_end, name, names};
pub use exception_usage::{Notice, NoticeKind};
pub(crate) use read_register::nearest;
pub use register_schema::RegisterFile;
pub use scope::ExceptionScope;
pub use term::{Moment, MomentError, TermState};

use term::Watch;

use crate::matching::Match;

/// The ids of the rules that watch the register itself, ordered. Exceptions from them do not exist.
pub(crate) const REGISTER_RULES: [&str; 3] = ["exception-expired", "exception-expiring", "exception-review-due"];

/// The limits of every exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The maximum term in days, including the first and the last.
    pub maximum_days: u32,
    /// The number of days before its end from which an exception is due.
    pub warn_days: u32,
    /// The number of load balancers that an exception without `many = true` may cover.
    pub maximum_matches: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self { maximum_days: 90, warn_days: 14, maximum_matches: 25 }
    }
}

/// An error in a register. A register with an error is not used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ExceptionError {
    /// The file, by the label given to [`Register::parse`].
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The problem and its fix.
    pub problem: String,
}

/// One exception, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// The id, unique over all files: up to 64 letters, digits and `-._`.
    pub id: String,
    /// The id of the rule that may fail.
    pub rule: String,
    /// The load balancers that it covers.
    pub scope: ExceptionScope,
    /// Why the rule cannot pass.
    pub reason: String,
    /// The risk until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The control that compensates for the risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensating_control: Option<String>,
    /// Who requested it.
    pub requester: String,
    /// Who approved it.
    pub approver: String,
    /// Where the approval is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it starts.
    pub start: Moment,
    /// When it expires; a plain date is the last day in force.
    pub expires: Moment,
    /// When it is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Moment>,
    /// Whether it may cover more load balancers than [`Terms::maximum_matches`].
    pub many: bool,
}

impl Exception {
    /// Whether a load balancer is covered. A classic load balancer that was created after the exception began is another one than the
    /// exception names by ARN: only its name is the same. If it is unknown when it was created, it is unknown which of the two it is.
    pub(crate) fn covers(&self, lb: &LoadBalancer) -> Match {
        let of_scope = self.scope.covers(lb);
        if lb.kind != Kind::Classic || self.scope.arn.is_empty() {
            return of_scope;
        }
        let is_same = match lb.created {
            Some(created) => (created < self.start.ends()).into(),
            None => {
                let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancers");
                Match::Unread(vec![Arc::new(gap.with_message("the response does not contain when it was created"))])
            }
        };
        Match::all([of_scope, is_same])
    }
}

/// Every exception of every file. The default is no register at all.
#[derive(Debug, Clone, Default)]
pub struct Register {
    configured: bool,
    terms: Terms,
    /// Ordered by file and line.
    held: Vec<Arc<Held>>,
}

impl Register {
    /// Parses the files of a register, given as label (the path) and text. Without a file there is no register.
    ///
    /// # Errors
    ///
    /// Every error of every file, in the order of files and lines: not TOML, an unknown key, a missing or
    /// malformed value, an empty scope, an unknown rule, an expiry before the start, an over-long term, an id that is taken.
    pub fn parse(files: &[(String, String)], terms: &Terms) -> Result<Self, Vec<ExceptionError>> {
        let mut errors = Vec::new();
        let mut held: Vec<Arc<Held>> = Vec::new();
        let mut taken: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for (file, text) in files {
            let (found, mut wrong) = read_register::file(file, text, terms, &mut taken);
            wrong.sort_by_key(|error| error.line);
            errors.extend(wrong);
            held.extend(found.into_iter().map(Arc::new));
        }
        if errors.is_empty() { Ok(Self { configured: !files.is_empty(), terms: *terms, held }) } else { Err(errors) }
    }

    /// A rule with its exceptions at a time.
    pub(crate) fn wrapped(&self, rule: &'static dyn Rule, now: Timestamp) -> Wrapped {
        Wrapped::new(rule, &self.held, Watch::new(now, self.terms.warn_days))
    }

    /// The exceptions of a rule that are in force at a time and may cover a load balancer, depending on a value that could not be
    /// read: a sentence that names both. None if each of them certainly covers it or certainly does not.
    pub fn undecided(&self, rule: &'static dyn Rule, lb: &LoadBalancer, now: Timestamp) -> Option<String> {
        let wrapped = self.wrapped(rule, now);
        let cover = wrapped.cover(lb, TermState::in_force);
        (cover.sure.is_empty() && !cover.open.is_empty()).then(|| {
            let gaps = crate::preconditions::list(&cover.gaps);
            format!("{} may cover it, but a value that decides this could not be read: {gaps}", names(&cover.open))
        })
    }

    /// The rules to judge these load balancers by, with their exceptions as of a time. `changes_elsewhere` says that changes of
    /// modes are recorded for load balancers that are not among these.
    pub fn rules(&self, load_balancers: &[LoadBalancer], changes_elsewhere: bool, at: Timestamp) -> Vec<Box<dyn Rule>> {
        self.wrap(&crate::asked(load_balancers, changes_elsewhere), at)
    }

    /// Whether any exception has a review date.
    pub(crate) fn has_reviews(&self) -> bool {
        self.held.iter().any(|held| held.exception.review.is_some())
    }

    /// Whether a register is configured; an empty file is one.
    pub fn is_configured(&self) -> bool {
        self.configured
    }

    /// Every exception with its state at a time, those that end first come first.
    pub fn entries(&self, now: Timestamp) -> Vec<Entry<'_>> {
        let watch = Watch::new(now, self.terms.warn_days);
        let mut entries: Vec<_> = self
            .held
            .iter()
            .map(|held| Entry {
                exception: &held.exception,
                file: &held.file,
                line: held.line,
                state: held.state(watch),
                days_left: watch.days_left(held.exception.expires),
            })
            .collect();
        entries.sort_by_key(|entry| (entry.exception.expires.ends(), &entry.exception.id));
        entries
    }
}
