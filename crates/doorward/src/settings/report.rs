//! Which reports change the exit code.

use doorward_model::{ScanReport, Severity, Verdict, VerdictKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;

/// The lowest severity of a failure that changes the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
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
    /// No failure.
    Never,
}

impl FailOn {
    /// Whether a failure of this severity counts.
    pub(crate) fn covers(self, severity: Severity) -> bool {
        let threshold = match self {
            Self::Informational => Severity::Informational,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
            Self::Never => return false,
        };
        severity >= threshold
    }
}

/// Which reports change the exit code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportSettings {
    /// The lowest severity of a failure that makes the exit code 3.
    pub(crate) fail_on: FailOn,
    /// The least share, in percent, of account-Regions read completely and of verdicts known.
    pub(crate) minimum_coverage: f64,
}

impl ReportSettings {
    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let percent = self.minimum_coverage;
        (!(0.0..=100.0).contains(&percent))
            .then(|| ("report.minimum_coverage", format!("{percent} is not a percentage")))
    }

    /// The exit code of a finished report.
    pub(crate) fn exit_for(&self, report: &ScanReport) -> Exit {
        let covers =
            |verdict: &Verdict| matches!(verdict, Verdict::Fail { severity, .. } if self.fail_on.covers(*severity));
        let failed = report.findings.iter().any(|finding| covers(&finding.verdict));
        let counts = report.coverage.counts;
        let verdicts = report.findings.iter().map(|finding| finding.verdict.kind());
        let covered = report.coverage.accounts_listing.is_full()
            && counts.in_scope() > 0
            && self.is_enough(counts.complete, counts.in_scope())
            && self.is_enough_known(verdicts);
        Exit::of(failed, covered)
    }

    /// Whether a part of a whole is at least the minimum. Exact for every count that fits a scan; 100 % means all.
    pub(crate) fn is_enough(&self, part: usize, whole: usize) -> bool {
        part as f64 * 100.0 >= self.minimum_coverage * whole as f64
    }

    /// Whether enough of the verdicts are known; those that do not apply and those that were not asked do not count. Where
    /// nothing else is left than what was not asked, nothing is known.
    pub(crate) fn is_enough_known(&self, verdicts: impl Iterator<Item = VerdictKind>) -> bool {
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
