//! The answers of a rule that asks about several exceptions at once, put together into one verdict.

use std::sync::Arc;

use doorward_model::{Gap, Severity, Verdict};

use super::{Cover, Wrapped, names};

/// Answers about one load balancer. A failure outweighs what is not known, that what was not asked, and that a pass.
#[derive(Default)]
pub(crate) struct Answers {
    failed: Vec<String>,
    severity: Option<Severity>,
    remedies: Vec<String>,
    unknown: Vec<String>,
    gaps: Vec<Arc<Gap>>,
    not_asked: Vec<String>,
    needs: Vec<String>,
    passed: Vec<String>,
}

impl Answers {
    /// Something is not as required.
    pub(crate) fn fail(&mut self, because: String, severity: Severity, remedy: String) {
        self.failed.push(because);
        self.severity = self.severity.max(Some(severity));
        self.remedies.push(remedy);
    }

    /// Something could not be looked at.
    pub(crate) fn unknown(&mut self, because: String, gaps: &[Arc<Gap>]) {
        self.unknown.push(because);
        for gap in gaps {
            if !self.gaps.contains(gap) {
                self.gaps.push(gap.clone());
            }
        }
    }

    /// The evidence for something was not collected; `remedy` says how it is.
    pub(crate) fn not_asked(&mut self, because: String, remedy: String) {
        self.not_asked.push(because);
        if !self.needs.contains(&remedy) {
            self.needs.push(remedy);
        }
    }

    /// The rule that exceptions are from is switched off: whether what they permit is still there is not asked.
    pub(crate) fn switched_off(&mut self, rule: &Wrapped, cover: &Cover<'_>) {
        if !cover.is_empty() {
            let all: Vec<_> = cover.sure.iter().chain(&cover.open).copied().collect();
            let (id, which) = (rule.id(), names(&all));
            self.not_asked(
                format!(
                    "`policy.disabled` switches {id} off, so whether what {which} permits is still there was not asked."
                ),
                format!("Take {id} out of `policy.disabled`."),
            );
        }
    }

    /// Something is as required.
    pub(crate) fn pass(&mut self, because: String) {
        self.passed.push(because);
    }

    /// The verdict; `otherwise` says why the question makes no sense where there was no answer.
    pub(crate) fn verdict(self, otherwise: &str) -> Verdict {
        if let Some(severity) = self.severity {
            Verdict::Fail { because: self.failed.join(" "), severity, remedy: self.remedies.join(" ") }
        } else if !self.unknown.is_empty() {
            Verdict::Unknown { because: self.unknown.join(" "), gaps: self.gaps }
        } else if !self.not_asked.is_empty() {
            Verdict::NotAsked { because: self.not_asked.join(" "), remedy: self.needs.join(" ") }
        } else if !self.passed.is_empty() {
            Verdict::Pass { because: self.passed.join(" ") }
        } else {
            Verdict::NotApplicable { because: otherwise.to_owned() }
        }
    }
}
