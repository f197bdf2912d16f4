//! Exit codes: stable, printed by `doorward explain exit-codes`, carried in the JSON.

use std::process::ExitCode;

use doorward_check::CheckError;
use doorward_core::access::AccessError;
use doorward_core::discover::DiscoverError;
use doorward_model::{ScanReport, SinkError, Verdict};

use crate::settings::{ReportSettings, SettingsError};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Complete and clean.
    Clean,
    /// A fault of Doorward's own.
    Internal,
    /// Usage or settings.
    Usage,
    /// Findings at or above the threshold.
    Findings,
    /// Not enough was seen.
    Coverage,
    /// Both.
    FindingsAndCoverage,
    /// No way in.
    Preflight,
    /// A sink did not accept everything.
    Sink,
    /// A change was refused or failed.
    Change,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// All of them, with what they say.
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (
            Self::Clean,
            "complete and clean: at least `report.minimum_coverage` (by default all) was read and is known, and nothing fails at or above `report.fail_on`",
        ),
        (Self::Internal, "internal error: a fault of Doorward's own; please report it"),
        (Self::Usage, "usage or settings: the message names the flag, the variable, or file and line"),
        (Self::Findings, "at least one failure at or above `report.fail_on`"),
        (
            Self::Coverage,
            "less than `report.minimum_coverage` of the account-Regions in scope was read completely, or less than that share of the verdicts is known",
        ),
        (Self::FindingsAndCoverage, "both 3 and 4"),
        (Self::Preflight, "no way in: no credentials, no Organizations access, or an output that cannot be written"),
        (Self::Sink, "an output did not accept everything"),
        (
            Self::Change,
            "a change of modes was refused or failed for at least one load balancer, was stopped or rolled back, or no longer holds",
        ),
        (
            Self::Interrupted,
            "stopped by Ctrl-C before everything was read; what was read by then is written, marked as partial",
        ),
        (
            Self::Terminated,
            "stopped by SIGTERM before everything was read; what was read by then is written, marked as partial",
        ),
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Findings => 3,
            Self::Coverage => 4,
            Self::FindingsAndCoverage => 5,
            Self::Preflight => 6,
            Self::Sink => 7,
            Self::Change => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What a finished report says.
    pub(crate) fn of(report: &ScanReport, settings: &ReportSettings) -> Self {
        let failed = report
            .findings
            .iter()
            .any(|f| matches!(f.verdict, Verdict::Fail { severity, .. } if settings.fail_on.covers(severity)));
        let counts = report.coverage.counts;
        let verdicts = report.findings.iter().map(|finding| finding.verdict.kind());
        let seen = report.coverage.accounts_listing.is_full()
            && counts.in_scope() > 0
            && settings.is_enough(counts.complete, counts.in_scope())
            && settings.is_enough_known(verdicts);
        Self::told(failed, seen)
    }

    /// What whether something failed and whether enough was seen come to.
    pub(crate) fn told(failed: bool, seen: bool) -> Self {
        match (failed, seen) {
            (false, true) => Self::Clean,
            (true, true) => Self::Findings,
            (false, false) => Self::Coverage,
            (true, false) => Self::FindingsAndCoverage,
        }
    }

    /// The exit code of two steps, the later of which ended with `later`: what was found and what was not seen add up, anything else
    /// decides alone.
    pub(crate) fn and(self, later: Self) -> Self {
        match (self, later) {
            (exit, Self::Clean) => exit,
            (Self::Findings | Self::FindingsAndCoverage, Self::Coverage) => Self::FindingsAndCoverage,
            (_, later) => later,
        }
    }

    /// One clause for the closing line.
    pub(crate) fn says(self) -> &'static str {
        Self::ALL.iter().find(|(exit, _)| *exit == self).map_or("", |(_, says)| says)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a run ended without a result.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    sentence: String,
}

impl Failure {
    /// A failure with its exit code and its one sentence.
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }

    /// Something could not be written. A reader who went away is not an error worth a sentence.
    pub(crate) fn writing(what: &str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Sink, "");
        }
        Self::new(Exit::Sink, format!("{what} could not be written: {error}"))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.sentence.is_empty()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        if let CheckError::Write { path, source } = &error {
            return Self::writing(path, source);
        }
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(Exit::Usage, format!("{error}{hint}"))
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let profile = match &error {
            AccessError::NoCredentials(_) => std::env::var("AWS_PROFILE").ok(),
            _ => None,
        };
        let profile = profile
            .map(|name| format!(" (AWS_PROFILE is {name:?}; is it in the AWS configuration?)"))
            .unwrap_or_default();
        let exit = if matches!(error, AccessError::Stopped(_)) { Exit::Coverage } else { Exit::Preflight };
        Self::new(exit, format!("{error}{profile}"))
    }
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Self {
        let exit = match error {
            DiscoverError::Organization { .. } => Exit::Preflight,
            DiscoverError::UnknownRegion { .. } => Exit::Usage,
            // A signal's own code is put in its place by whoever knows the signal.
            DiscoverError::Stopped(_) => Exit::Coverage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::new(Exit::Sink, error.to_string())
    }
}
