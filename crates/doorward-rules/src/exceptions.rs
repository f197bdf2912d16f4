//! The register of exceptions: dated, approved, reasoned permissions to fail a rule. Each of them ends.
//!
//! A register wraps the rules: a wrapped rule asks the rule inside and turns a failure into
//! [`Verdict::Excepted`](doorward_model::Verdict::Excepted) where an exception in force covers the load balancer. It
//! touches no other verdict, and where nobody could read whether the scope holds, the failure stays one. Two more rules
//! watch the register itself: `exception-expired` and `exception-expiring`.
//!
//! Those two run wherever a register is configured, even an empty one, and nowhere else. Without a register there is
//! nothing that they could have looked at, and a "not applicable" for every load balancer would be noise; with one they go
//! on answering after the last exception is removed, so that a finding of yesterday is seen to be resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{LoadBalancer, Rule};
use jiff::Timestamp;
use serde::Serialize;

mod answers;
mod apply;
pub mod edit;
mod read;
mod schema;
mod scope;
mod term;
mod usage;

pub(crate) use answers::Answers;
pub(crate) use apply::{Cover, Held, Wrapped, last_to_end, name, names};
pub use schema::RegisterFile;
pub use scope::Scope;
pub use term::{Moment, MomentError, State};
pub use usage::{Notice, NoticeKind};

use term::Watch;

/// The ids of the rules that watch the register itself, ordered. Exceptions from them do not exist.
pub(crate) const REGISTER_RULES: [&str; 2] = ["exception-expired", "exception-expiring"];

/// The limits of every exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The longest term, in days, both the first and the last counted.
    pub maximum_days: u32,
    /// How many days before its end an exception is due.
    pub warn_days: u32,
    /// How many load balancers an exception may cover without saying `many = true`.
    pub maximum_matches: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self { maximum_days: 90, warn_days: 14, maximum_matches: 25 }
    }
}

/// Something in a register that cannot be used. A register with one of these is not used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ExceptionError {
    /// The file, by the label it was handed in with.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// One exception, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// Names it, once over all files: up to 64 letters, digits and `-._`.
    pub id: String,
    /// The rule that may be failed, by its id.
    pub rule: String,
    /// What it covers.
    pub scope: Scope,
    /// Why the rule cannot be met.
    pub reason: String,
    /// What may happen meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// What is done against it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compensating_control: Option<String>,
    /// Who asked for it.
    pub requester: String,
    /// Who allowed it.
    pub approver: String,
    /// Where that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// From when it holds.
    pub start: Moment,
    /// Until when it holds; a day is included.
    pub expires: Moment,
    /// When somebody looks at it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Moment>,
    /// Whether it is meant to cover more load balancers than the widest match.
    pub many: bool,
}

/// One line of `doorward exceptions list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// The exception.
    #[serde(flatten)]
    pub exception: &'a Exception,
    /// The file that holds it.
    pub file: &'a str,
    /// The line on which it begins there.
    pub line: usize,
    /// Where it stands in its term.
    pub state: State,
    /// Whole days left until its end: 0 within the last 24 hours, negative from the end on.
    pub days_left: i64,
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
    /// Reads the files of a register, given as label (the path) and text. No file is no register.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any file, in the order of files and lines: not TOML, an unknown key, a missing or
    /// malformed value, an empty scope, an unknown rule, an expiry before the start, an over-long term, an id that is taken.
    pub fn parse(files: &[(String, String)], terms: &Terms) -> Result<Self, Vec<ExceptionError>> {
        let mut errors = Vec::new();
        let mut held: Vec<Arc<Held>> = Vec::new();
        let mut taken: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for (file, text) in files {
            let (found, mut wrong) = read::file(file, text, terms, &mut taken);
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

    /// The exceptions of a rule that are in force at a time and may cover a load balancer, where that depends on something that could not
    /// be read: a sentence that names both. None where each of them certainly covers it or certainly does not.
    pub fn undecided(&self, rule: &'static dyn Rule, lb: &LoadBalancer, now: Timestamp) -> Option<String> {
        let wrapped = self.wrapped(rule, now);
        let cover = wrapped.cover(lb, State::in_force);
        (cover.sure.is_empty() && !cover.open.is_empty()).then(|| {
            let gaps = crate::preconditions::list(&cover.gaps);
            format!("it may be excepted by {}, and whether it is covered could not be read: {gaps}", names(&cover.open))
        })
    }

    /// Whether there is a register at all; an empty file is one.
    pub fn is_configured(&self) -> bool {
        self.configured
    }

    /// Every exception and where it stands at a time: those that end first come first.
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
