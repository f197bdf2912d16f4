//! Where history is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_assemble::{RecorderSettings, S3LedgerSettings, ScanRecorder, keep_ledgers_in_s3};
use doorward_aws::Clock;
use doorward_ledger::{LeasedLedger, is_shared};
use doorward_model::{SinkError, SinkFuture};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::sinks::DeliveryLedger;
use doorward_settings::variable::folder;

/// Where history is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSettings {
    /// Whether scans are recorded at all.
    pub(crate) enabled: bool,
    /// The file, or an object in S3 that several machines use (`s3://bucket/key`); by default `doorward/ledger.sqlite` in the XDG
    /// state folder.
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
}

impl LedgerSettings {
    /// Opens ledgers in S3 by these settings from here on.
    pub(crate) fn open_in_s3(&self, settings: &Settings) {
        let in_home = || folder("HOME").map(|home| home.join(".cache"));
        // In Lambda, no other folder can be written.
        let cache = folder("XDG_CACHE_HOME").or_else(in_home).unwrap_or_else(std::env::temp_dir).join("doorward");
        keep_ledgers_in_s3(S3LedgerSettings {
            access: settings.access.clone(),
            calls: settings.calls.clone(),
            files: settings.s3.clone(),
            cache,
            clock: crate::clock::system(),
        });
    }

    /// How scans are recorded.
    pub(crate) fn recorder(&self) -> RecorderSettings {
        RecorderSettings {
            force_network: self.force_network,
            count_by_tags: self.count_by_tags.clone(),
            keep_months: self.keep_months,
            idle_days: self.idle_days,
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
        // A new ledger in S3 is stored with its first change, which is a scan's record.
        if path.exists() || is_shared(&path) {
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
