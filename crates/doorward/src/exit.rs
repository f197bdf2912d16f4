//! Exit codes, which are stable and which `doorward explain exit-codes` prints, and the failures that cause them.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use doorward_aws::access::AccessError;
use doorward_check::CheckError;
use doorward_core::discover::DiscoverError;
use doorward_core::pipeline::PipelineError;
use doorward_demo::ExampleError;
use doorward_explain::EXIT_CODES;
use doorward_file::places::PlaceConflict;
use doorward_ledger::LedgerError;
use doorward_model::{ReportSettings, ScanReport, SinkError};
use doorward_outputs::OutputError;
use doorward_saved_scan::{ExceptionFileError, SavedScanError};
use doorward_settings::{SettingsError, nearest};

mod causes;

/// The exit code that a command expects to end with, and its meaning, where it states it as its last line.
static CLOSING: Mutex<Option<(Exit, &str)>> = Mutex::new(None);

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Enough was read, and nothing fails.
    Clean,
    /// An internal error.
    Internal,
    /// Wrong arguments or settings.
    Usage,
    /// Findings at or above the threshold.
    Findings,
    /// Not enough was read or is known.
    Coverage,
    /// Both of the above.
    FindingsAndCoverage,
    /// The command cannot start.
    Preflight,
    /// A sink did not accept every finding.
    Sink,
    /// A change was refused or failed.
    Change,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// Every exit code.
    const ALL: [Self; 11] = [
        Self::Clean,
        Self::Internal,
        Self::Usage,
        Self::Findings,
        Self::Coverage,
        Self::FindingsAndCoverage,
        Self::Preflight,
        Self::Sink,
        Self::Change,
        Self::Interrupted,
        Self::Terminated,
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

    /// The exit code of a number.
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// The exit code of a report: whether something failed, and whether enough was read and is known.
    pub(crate) fn of(failed: bool, covered: bool) -> Self {
        match (failed, covered) {
            (false, true) => Self::Clean,
            (true, true) => Self::Findings,
            (false, false) => Self::Coverage,
            (true, false) => Self::FindingsAndCoverage,
        }
    }

    /// The exit code of a finished report.
    pub(crate) fn of_report(report: &ScanReport, thresholds: &ReportSettings) -> Self {
        Self::of(thresholds.is_failed_by(report), thresholds.is_covered_by(report))
    }

    /// The exit code of two steps, the second of which ended with `later`: findings and missing coverage combine, any other later exit
    /// code replaces the earlier one.
    pub(crate) fn and(self, later: Self) -> Self {
        match (self, later) {
            (exit, Self::Clean) => exit,
            (Self::Findings | Self::FindingsAndCoverage, Self::Coverage) => Self::FindingsAndCoverage,
            (_, later) => later,
        }
    }

    /// The meaning, for the closing line.
    pub(crate) fn meaning(self) -> &'static str {
        EXIT_CODES.iter().find(|(code, _)| *code == self.code()).map_or("", |(_, meaning)| meaning)
    }

    /// Has the command state its exit code as its last line: with this meaning if it is still this one, otherwise with the meaning that
    /// it has. What follows, such as a failed write, may change the code.
    pub(crate) fn state_at_end(self, meaning: &'static str) {
        *CLOSING.lock().unwrap_or_else(PoisonError::into_inner) = Some((self, meaning));
    }

    /// The last line of the command, if the command asked for one.
    pub(crate) fn closing_line(self) -> Option<String> {
        let closing = *CLOSING.lock().unwrap_or_else(PoisonError::into_inner);
        let (expected, meaning) = closing.filter(|_| self != Self::Clean)?;
        let meaning = if expected == self { meaning } else { self.meaning() };
        Some(format!("exit code {}: {meaning}", self.code()))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The reason why a command ended without a result.
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

    /// The value of a flag is none of those that are known.
    pub(crate) fn unknown(flag: &str, given: &str, known: &[String]) -> Self {
        Self::new(Exit::Usage, doorward_settings::unknown_value(flag, given, known))
    }

    /// A destination could not be written. A place that cannot be opened at all is known before anything is written to it; a disk that is
    /// full is not.
    pub(crate) fn writing(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{
            AlreadyExists, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
        };
        let exit = match error.kind() {
            NotFound | PermissionDenied | ReadOnlyFilesystem | NotADirectory | IsADirectory | AlreadyExists
            | InvalidFilename => Exit::Preflight,
            _ => Exit::Sink,
        };
        // The path of a draft beside the file says nothing to people.
        let error = error.to_string();
        let cause = error.split(" at path ").next().unwrap_or_default();
        Self::new(exit, format!("{what} cannot be written: {cause}"))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
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

impl From<SavedScanError> for Failure {
    fn from(error: SavedScanError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<ExceptionFileError> for Failure {
    fn from(error: ExceptionFileError) -> Self {
        match &error {
            ExceptionFileError::Write { path, source } => Self::writing(path, source),
            _ => Self::new(Exit::Usage, error.to_string()),
        }
    }
}

impl From<PlaceConflict> for Failure {
    fn from(error: PlaceConflict) -> Self {
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

impl From<ExampleError> for Failure {
    fn from(error: ExampleError) -> Self {
        let exit = if matches!(error, ExampleError::Write { .. }) { Exit::Preflight } else { Exit::Usage };
        Self::new(exit, error.to_string())
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let exit = if matches!(error, AccessError::Stopped(_)) { Exit::Coverage } else { Exit::Preflight };
        Self::new(exit, error.to_string())
    }
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Self {
        let exit = match &error {
            DiscoverError::Organization { .. } => Exit::Preflight,
            DiscoverError::UnknownRegion { region, known, .. } => {
                let known: Vec<&str> = known.iter().map(|region| region.as_str()).collect();
                let near = nearest(region.as_str(), &known);
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                return Self::new(Exit::Usage, format!("{error}{near}"));
            }
            // The caller replaces this by the exit code of the signal, if one came.
            DiscoverError::Stopped(_) => Exit::Coverage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = if matches!(error, LedgerError::NoLease { .. }) { Exit::Internal } else { Exit::Sink };
        Self::new(exit, error.to_string())
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self::new(Exit::Sink, error.to_string())
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let exit = match error {
            OutputError::Usage(_) => Exit::Usage,
            OutputError::Preflight(_) => Exit::Preflight,
            OutputError::Internal(_) => Exit::Internal,
            OutputError::Sink(error) => return error.into(),
        };
        Self::new(exit, error.to_string())
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
