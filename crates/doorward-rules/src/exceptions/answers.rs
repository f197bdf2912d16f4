//! The answers of a rule that asks about several exceptions at once, put together into one verdict.

use std::sync::Arc;

use doorward_model::{Gap, Severity, Verdict};

/// Answers about one load balancer. A failure outweighs what is not known, and that outweighs a pass.
#[derive(Default)]
pub(crate) struct Answers {
    failed: Vec<String>,
    severity: Option<Severity>,
    remedies: Vec<String>,
    unknown: Vec<String>,
    gaps: Vec<Arc<Gap>>,
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
        } else if !self.passed.is_empty() {
            Verdict::Pass { because: self.passed.join(" ") }
        } else {
            Verdict::NotApplicable { because: otherwise.to_owned() }
        }
    }
}
