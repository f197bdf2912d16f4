//! Where history is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_assemble::{RecorderSettings, ScanRecorder};
use doorward_aws::Clock;
use doorward_change::WatchSettings;
use doorward_ledger::LeasedLedger;
use doorward_model::{SinkError, SinkFuture};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use doorward_outputs::DeliveryLedger;
use doorward_settings::variable::folder;

/// Where history is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSettings {
    /// Whether scans are recorded at all.
    pub(crate) enabled: bool,
    /// The file; by default `doorward/ledger.sqlite` in the XDG state folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathBuf>,
    /// Whether a network file system is accepted, where locks are unreliable.
    pub(crate) force_network: bool,
    /// How long raw scans are kept, in months. Mode changes and findings are kept for ever.
    pub(crate) keep_months: u32,
    /// Keys of load balancer tags to count by, besides owner and organizational unit.
    pub(crate) count_by_tags: Vec<String>,
    /// `policy.deadlines.longest_interval_hours`, by which observations are recorded.
    #[serde(skip)]
    pub(crate) longest_interval_hours: Option<u32>,
    /// `metrics.idle_days`.
    #[serde(skip)]
    pub(crate) idle_days: u32,
    /// `owners.cost_centre_tags`.
    #[serde(skip)]
    pub(crate) cost_centre_tags: Vec<String>,
    /// `change.watch`.
    #[serde(skip)]
    pub(crate) watch: Option<WatchSettings>,
}

impl LedgerSettings {
    /// How scans are recorded.
    pub(crate) fn recorder(&self) -> RecorderSettings {
        RecorderSettings {
            force_network: self.force_network,
            count_by_tags: self.count_by_tags.clone(),
            keep_months: self.keep_months,
            idle_days: self.idle_days,
            cost_centre_tags: self.cost_centre_tags.clone(),
            watch: self.watch.clone(),
            longest_interval: self.longest_interval_hours.map(|hours| Duration::from_hours(u64::from(hours))),
        }
    }

    /// Opens a ledger for writing.
    pub(crate) fn open(&self, path: &Path, clock: &Clock) -> Result<ScanRecorder, Failure> {
        Ok(ScanRecorder::open(path, self.recorder(), clock, crate::io::notices())?)
    }

    /// Opens the ledger, if scans are recorded and it exists. Of one that does not exist, only checks that it can be created, so that a
    /// scan that cannot start leaves none behind.
    pub(crate) fn open_existing(&self, clock: &Clock) -> Result<Option<ScanRecorder>, Failure> {
        if !self.enabled {
            return Ok(None);
        }
        let path = self.path()?;
        if path.exists() {
            return self.open(&path, clock).map(Some);
        }
        Ok(ScanRecorder::check_new(&path, &self.recorder(), clock).map(|()| None)?)
    }

    /// The ledger for outputs that remember their deliveries; none where nothing is recorded.
    pub(crate) fn for_deliveries(&self) -> Option<&dyn DeliveryLedger> {
        self.enabled.then_some(self)
    }

    /// The file: as set, else in the XDG state folder.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        let in_state = || {
            let home = || folder("HOME").map(|home| home.join(".local/state"));
            Some(folder("XDG_STATE_HOME").or_else(home)?.join("doorward/ledger.sqlite"))
        };
        self.path.clone().or_else(in_state).ok_or_else(|| {
            Failure::new(Exit::Usage, "no path for the ledger: HOME is not set to an absolute path; set HOME, or `ledger.path`, or scan with --no-ledger")
        })
    }
}

impl DeliveryLedger for LedgerSettings {
    fn open<'a>(&'a self, clock: &'a Clock) -> SinkFuture<'a, LeasedLedger> {
        Box::pin(async move {
            let failed = |problem: String| SinkError { sink: "ledger".to_owned(), problem };
            let path = self.path().map_err(|error| failed(error.to_string()))?;
            let recorder = LedgerSettings::open(self, &path, clock).map_err(|error| failed(error.to_string()))?;
            recorder.into_leased().await.map_err(|error| failed(error.to_string()))
        })
    }
}
