//! The verdicts on several exceptions at once, combined into one.

use std::sync::Arc;

use doorward_model::{Gap, Severity, Verdict, VerdictReason};

use super::{Cover, Wrapped, names};

/// The verdicts on the exceptions that cover one load balancer. A failure outweighs an unknown, that one not asked, and that a
/// pass. The first reason of the kind that decides is the reason of the whole.
#[derive(Default)]
pub(crate) struct Answers {
    failed: Sentences,
    severity: Option<Severity>,
    remedies: Vec<String>,
    unknown: Sentences,
    gaps: Vec<Arc<Gap>>,
    not_asked: Sentences,
    needs: Vec<String>,
    passed: Sentences,
}

/// The sentences of one kind of verdict, and the reason of the first.
#[derive(Default)]
struct Sentences {
    reason: Option<VerdictReason>,
    text: Vec<String>,
}

impl Sentences {
    fn add(&mut self, reason: VerdictReason, because: String) {
        self.reason.get_or_insert(reason);
        self.text.push(because);
    }

    fn joined(self) -> Option<(VerdictReason, String)> {
        self.reason.map(|reason| (reason, self.text.join(" ")))
    }
}

impl Answers {
    /// Adds a failure.
    pub(crate) fn fail(&mut self, reason: VerdictReason, because: String, severity: Severity, remedy: String) {
        self.failed.add(reason, because);
        self.severity = self.severity.max(Some(severity));
        self.remedies.push(remedy);
    }

    /// Adds a verdict that depends on gaps.
    pub(crate) fn unknown(&mut self, reason: VerdictReason, because: String, gaps: &[Arc<Gap>]) {
        self.unknown.add(reason, because);
        for gap in gaps {
            if !self.gaps.contains(gap) {
                self.gaps.push(gap.clone());
            }
        }
    }

    /// Adds a verdict whose evidence was not collected; `remedy` says how to collect it.
    pub(crate) fn not_asked(&mut self, reason: VerdictReason, because: String, remedy: String) {
        self.not_asked.add(reason, because);
        if !self.needs.contains(&remedy) {
            self.needs.push(remedy);
        }
    }

    /// Adds the exceptions from a rule that the settings turn off: whether the rule still fails is not asked.
    pub(crate) fn disabled(&mut self, rule: &Wrapped, cover: &Cover<'_>) {
        if !cover.is_empty() {
            let all: Vec<_> = cover.sure.iter().chain(&cover.open).copied().collect();
            let (id, which) = (rule.id(), names(&all));
            self.not_asked(
                VerdictReason::ExceptedRuleDisabled,
                format!(
                    "`policy.disabled` turns {id} off, so this scan did not check whether the failure that {which} \
                     permits still exists."
                ),
                format!("Remove {id} from `policy.disabled`."),
            );
        }
    }

    /// Adds a pass.
    pub(crate) fn pass(&mut self, reason: VerdictReason, because: String) {
        self.passed.add(reason, because);
    }

    /// The verdict; without any answer it is not applicable, for the given reason.
    pub(crate) fn verdict(self, otherwise: VerdictReason, because: &str) -> Verdict {
        if let (Some(severity), Some((reason, because))) = (self.severity, self.failed.joined()) {
            Verdict::Fail { reason, because, severity, remedy: self.remedies.join(" ") }
        } else if let Some((reason, because)) = self.unknown.joined() {
            Verdict::Unknown { reason, because, gaps: self.gaps }
        } else if let Some((reason, because)) = self.not_asked.joined() {
            Verdict::NotAsked { reason, because, remedy: self.needs.join(" ") }
        } else if let Some((reason, because)) = self.passed.joined() {
            Verdict::Pass { reason, because }
        } else {
            Verdict::NotApplicable { reason: otherwise, because: because.to_owned() }
        }
    }
}
