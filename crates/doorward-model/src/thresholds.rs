//! The thresholds of the exit code: severity and coverage.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Finding, ScanReport, Severity, Verdict, VerdictKind};

/// The lowest severity at which a failure determines the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Any failure.
    Informational,
    /// Low and above.
    Low,
    /// Medium and above.
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
    /// A failure that is past its deadline, whatever its severity.
    Overdue,
    /// No failure.
    Never,
}

const FAIL_ON: [(&str, FailOn); 7] = [
    ("informational", FailOn::Informational),
    ("low", FailOn::Low),
    ("medium", FailOn::Medium),
    ("high", FailOn::High),
    ("critical", FailOn::Critical),
    ("overdue", FailOn::Overdue),
    ("never", FailOn::Never),
];

/// A word that names no threshold of severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of informational, low, medium, high, critical, overdue, never")]
pub struct UnknownFailOn;

impl FromStr for FailOn {
    type Err = UnknownFailOn;

    /// Ignores case.
    fn from_str(text: &str) -> Result<Self, UnknownFailOn> {
        let found = FAIL_ON.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, threshold)| threshold).ok_or(UnknownFailOn)
    }
}

impl FailOn {
    /// The threshold for declarations, which have no deadlines: that of the embedded settings where only overdue findings count.
    #[must_use]
    pub fn for_declarations(self) -> Self {
        if self == Self::Overdue { Self::Medium } else { self }
    }

    /// Whether a failure of this severity counts by its severity.
    pub fn covers(self, severity: Severity) -> bool {
        let threshold = match self {
            Self::Informational => Severity::Informational,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
            Self::Overdue | Self::Never => return false,
        };
        severity >= threshold
    }
}

/// The thresholds of the exit code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportSettings {
    /// The lowest severity of a failure that makes the exit code 3.
    pub fail_on: FailOn,
    /// The minimum share, in percent, of account-Regions read completely, of known load balancers seen, and of verdicts known.
    pub minimum_coverage: f64,
}

impl ReportSettings {
    /// The key and the problem of a setting that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let percent = self.minimum_coverage;
        (!(0.0..=100.0).contains(&percent))
            .then(|| ("report.minimum_coverage", format!("{percent} is not a percentage")))
    }

    /// Whether a verdict of the report fails at or above the threshold.
    pub fn is_failed_by(&self, report: &ScanReport) -> bool {
        report.findings.iter().any(|finding| self.is_reached_by(finding))
    }

    /// Whether a finding fails at or above the threshold.
    pub fn is_reached_by(&self, finding: &Finding) -> bool {
        let by_severity = matches!(*finding.verdict, Verdict::Fail { severity, .. } if self.fail_on.covers(severity));
        by_severity || (self.fail_on == FailOn::Overdue && finding.is_overdue())
    }

    /// Whether the report found everything that the settings ask for, read enough account-Regions, saw
    /// enough of the load balancers that are known there, and knows enough verdicts.
    pub fn is_covered_by(&self, report: &ScanReport) -> bool {
        let counts = report.coverage.counts;
        // A few account-Regions may hold most of the load balancers, so the share of these counts too.
        let (seen, known) = report.known_in_scope();
        report.coverage.accounts_listing.is_full()
            && !report.lacks_what_was_asked()
            && counts.in_scope() > 0
            && self.is_enough(counts.complete, counts.in_scope())
            && self.is_enough(seen, known)
            && self.is_enough_known(report.findings.iter().map(|finding| finding.verdict.kind()))
    }

    /// Whether a part of a whole is at least the minimum. Exact for every count that fits a scan: 100 means all.
    pub fn is_enough(&self, part: usize, whole: usize) -> bool {
        part as f64 * 100.0 >= self.minimum_coverage * whole as f64
    }

    /// Whether enough of the verdicts are known. Verdicts that do not apply, or that were not asked, do not count. If
    /// only verdicts that were not asked are left, none is known.
    pub fn is_enough_known(&self, verdicts: impl Iterator<Item = VerdictKind>) -> bool {
        let (mut known, mut all, mut not_asked) = (0, 0, 0);
        for verdict in verdicts {
            match verdict {
                VerdictKind::NotApplicable => {}
                VerdictKind::NotAsked => not_asked += 1,
                VerdictKind::Unknown => all += 1,
                VerdictKind::Fail | VerdictKind::Excepted | VerdictKind::Pass => {
                    all += 1;
                    known += 1;
                }
            }
        }
        if all == 0 && not_asked > 0 {
            return self.is_enough(0, not_asked);
        }
        self.is_enough(known, all)
    }
}
