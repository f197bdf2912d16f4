//! The use of exceptions in a scan: exceptions that cover nothing, too many load balancers, or only ones that pass.

use std::collections::BTreeMap;
use std::fmt;

use doorward_model::{Arn, Finding, LoadBalancer, VerdictKind, counted};
use jiff::Timestamp;
use serde::Serialize;

use super::term::Watch;
use super::{Held, Register, TermState};
use crate::matching::Match;

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The scope covers no load balancer that the rule judged.
    ExceptionMatchesNothing,
    /// Whether the scope covers a load balancer depends on a value that could not be read.
    ExceptionNotChecked,
    /// The scope covers more load balancers than allowed without `many = true`.
    ExceptionMatchesMany,
    /// Every load balancer that the scope covers passes the rule.
    ExceptionUnused,
    /// The rule did not run.
    ExceptionRuleOff,
}

impl NoticeKind {
    /// Whether the notice is an error of the register; all others are hints.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::ExceptionMatchesMany)
    }

    /// The notice's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExceptionMatchesNothing => "exception-matches-nothing",
            Self::ExceptionNotChecked => "exception-not-checked",
            Self::ExceptionMatchesMany => "exception-matches-many",
            Self::ExceptionUnused => "exception-unused",
            Self::ExceptionRuleOff => "exception-rule-off",
        }
    }
}

/// A hint or error about an exception. It changes no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its kind.
    pub kind: NoticeKind,
    /// The exception's id.
    pub exception: String,
    /// The file that holds it.
    pub file: String,
    /// The line.
    pub line: usize,
    /// One sentence with the figures.
    pub sentence: String,
}

impl fmt::Display for Notice {
    /// `exceptions.toml:7: exception-unused: exception EX-1 ...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.kind.as_str(), self.sentence)
    }
}

/// How a rule judged the load balancers that an exception covers. Load balancers that the rule does not apply to are not counted.
#[derive(Default)]
struct Count {
    /// Judged at all, covered or not.
    judged: usize,
    covered: usize,
    passed: usize,
    /// May be covered, depending on a value that could not be read.
    open: usize,
}

impl Register {
    /// The notices on a scan, from every load balancer, every finding, and the time of judging. Exceptions that had expired by then
    /// are left out: the rule `exception-expired` reports them. The sentences contain the number of load balancers in the scan;
    /// its coverage says whether those are all.
    pub fn usage(&self, load_balancers: &[LoadBalancer], findings: &[Finding], now: Timestamp) -> Vec<Notice> {
        let watch = Watch::new(now, self.terms.warn_days);
        let live: Vec<_> = self.held.iter().filter(|held| held.state(watch) != TermState::Expired).collect();
        let mut verdicts: BTreeMap<&str, BTreeMap<&Arn, VerdictKind>> =
            live.iter().map(|held| (held.exception.rule.as_str(), BTreeMap::new())).collect();
        for finding in findings {
            if let Some(of_rule) = verdicts.get_mut(finding.rule.as_str()) {
                of_rule.insert(&finding.load_balancer, finding.verdict.kind());
            }
        }
        let mut notices = Vec::new();
        for held in live {
            let of_rule = &verdicts[held.exception.rule.as_str()];
            if of_rule.is_empty() && !load_balancers.is_empty() {
                let sentence = format!(
                    "exception {} permits failures of {}, which did not run",
                    held.exception.id, held.exception.rule
                );
                notices.push(notice(held, NoticeKind::ExceptionRuleOff, held.line, sentence));
                continue;
            }
            let count = count(held, load_balancers, of_rule);
            notices.extend(self.notices(held, &count, held.state(watch)));
        }
        notices
    }

    fn notices(&self, held: &Held, count: &Count, state: TermState) -> Vec<Notice> {
        let (id, rule) = (&held.exception.id, &held.exception.rule);
        let Count { judged, covered, passed, open } = *count;
        let mut notices = Vec::new();
        if covered == 0 && open == 0 {
            let sentence = format!("exception {id} covers none of the load balancers that {rule} judged ({judged})");
            notices.push(notice(held, NoticeKind::ExceptionMatchesNothing, held.scope_line, sentence));
        } else if covered == 0 {
            let sentence = format!(
                "exception {id} covers none of the load balancers that {rule} judged ({judged}) for certain; for \
                 {open} of them, a value that its scope depends on could not be read"
            );
            notices.push(notice(held, NoticeKind::ExceptionNotChecked, held.scope_line, sentence));
        } else if covered > self.terms.maximum_matches && !held.exception.many {
            let most = self.terms.maximum_matches;
            let sentence = format!(
                "exception {id} covers {covered} load balancers, more than {most}; narrow its scope, or write many = \
                 true"
            );
            notices.push(notice(held, NoticeKind::ExceptionMatchesMany, held.scope_line, sentence));
        }
        if covered > 0 && passed == covered && open == 0 && state.in_force() {
            let sentence = format!(
                "exception {id} is not needed: {rule} passes without it for {}",
                counted(covered, "load balancer")
            );
            notices.push(notice(held, NoticeKind::ExceptionUnused, held.line, sentence));
        }
        notices
    }
}

fn count(held: &Held, load_balancers: &[LoadBalancer], verdicts: &BTreeMap<&Arn, VerdictKind>) -> Count {
    let mut count = Count::default();
    for lb in load_balancers {
        let Some(verdict) = verdicts.get(&lb.arn).filter(|verdict| **verdict != VerdictKind::NotApplicable) else {
            continue;
        };
        count.judged += 1;
        match held.exception.covers(lb) {
            Match::Yes => {
                count.covered += 1;
                count.passed += usize::from(*verdict == VerdictKind::Pass);
            }
            Match::No => {}
            Match::Unread(_) => count.open += 1,
        }
    }
    count
}

fn notice(held: &Held, kind: NoticeKind, line: usize, sentence: String) -> Notice {
    Notice { kind, exception: held.exception.id.clone(), file: held.file.to_string(), line, sentence }
}
