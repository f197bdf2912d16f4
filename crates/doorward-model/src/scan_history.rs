//! The history of a scan: what earlier scans recorded of its findings, and what they saw that it did not.

use std::collections::BTreeMap;

use crate::{DeadlineTally, Finding, History, ScanReport, Unseen};

/// The history of a scan in the ledger, after the scan was recorded or looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanHistory {
    /// The history of each finding that ever failed, by the finding's id.
    pub findings: BTreeMap<String, History>,
    /// Load balancers and findings that earlier scans observed and this one did not; absent if no ledger was read.
    pub unseen: Option<Unseen>,
}

impl ScanReport {
    /// The report with this history in the place of the history that it holds. A finding that the history does not name has none.
    pub fn with_history(self, mut history: ScanHistory) -> Self {
        let findings = self.findings.into_iter();
        let with_history = |finding: Finding| {
            let of_finding = history.findings.remove(&finding.id);
            finding.with_history(of_finding)
        };
        let findings: Vec<Finding> = findings.map(with_history).collect();
        let mut tally = self.tally;
        tally.deadlines = tally.deadlines.map(|_| DeadlineTally::of(&findings));
        Self { findings, tally, unseen: history.unseen, ..self }
    }
}
