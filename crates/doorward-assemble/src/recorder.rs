//! The recorder of a running scan: its lease on the ledger, its checkpoints, its record.
//!
//! The ledger's calls block for well under a millisecond each, so they are made where the cells arrive.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward_aws::Clock;
use doorward_change::WatchSettings;
use doorward_core::discover::{KnownOrganization, ScanPlan};
use doorward_core::pipeline::apply_later_readings;
use doorward_ledger::{Lease, LeasedLedger, Ledger, LedgerError, OpenOptions, Recorded, RunHeader};
use doorward_model::{
    AccountId, HistoryContext, Inputs, Inventory, Region, RegionInventory, Run, ScanHistory, ScanReport, sha256_hex,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{AssembleError, attribution, earlier_scans};

mod merged;
mod resume;
mod turn;

pub use merged::KnownAhead;
use resume::Kept;

/// How often the lease is renewed: three times within its life.
pub const RENEWAL: Duration = Duration::from_secs(10);

/// Where notices for the user go, one line each.
pub type Notices = Arc<dyn Fn(&str) + Send + Sync>;

/// How scans are recorded.
#[derive(Debug, Clone, Default)]
pub struct RecorderSettings {
    /// Whether a network file system is accepted.
    pub force_network: bool,
    /// Keys of load balancer tags to count by.
    pub count_by_tags: Vec<String>,
    /// How long raw scans are kept, in months.
    pub keep_months: u32,
    /// The longest time between two observations of a failure that counts as observed; by default that of the ledger.
    pub longest_interval: Option<Duration>,
    /// The days without traffic after which a load balancer is idle.
    pub idle_days: u32,
    /// Tag keys that name a cost centre, in order: scans are counted by it too.
    pub cost_centre_tags: Vec<String>,
    /// How the effects of changes are judged; without it they are not.
    pub watch: Option<WatchSettings>,
}

impl RecorderSettings {
    /// The groupings of counts, besides owner and organizational unit.
    pub fn dimensions(&self) -> Vec<String> {
        self.count_by_tags.iter().cloned().chain(self.cost_centre()).collect()
    }

    /// The dimension of cost centres; none where no tag names one. Keys between bars are alternatives, and no tag key contains a bar.
    pub fn cost_centre(&self) -> Option<String> {
        (!self.cost_centre_tags.is_empty()).then(|| self.cost_centre_tags.join("|"))
    }
}

/// How a run begins.
#[derive(Debug, Clone)]
pub struct Begin {
    /// Identifies the settings that decide what is read: [`fingerprint`] of them.
    pub settings: String,
    /// The maximum age of a reading that a resumed scan keeps; absent if the scan is not to resume an interrupted one.
    pub resume_within: Option<Duration>,
}

/// The ledger of a running scan.
pub struct ScanRecorder {
    ledger: Ledger,
    lease: Option<Lease>,
    clock: Clock,
    settings: RecorderSettings,
    notices: Notices,
    run: String,
    /// The begin of a scan that is recorded at its end only: one with a shared ledger, so that events go on being recorded while it
    /// reads.
    begun: Option<RunHeader>,
}

/// The part of an interrupted scan that a resumed scan keeps.
pub struct Resumed {
    /// The run that continues.
    pub run: Run,
    /// The account-Regions that need not be read again.
    pub cells: Vec<RegionInventory>,
}

/// The result of recording a scan.
pub struct Recording {
    /// The history of its findings.
    pub history: ScanHistory,
    /// The earlier scans.
    pub context: HistoryContext,
    /// Whether the scan is recorded.
    pub outcome: Result<(), AssembleError>,
}

impl Default for Recording {
    fn default() -> Self {
        Self { history: ScanHistory::default(), context: HistoryContext::default(), outcome: Ok(()) }
    }
}

impl ScanRecorder {
    /// Opens a ledger for writing.
    ///
    /// # Errors
    /// [`AssembleError::Open`].
    pub fn open(
        path: &Path,
        settings: RecorderSettings,
        clock: &Clock,
        notices: Notices,
    ) -> Result<Self, AssembleError> {
        let options = OpenOptions { force_network: settings.force_network };
        let mut ledger = Ledger::open(path, options).map_err(AssembleError::Open)?;
        if let Some(longest) = settings.longest_interval {
            ledger.set_longest_interval(longest);
        }
        Ok(Self { ledger, lease: None, clock: clock.clone(), settings, notices, run: String::new(), begun: None })
    }

    /// Checks that a ledger that does not exist can be created. Creates none.
    ///
    /// # Errors
    /// [`AssembleError::Open`].
    pub fn check_new(path: &Path, settings: &RecorderSettings, clock: &Clock) -> Result<(), AssembleError> {
        let options = OpenOptions { force_network: settings.force_network };
        Ledger::preflight(path, options, clock()).map(drop).map_err(AssembleError::Open)
    }

    /// The organizations of the newest scans.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn known(&self) -> Result<Vec<KnownOrganization>, AssembleError> {
        let headers = self.ledger.newest_headers()?;
        Ok(headers.into_iter().map(known_of).collect())
    }

    /// Begins a run, or continues the interrupted one.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn begin(&mut self, run: &Run, plan: &ScanPlan, begin: &Begin) -> Result<Option<Resumed>, AssembleError> {
        let (planned, shaping) = (identify_plan(plan), begin.settings.clone());
        if self.ledger.is_shared() {
            if begin.resume_within.is_some() {
                return Err(AssembleError::NoCheckpoints);
            }
            self.run.clone_from(&run.id);
            self.begun = Some(header_of(run.clone(), plan, planned, shaping));
            return Ok(None);
        }
        let unfinished = self.ledger.unfinished_run()?;
        let mut run = run.clone();
        let mut resumed = None;
        if let Some(within) = begin.resume_within {
            let before = unfinished.as_ref().ok_or(AssembleError::NothingToResume)?;
            if (&before.header.plan, &before.header.settings) != (&planned, &shaping) {
                return Err(AssembleError::ResumeChanged);
            }
            let now = (self.clock)();
            let kept = Kept::of(before.cells.clone(), &before.header.run, within, now);
            if kept.old == 0 && resume::is_current(before.header.run.started, within, now) {
                self.run.clone_from(&before.header.run.id);
                return Ok(Some(Resumed { run: before.header.run.clone(), cells: before.cells.clone() }));
            }
            (self.notices)(&kept.notice(within));
            // A new run with the begin of the earliest reading that is kept: exceptions are judged as of the begin.
            run.started = kept.earliest.map_or(run.started, |earliest| earliest.min(run.started));
            resumed = Some(kept.cells);
        }
        let lease = self.lease()?;
        let mut stale = unfinished;
        while let Some(old) = stale {
            // A new scan makes an unfinished older one useless.
            self.ledger.abandon_run(&lease, &old.header.run.id)?;
            stale = self.ledger.unfinished_run()?;
        }
        let header = header_of(run.clone(), plan, planned, shaping);
        self.run.clone_from(&run.id);
        self.ledger.begin_run(&lease, &header)?;
        let Some(cells) = resumed else { return Ok(None) };
        cells.iter().try_for_each(|cell| self.keep(cell))?;
        Ok(Some(Resumed { run, cells }))
    }

    /// Stores one settled account-Region as a checkpoint.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn keep(&mut self, cell: &RegionInventory) -> Result<(), AssembleError> {
        if self.begun.is_some() {
            return Ok(());
        }
        let lease = self.lease()?;
        self.ledger.commit_cell(&lease, &self.run, cell)?;
        Ok(())
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn renew(&mut self) -> Result<(), AssembleError> {
        let now = (self.clock)();
        match &mut self.lease {
            Some(lease) => self.ledger.renew_lease(lease, now, self.ledger.lease_ttl()).map_err(AssembleError::from),
            None => Ok(()),
        }
    }

    /// Ends collecting. An interrupted scan stays open, so that it can be resumed.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn collected(&mut self, inventory: &Inventory) -> Result<(), AssembleError> {
        if inventory.run.interrupted {
            return Ok(());
        }
        self.renew()?;
        let lease = self.lease()?;
        let Some(header) = &self.begun else {
            return self.ledger.finish_run(&lease, inventory).map_err(AssembleError::from);
        };
        let kept = self.ledger.together(|ledger| {
            // What a scan left that was ended before it was recorded.
            while let Some(old) = ledger.unfinished_run()? {
                ledger.abandon_run(&lease, &old.header.run.id)?;
            }
            ledger.begin_run(&lease, header)?;
            ledger.finish_run(&lease, inventory)
        });
        kept.map_err(AssembleError::from)
    }

    /// Records a judged scan, or only looks up its history where the scan was interrupted, and releases the lease. A scan that could
    /// not be recorded is still reported, with the history that was read by then.
    pub fn record(mut self, scan: &ScanReport) -> Recording {
        let mut recording = Recording::default();
        recording.outcome = self.record_into(scan, &mut recording.history, &mut recording.context);
        recording
    }

    fn record_into(
        &mut self,
        scan: &ScanReport,
        history: &mut ScanHistory,
        context: &mut HistoryContext,
    ) -> Result<(), AssembleError> {
        if scan.run.interrupted {
            *history = self.ledger.remember(scan)?;
            // A merged scan with missing parts was never begun here: its shards are repeated, and it is not resumed.
            if self.ledger.is_shared() {
                (self.notices)("this scan is not recorded, and cannot be resumed: a ledger in S3 keeps no checkpoints");
            } else if !self.run.is_empty() {
                (self.notices)("`doorward scan --resume` continues this scan");
            }
        } else {
            self.renew()?;
            let (lease, now) = (self.lease()?, (self.clock)());
            let Self { ledger, settings, .. } = self;
            let dimensions = settings.dimensions();
            let (recorded, of_scan, pruned) = ledger.together(|ledger| {
                let (recorded, of_scan) = ledger.record(&lease, scan, &dimensions)?;
                let pruned = ledger.prune(&lease, settings.keep_months, now)?;
                if ledger.is_shared() {
                    ledger.release_lease(lease.clone())?;
                }
                Ok((recorded, of_scan, pruned))
            })?;
            *history = of_scan;
            tracing::info!(?recorded, "recorded");
            if recorded.already {
                (self.notices)(&format!("run {} is already recorded; the ledger keeps that record", scan.run.id));
            }
            warn_of_dates(&recorded, &self.notices);
            tracing::info!(scans = pruned.scans, before = %pruned.before, "raw scans dropped");
        }
        *context = earlier_scans::known(&self.ledger, scan, &self.settings)?;
        if let Some(lease) = self.lease.take() {
            // Without effect where it was released with the record.
            self.ledger.release_lease(lease)?;
        }
        Ok(())
    }

    /// Replaces readings by those that events caused since a time: a scan that is resumed holds earlier ones.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn apply_events_since(&self, since: Timestamp, cells: &mut [RegionInventory]) -> Result<(), AssembleError> {
        apply_later_readings(cells, self.ledger.looks_since(since, (self.clock)())?);
        Ok(())
    }

    /// Who set modes and how much load balancers were used, as far as is recorded by now.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub fn attribution(&self) -> Result<Inputs, AssembleError> {
        let mut inputs = attribution::known(&self.ledger)?;
        inputs.usage = crate::ledger_usage::known(&self.ledger, (self.clock)(), self.settings.idle_days)?;
        Ok(inputs)
    }

    /// Waits for the lease, and gives the ledger to what writes it in another way than as a scan.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn into_leased(mut self) -> Result<LeasedLedger, AssembleError> {
        self.wait_for_turn().await?;
        let lease = self.lease()?;
        Ok(LeasedLedger::writing(self.ledger, lease, self.clock))
    }

    fn lease(&self) -> Result<Lease, LedgerError> {
        self.lease.clone().ok_or_else(|| LedgerError::NoLease { path: self.ledger.path().to_owned() })
    }
}

