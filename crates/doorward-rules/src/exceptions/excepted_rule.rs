//! A rule wrapped with its exceptions.

use std::sync::Arc;

use doorward_model::{Gap, LoadBalancer, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason};
use jiff::Timestamp;

use super::term::Watch;
use super::{Exception, TermState};
use crate::matching::Match;
use crate::preconditions;

/// An exception and its location in a file.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) exception: Exception,
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    /// The line of the scope.
    pub(super) scope_line: usize,
}

impl Held {
    pub(super) fn state(&self, watch: Watch) -> TermState {
        watch.state(self.exception.start, self.exception.expires)
    }

    /// The first instant after its term.
    pub(crate) fn end(&self) -> Timestamp {
        self.exception.expires.ends()
    }
}

/// A rule, its exceptions, and the current time.
#[derive(Clone)]
pub(crate) struct Wrapped {
    rule: &'static dyn Rule,
    held: Vec<Arc<Held>>,
    watch: Watch,
}

/// The exceptions that cover a load balancer.
#[derive(Default)]
pub(crate) struct Cover<'a> {
    /// Those that certainly cover it.
    pub(crate) sure: Vec<&'a Held>,
    /// Those that may cover it, depending on a value that could not be read.
    pub(crate) open: Vec<&'a Held>,
    /// The gaps of those values, each once.
    pub(crate) gaps: Vec<Arc<Gap>>,
}

impl Cover<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.open.is_empty()
    }
}

impl Wrapped {
    /// Selects the exceptions of the rule.
    pub(super) fn new(rule: &'static dyn Rule, held: &[Arc<Held>], watch: Watch) -> Self {
        let id = rule.meta().id;
        Self { rule, held: held.iter().filter(|held| held.exception.rule == id).cloned().collect(), watch }
    }

    /// The rule's id.
    pub(crate) fn id(&self) -> &'static str {
        self.rule.meta().id
    }

    /// The verdict of the rule without exceptions.
    pub(crate) fn plain(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        self.rule.judge(lb, policy)
    }

    /// The state of an exception.
    pub(crate) fn state(&self, held: &Held) -> TermState {
        held.state(self.watch)
    }

    /// Whether an end lies within the days of warning.
    pub(crate) fn is_due(&self, end: Timestamp) -> bool {
        self.watch.is_due(end)
    }

    /// Whether the review date of an exception has come.
    pub(crate) fn is_review_due(&self, held: &Held) -> bool {
        held.exception.review.is_some_and(|review| self.watch.has_come(review))
    }

    /// The exceptions in one of the wanted states that cover a load balancer, or may.
    pub(crate) fn cover(&self, lb: &LoadBalancer, wanted: impl Fn(TermState) -> bool) -> Cover<'_> {
        let mut cover = Cover::default();
        for held in self.held.iter().filter(|held| wanted(self.state(held))) {
            match held.exception.covers(lb) {
                Match::No => {}
                Match::Yes => cover.sure.push(held),
                Match::Unread(gaps) => {
                    cover.open.push(held);
                    for gap in gaps {
                        if !cover.gaps.contains(&gap) {
                            cover.gaps.push(gap);
                        }
                    }
                }
            }
        }
        cover
    }

    /// The verdict on a failure: excepted, or the same failure with a sentence on the exceptions that do not permit it.
    fn apply(
        &self,
        lb: &LoadBalancer,
        reason: VerdictReason,
        mut because: String,
        severity: Severity,
        remedy: String,
    ) -> Verdict {
        let in_force = self.cover(lb, TermState::in_force);
        if let Some(held) = last_to_end(&in_force.sure) {
            let Exception { id, approver, reason, expires, .. } = &held.exception;
            let reason = reason.trim().trim_end_matches('.');
            return Verdict::Excepted {
                reason: VerdictReason::ExceptionValid,
                because: format!(
                    "{because} Exception {id}, approved by {approver}, permits it and expires {}. Reason: {reason}.",
                    expires.as_end()
                ),
                severity,
                exception: id.clone(),
                expires: expires.last_day().to_string(),
            };
        }
        if !in_force.open.is_empty() {
            because.push_str(&format!(
                " It may be permitted by {}, but whether it is covered could not be checked: {}.",
                names(&in_force.open),
                preconditions::list(&in_force.gaps)
            ));
        }
        if let Some(held) = last_to_end(&self.cover(lb, |state| state == TermState::Expired).sure) {
            because.push_str(&format!(" {} expired {}.", name(held), held.exception.expires.as_end()));
        }
        let pending = self.cover(lb, |state| state == TermState::Pending).sure;
        if let Some(held) = pending.iter().min_by_key(|held| (held.exception.start.starts(), &held.exception.id)) {
            because.push_str(&format!(" {} starts on {}.", name(held), held.exception.start));
        }
        Verdict::Fail { reason, because, severity, remedy }
    }
}

impl Rule for Wrapped {
    fn meta(&self) -> &'static RuleMeta {
        self.rule.meta()
    }

    fn judge(&self, lb: &LoadBalancer, policy: &Policy) -> Verdict {
        match self.plain(lb, policy) {
            Verdict::Fail { reason, because, severity, remedy } => self.apply(lb, reason, because, severity, remedy),
            other => other,
        }
    }
}

/// The exception that ends last.
pub(crate) fn last_to_end<'a>(held: &[&'a Held]) -> Option<&'a Held> {
    held.iter().copied().max_by(|a, b| a.end().cmp(&b.end()).then_with(|| b.exception.id.cmp(&a.exception.id)))
}

/// `Exception EX-1`. An id is a plain word, so it needs no quotes.
pub(crate) fn name(held: &Held) -> String {
    format!("Exception {}", held.exception.id)
}

/// `exception EX-1` or `exceptions EX-1, EX-2`
pub(crate) fn names(held: &[&Held]) -> String {
    let ids: Vec<_> = held.iter().map(|held| held.exception.id.as_str()).collect();
    format!("exception{} {}", if ids.len() == 1 { "" } else { "s" }, ids.join(", "))
}
