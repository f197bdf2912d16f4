//! The exit codes of errors that several stages have, and of deliveries.

use doorward_apply::ApplyError;
use doorward_assemble::AssembleError;
use doorward_check::Declarations;
use doorward_event::{EventResult, RescanError};
use doorward_model::DeliveryResult;
use doorward_sink_text::history::TrendError;
use doorward_traffic::GatherError;

use super::{Exit, Failure};

impl From<DeliveryResult> for Exit {
    fn from(result: DeliveryResult) -> Self {
        match result {
            DeliveryResult::Complete => Self::Clean,
            DeliveryResult::Stale => Self::Coverage,
            DeliveryResult::Incomplete => Self::Sink,
        }
    }
}

impl Exit {
    /// The exit code of a report with these declarations: as that of `doorward check` where a file could not be read.
    pub(crate) fn with_declarations(self, declarations: Option<&Declarations>) -> Self {
        match (declarations, self) {
            (Some(declarations), _) if declarations.has_errors() => Self::Usage,
            (Some(declarations), Self::Clean) if declarations.has_unread() => Self::Coverage,
            (Some(declarations), Self::Findings) if declarations.has_unread() => Self::FindingsAndCoverage,
            _ => self,
        }
    }
}

impl From<EventResult> for Exit {
    fn from(result: EventResult) -> Self {
        if result.refused { Self::Sink } else { Self::of(result.failed, result.covered) }
    }
}

impl From<GatherError> for Failure {
    fn from(error: GatherError) -> Self {
        let exit = match &error {
            GatherError::Cache(_) => Exit::Preflight,
            GatherError::NoAthena(_) | GatherError::OverBudget { .. } => Exit::Usage,
            GatherError::Unlisted(_) => Exit::Coverage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<AssembleError> for Failure {
    fn from(error: AssembleError) -> Self {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let exit = match error {
            AssembleError::Ledger(error) => return error.into(),
            AssembleError::Pipeline(error) => return error.into(),
            AssembleError::Open(_) => Exit::Preflight,
            AssembleError::Change { .. } => Exit::Sink,
            AssembleError::NothingToResume
            | AssembleError::NoCheckpoints
            | AssembleError::ResumeChanged
            | AssembleError::NoScan { .. }
            | AssembleError::RawDataDropped { .. } => Exit::Usage,
        };
        Self::new(exit, format!("{error}{hint}"))
    }
}

impl From<TrendError> for Failure {
    fn from(error: TrendError) -> Self {
        match &error {
            TrendError::Ledger(error) => Self::new(Exit::Usage, error.to_string()),
            TrendError::Unknown { flag, name, known } => Self::unknown(flag, name, known),
        }
    }
}

impl From<RescanError> for Failure {
    fn from(error: RescanError) -> Self {
        match error {
            RescanError::Discover(error) => error.into(),
            RescanError::Ledger(error) => error.into(),
            RescanError::Assemble(error) => error.into(),
            RescanError::NoArn(_) => Self::new(Exit::Usage, error.to_string()),
            RescanError::Inventory(_) => Self::new(Exit::Internal, error.to_string()),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let exit = match error {
            ApplyError::Access(error) => return error.into(),
            ApplyError::Discover(error) => return error.into(),
            ApplyError::Ledger(error) => return error.into(),
            ApplyError::Assemble(error) => return error.into(),
            ApplyError::Write { path, source } => return Self::writing(&path, &source),
            ApplyError::Plan(_) => Exit::Internal,
            ApplyError::OrganizationUnread(_) => Exit::Preflight,
            ApplyError::Journal(_) | ApplyError::Unwritten(_) | ApplyError::Stopped(_) => Exit::Change,
            ApplyError::NoLedger(_)
            | ApplyError::UnknownChange { .. }
            | ApplyError::AmbiguousChange { .. }
            | ApplyError::NoPlan { .. }
            | ApplyError::Foreign { .. }
            | ApplyError::File(_) => Exit::Usage,
        };
        Self::new(exit, error.to_string())
    }
}
