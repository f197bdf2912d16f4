//! The recorder of a running scan: its lease on the ledger, its checkpoints, its record.
//!
//! The ledger's calls block for well under a millisecond each, so they are made where the cells arrive.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use doorward_core::Clock;
use doorward_core::discover::{Known, Plan};
use doorward_core::pipeline::apply_later_readings;
use doorward_ledger::{LEASE_TTL, Lease, Ledger, LedgerError, OpenOptions, Recorded, RunHeader};
use doorward_model::{
    AccountId, HistoryContext, Inputs, Inventory, Region, RegionInventory, Run, ScanHistory, ScanReport, sha256_hex,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::settings::{LedgerSettings, Settings};
use crate::{attribution, history_context};

mod resume;

use resume::Kept;

/// How often the lease is renewed: three times within its life.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);

/// The ledger of a running scan.
pub(crate) struct ScanRecorder {
    ledger: Ledger,
    lease: Option<Lease>,
    clock: Clock,
    tags: Vec<String>,
    keep_months: u32,
    run: String,
}

/// The part of an interrupted scan that a resumed scan keeps.
pub(crate) struct Resumed {
    /// The run that continues.
    pub(crate) run: Run,
    /// The account-Regions that need not be read again.
    pub(crate) cells: Vec<RegionInventory>,
}

/// What recording a scan gave.
pub(crate) struct Recording {
    /// The history of its findings.
    pub(crate) history: ScanHistory,
    /// The earlier scans.
    pub(crate) context: HistoryContext,
    /// Whether the scan is recorded.
    pub(crate) outcome: Result<(), Failure>,
}

impl Default for Recording {
    fn default() -> Self {
        Self { history: ScanHistory::default(), context: HistoryContext::default(), outcome: Ok(()) }
    }
}

impl ScanRecorder {
    /// Opens the ledger, before any scan work. None where it is switched off.
    pub(crate) fn open(settings: &LedgerSettings, clock: &Clock) -> Result<Option<Self>, Failure> {
        if !settings.enabled {
            return Ok(None);
        }
        Self::at(&settings.path()?, settings, clock).map(Some)
    }

    /// The same for a ledger that exists. Of one that does not, only checks that it can be created.
    pub(crate) fn open_existing(settings: &LedgerSettings, clock: &Clock) -> Result<Option<Self>, Failure> {
        if settings.enabled && !settings.path()?.exists() {
            let options = OpenOptions { force_network: settings.force_network };
            return Ledger::preflight(&settings.path()?, options, clock()).map(|_| None).map_err(preflight);
        }
        Self::open(settings, clock)
    }

    /// Opens a ledger for writing.
    pub(crate) fn at(path: &Path, settings: &LedgerSettings, clock: &Clock) -> Result<Self, Failure> {
        let ledger = Ledger::open(path, OpenOptions { force_network: settings.force_network }).map_err(preflight)?;
        let (tags, keep_months) = (settings.count_by_tags.clone(), settings.keep_months);
        Ok(Self { ledger, lease: None, clock: clock.clone(), tags, keep_months, run: String::new() })
    }

    /// The organizations of the newest scans.
    pub(crate) fn known(&self) -> Result<Vec<Known>, Failure> {
        let headers = self.ledger.newest_headers()?;
        Ok(headers.into_iter().map(known_of).collect())
    }

    /// Takes the lease. Waits while another process holds it, and says so once on stderr.
    pub(crate) async fn wait_for_turn(&mut self) -> Result<(), Failure> {
        let owner = format!("process {}", std::process::id());
        let mut announced = false;
        loop {
            match self.ledger.acquire_lease(&owner, (self.clock)(), LEASE_TTL) {
                Ok(lease) => {
                    self.lease = Some(lease);
                    return Ok(());
                }
                Err(held @ LedgerError::Held { .. }) => {
                    if !announced {
                        let _ = writeln!(std::io::stderr(), "waiting: {held}");
                        announced = true;
                    }
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins a run, or continues the interrupted one.
    pub(crate) fn begin(
        &mut self,
        run: &Run,
        plan: &Plan,
        settings: &Settings,
        resume: bool,
    ) -> Result<Option<Resumed>, Failure> {
        let (planned, shaping) = (identify_plan(plan), identify_settings(settings));
        let unfinished = self.ledger.unfinished_run()?;
        let mut run = run.clone();
        let mut resumed = None;
        if resume {
            let usage = |problem: &str| Failure::new(Exit::Usage, problem);
            let before =
                unfinished.as_ref().ok_or_else(|| usage("there is no interrupted scan in the ledger to resume"))?;
            if (&before.header.plan, &before.header.settings) != (&planned, &shaping) {
                return Err(usage(
                    "the organization, the scope or the settings changed since the interrupted scan; scan again without --resume",
                ));
            }
            let (now, within) = ((self.clock)(), settings.scan.resume_within());
            let kept = Kept::of(before.cells.clone(), &before.header.run, within, now);
            if kept.old == 0 && resume::is_current(before.header.run.started, within, now) {
                self.run.clone_from(&before.header.run.id);
                return Ok(Some(Resumed { run: before.header.run.clone(), cells: before.cells.clone() }));
            }
            let _ = writeln!(std::io::stderr(), "{}", kept.notice(within));
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
        let header = RunHeader {
            run: run.clone(),
            organization: plan.organization.clone(),
            accounts: plan.accounts.clone(),
            accounts_listing: plan.accounts_listing.clone(),
            plan: planned,
            settings: shaping,
        };
        self.run.clone_from(&run.id);
        self.ledger.begin_run(&lease, &header)?;
        let Some(cells) = resumed else { return Ok(None) };
        cells.iter().try_for_each(|cell| self.keep(cell))?;
        Ok(Some(Resumed { run, cells }))
    }

    /// Stores one settled account-Region as a checkpoint.
    pub(crate) fn keep(&mut self, cell: &RegionInventory) -> Result<(), Failure> {
        let lease = self.lease()?;
        self.ledger.commit_cell(&lease, &self.run, cell)?;
        Ok(())
    }

    /// Renews the lease.
    pub(crate) fn renew(&mut self) -> Result<(), Failure> {
        let now = (self.clock)();
        match &mut self.lease {
            Some(lease) => self.ledger.renew_lease(lease, now, LEASE_TTL).map_err(Failure::from),
            None => Ok(()),
        }
    }

    /// Ends collecting. An interrupted scan stays open, so that it can be resumed.
    pub(crate) fn collected(&mut self, inventory: &Inventory) -> Result<(), Failure> {
        if inventory.run.interrupted {
            return Ok(());
        }
        self.renew()?;
        let lease = self.lease()?;
        self.ledger.finish_run(&lease, inventory).map_err(Failure::from)
    }

    /// Records a judged scan, or only looks up its history where the scan was interrupted, and releases the lease. A scan that could
    /// not be recorded is still reported, with the history that was read by then.
    pub(crate) fn record(mut self, scan: &ScanReport) -> Recording {
        let mut recording = Recording::default();
        recording.outcome = self.record_into(scan, &mut recording.history, &mut recording.context);
        recording
    }

    fn record_into(
        &mut self,
        scan: &ScanReport,
        history: &mut ScanHistory,
        context: &mut HistoryContext,
    ) -> Result<(), Failure> {
        if scan.run.interrupted {
            *history = self.ledger.remember(scan)?;
            let _ = writeln!(std::io::stderr(), "`doorward scan --resume` continues this scan");
        } else {
            self.renew()?;
            let lease = self.lease()?;
            let (recorded, of_scan) = self.ledger.record(&lease, scan, &self.tags)?;
            *history = of_scan;
            tracing::info!(?recorded, "recorded");
            warn_of_dates(&recorded);
            let pruned = self.ledger.prune(&lease, self.keep_months, (self.clock)())?;
            tracing::info!(scans = pruned.scans, before = %pruned.before, "raw scans dropped");
        }
        *context = history_context::known(&self.ledger, &scan.run.id)?;
        if let Some(lease) = self.lease.take() {
            self.ledger.release_lease(lease)?;
        }
        Ok(())
    }

    /// Replaces readings by those that events caused since a time: a scan that is resumed holds earlier ones.
    pub(crate) fn apply_events_since(&self, since: Timestamp, cells: &mut [RegionInventory]) -> Result<(), Failure> {
        apply_later_readings(cells, self.ledger.looks_since(since, (self.clock)())?);
        Ok(())
    }

    /// Who set modes, as far as is recorded by now.
    pub(crate) fn attribution(&self) -> Result<Inputs, Failure> {
        attribution::known(&self.ledger)
    }

    /// The ledger and its lease, to write it in another way.
    pub(crate) fn into_parts(self) -> Result<(Ledger, Option<Lease>), Failure> {
        let lease = self.lease()?;
        Ok((self.ledger, Some(lease)))
    }

    fn lease(&self) -> Result<Lease, Failure> {
        let missing = || Failure::new(Exit::Internal, "the ledger is written without a lease");
        self.lease.clone().ok_or_else(missing)
    }
}

/// Warns of dates in the ledger that only a wrong clock explains.
fn warn_of_dates(recorded: &Recorded) {
    if let Some(latest) = recorded.latest_ahead {
        let _ = writeln!(
            std::io::stderr(),
            "warning: {} account-Regions or load balancers were last recorded with a date in the future, up to {latest}: the clock of \
             the machine that recorded them was ahead. What this scan read counts as later.",
            recorded.ahead
        );
    }
    if recorded.late > 0 {
        let _ = writeln!(
            std::io::stderr(),
            "warning: of {} account-Regions the ledger holds a later reading than this scan's, and keeps it; if no other scan ran \
             meanwhile, this machine's clock is behind.",
            recorded.late
        );
    }
}

/// Identifies a plan by its account-Regions: those to read and those that are settled without reading.
fn identify_plan(plan: &Plan) -> String {
    let targets = plan.targets.iter().map(|target| (&target.place.account, Some(&target.place.region)));
    let settled = plan.settled.iter().map(|cell| (&cell.account, cell.region.as_ref()));
    let places: BTreeSet<(&AccountId, Option<&Region>)> = targets.chain(settled).collect();
    format!("{} account-Regions, {}", places.len(), fingerprint(&places))
}

/// Identifies the settings that decide what is read. Requirements may change between a stop and a resume.
pub(crate) fn identify_settings(settings: &Settings) -> String {
    fingerprint(&(&settings.scope, &settings.regions, &settings.collect, &settings.owner.account_tags))
}

/// The SHA-256 of a value's canonical JSON: object keys are sorted, so that the order of fields in the code does not matter.
fn fingerprint(value: &impl Serialize) -> String {
    // A value that JSON cannot hold equals no other value: a scan is then never resumed by mistake.
    serde_json::to_value(value)
        .map_or_else(|error| format!("not serializable: {error}"), |value| sha256_hex(value.to_string().as_bytes()))
}

/// The organizations of the newest scans, for the doctor. A ledger that cannot be read gives none: recording a scan reports why.
pub(crate) fn known_ahead(settings: &LedgerSettings) -> Vec<Known> {
    let path = settings.path().ok().filter(|path| settings.enabled && path.exists());
    let headers = path.and_then(|path| Ledger::open_read_only(&path).ok()?.newest_headers().ok());
    headers.into_iter().flatten().map(known_of).collect()
}

fn known_of(header: RunHeader) -> Known {
    Known { organization: header.organization, accounts: header.accounts }
}

fn preflight(error: LedgerError) -> Failure {
    Failure::new(Exit::Preflight, format!("{error}; or scan without history: --no-ledger"))
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
