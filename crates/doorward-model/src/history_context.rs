//! What reports show of earlier scans. It is saved with a scan, so that its reports do not change later.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AttributeChange, ChangeEffect, DailySeries, Kpi, KpiGrouping, KpiRow, ModeTransition, PreviousRun, RunPoint,
    owner_key,
};

/// How long findings take to be remediated, over everything that the ledger knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemediationFigures {
    /// Findings that were observed to be fixed.
    pub remediated: usize,
    /// The mean time from first seen to fixed, in seconds; absent where nothing was remediated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_seconds: Option<i64>,
    /// When the oldest open finding was first seen, UTC; absent where nothing is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_open: Option<Timestamp>,
}

/// The earlier scans of a ledger, as of one scan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryContext {
    /// The counts of each recorded scan, oldest first, this one included.
    pub trend: Vec<RunPoint>,
    /// The previous scan and what changed since; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PreviousRun>,
    /// The changes of modes since the first recorded scan, oldest first. Absent where no ledger was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<ModeTransition>>,
    /// Times to remediate. Absent where no ledger was kept, and in scans saved by a version that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<RemediationFigures>,
    /// The key figures of everything that the ledger knows, in total and by owner, organizational unit, cost centre, severity and rule.
    /// Absent where no ledger was kept, and in scans saved by a version that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpis: Option<Vec<KpiRow>>,
    /// What changes of modes did to daily metrics, the oldest first; as `kpis`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Vec<ChangeEffect>>,
    /// Daily metrics by owner. Absent where the ledger has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailySeries>,
    /// Doorward's changes of other attributes than the mode, the oldest first. Absent where no ledger was kept, and in scans saved by a
    /// version that did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_changes: Option<Vec<AttributeChange>>,
}

impl HistoryContext {
    /// The key figures of everything that the ledger knows.
    pub fn kpi(&self) -> Option<&Kpi> {
        self.kpis.iter().flatten().find(|row| row.by == KpiGrouping::All).map(|row| &row.kpi)
    }

    /// The key figures of an owner, however its name is spelled.
    pub fn kpi_of_owner(&self, owner: &str) -> Option<&Kpi> {
        let is_owner = |row: &&KpiRow| {
            row.by == KpiGrouping::Owner
                && row.kpi.group.as_deref().is_some_and(|group| owner_key(group) == owner_key(owner))
        };
        self.kpis.iter().flatten().find(is_owner).map(|row| &row.kpi)
    }
}