fn header_of(run: Run, plan: &ScanPlan, planned: String, settings: String) -> RunHeader {
    RunHeader {
        run,
        organization: plan.organization.clone(),
        accounts: plan.accounts.clone(),
        accounts_listing: plan.accounts_listing.clone(),
        plan: planned,
        settings,
    }
}

/// Warns of dates in the ledger that only a wrong clock explains.
fn warn_of_dates(recorded: &Recorded, notices: &Notices) {
    if let Some(latest) = recorded.latest_ahead {
        notices(&format!(
            "warning: {} account-Regions or load balancers were last recorded with a date in the future, up to {latest}: the clock of \
             the machine that recorded them was ahead. The readings of this scan count as later.",
            recorded.ahead
        ));
    }
    if recorded.late > 0 {
        notices(&format!(
            "warning: for {} account-Regions, the ledger contains a later reading than this scan's and keeps it; if \
             no other scan ran in the meantime, this machine's clock is behind.",
            recorded.late
        ));
    }
}

/// Identifies a plan by its account-Regions: those to read and those that are settled without reading.
fn identify_plan(plan: &ScanPlan) -> String {
    let targets = plan.targets.iter().map(|target| (&target.place.account, Some(&target.place.region)));
    let settled = plan.settled.iter().map(|cell| (&cell.account, cell.region.as_ref()));
    let places: BTreeSet<(&AccountId, Option<&Region>)> = targets.chain(settled).collect();
    format!("{} account-Regions, {}", places.len(), fingerprint(&places))
}

/// The SHA-256 of a value's canonical JSON: object keys are sorted, so that the order of fields in the code does not matter.
pub fn fingerprint(value: &impl Serialize) -> String {
    // A value that JSON cannot hold equals no other value: a scan is then never resumed by mistake.
    serde_json::to_value(value)
        .map_or_else(|error| format!("not serializable: {error}"), |value| sha256_hex(value.to_string().as_bytes()))
}

/// The organizations of the newest scans of a ledger. One that cannot be read gives none: recording a scan reports why.
pub fn known_ahead(path: &Path) -> Vec<KnownOrganization> {
    let headers = Ledger::open_read_only(path).ok().and_then(|ledger| ledger.newest_headers().ok());
    headers.into_iter().flatten().map(known_of).collect()
}

fn known_of(header: RunHeader) -> KnownOrganization {
    KnownOrganization { organization: header.organization, accounts: header.accounts }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fingerprint_depends_on_values_and_not_on_the_order_of_keys() {
        let one = fingerprint(&json!({"b": [1, 2], "a": {"y": null, "x": "text"}}));
        assert_eq!(one, fingerprint(&json!({"a": {"x": "text", "y": null}, "b": [1, 2]})));
        assert_ne!(one, fingerprint(&json!({"a": {"x": "text", "y": null}, "b": [2, 1]})));
        // Stored in ledgers: it must not change from one version to the next.
        assert_eq!(one, "38574d7d81f9ba63e7881423f45ba559424697ab272489f78dae0a66a673463d");
    }
}
