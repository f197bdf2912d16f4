//! A scan's place in the ledger: the lease, the checkpoints, the record.
//!
//! The ledger's calls block for well under a millisecond each, so they are made where the cells arrive.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_core::Clock;
use doorward_core::discover::{Known, Plan};
use doorward_ledger::{LEASE_TTL, Lease, Ledger, LedgerError, OpenOptions, Recorded, RunHeader};
use doorward_model::{AccountId, Inventory, Region, RegionInventory, Run, ScanReport};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::past::Past;
use crate::settings::Settings;
use crate::touched::{self, Touched};

mod resume;

use resume::Kept;

/// Where history is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Keys of load balancer tags to count by, besides owner and unit.
    pub(crate) count_by_tags: Vec<String>,
}

impl LedgerSettings {
    /// The file: as set, else in the XDG state folder.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        let in_state = || {
            let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
            Some(state.or(home)?.join("doorward/ledger.sqlite"))
        };
        self.path.clone().or_else(in_state).ok_or_else(|| {
            Failure::new(Exit::Usage, "no place for the ledger: set HOME, or `ledger.path`, or scan with --no-ledger")
        })
    }
}

/// How often the lease is renewed: three times within its life.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);

/// The ledger of a scan under way.
pub(crate) struct Memory {
    ledger: Ledger,
    lease: Option<Lease>,
    clock: Clock,
    tags: Vec<String>,
    keep_months: u32,
    run: String,
}

/// What an earlier scan had brought before it stopped.
pub(crate) struct Before {
    /// The run that goes on.
    pub(crate) run: Run,
    /// Everything it had settled.
    pub(crate) cells: Vec<RegionInventory>,
}

impl Memory {
    /// Opens the ledger, before any scan work. None where it is switched off.
    pub(crate) fn open(settings: &LedgerSettings, clock: &Clock) -> Result<Option<Self>, Failure> {
        if !settings.enabled {
            return Ok(None);
        }
        Self::at(&settings.path()?, settings, clock).map(Some)
    }

    /// Opens a ledger for writing.
    pub(crate) fn at(path: &Path, settings: &LedgerSettings, clock: &Clock) -> Result<Self, Failure> {
        let ledger = Ledger::open(path, OpenOptions { force_network: settings.force_network }).map_err(preflight)?;
        let (tags, keep_months) = (settings.count_by_tags.clone(), settings.keep_months);
        Ok(Self { ledger, lease: None, clock: clock.clone(), tags, keep_months, run: String::new() })
    }

    /// What the newest scans found of their organizations.
    pub(crate) fn known(&self) -> Result<Vec<Known>, Failure> {
        let headers = self.ledger.newest_headers().map_err(failed)?;
        Ok(headers.into_iter().map(known_of).collect())
    }

    /// Takes the lease; waits while another scan holds it, and says so once.
    pub(crate) async fn wait_for_turn(&mut self) -> Result<(), Failure> {
        let owner = format!("process {}", std::process::id());
        let mut told = false;
        loop {
            match self.ledger.acquire_lease(&owner, (self.clock)(), LEASE_TTL) {
                Ok(lease) => {
                    self.lease = Some(lease);
                    return Ok(());
                }
                Err(held @ LedgerError::Held { .. }) => {
                    if !told {
                        let _ = writeln!(std::io::stderr(), "waiting: {held}");
                        told = true;
                    }
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Begins a run, or goes on with the one that was interrupted.
    pub(crate) fn begin(
        &mut self,
        run: &Run,
        plan: &Plan,
        settings: &Settings,
        resume: bool,
    ) -> Result<Option<Before>, Failure> {
        let (planned, shaping) = (identify_plan(plan), identify_settings(settings));
        let unfinished = self.ledger.unfinished_run().map_err(failed)?;
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
                return Ok(Some(Before { run: before.header.run.clone(), cells: before.cells.clone() }));
            }
            let _ = writeln!(std::io::stderr(), "{}", kept.notice(within));
            // Another run, because this one began when nothing of the other did that is kept: exceptions are judged by its begin.
            run.started = kept.earliest.map_or(run.started, |earliest| earliest.min(run.started));
            resumed = Some(kept.cells);
        }
        let lease = self.lease()?;
        let mut stale = unfinished;
        while let Some(old) = stale {
            // A new scan from the start makes an old half of one pointless.
            self.ledger.abandon_run(&lease, &old.header.run.id).map_err(failed)?;
            stale = self.ledger.unfinished_run().map_err(failed)?;
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
        self.ledger.begin_run(&lease, &header).map_err(failed)?;
        let Some(cells) = resumed else { return Ok(None) };
        cells.iter().try_for_each(|cell| self.keep(cell))?;
        Ok(Some(Before { run, cells }))
    }

    /// Keeps one settled account-Region.
    pub(crate) fn keep(&mut self, cell: &RegionInventory) -> Result<(), Failure> {
        let lease = self.lease()?;
        self.ledger.commit_cell(&lease, &self.run, cell).map(|_| ()).map_err(failed)
    }

    /// Extends the lease.
    pub(crate) fn renew(&mut self) -> Result<(), Failure> {
        let now = (self.clock)();
        match &mut self.lease {
            Some(lease) => self.ledger.renew_lease(lease, now, LEASE_TTL).map_err(failed),
            None => Ok(()),
        }
    }

    /// Ends the collecting. An interrupted scan stays open, to be resumed.
    pub(crate) fn collected(&mut self, inventory: &Inventory) -> Result<(), Failure> {
        if inventory.run.interrupted {
            return Ok(());
        }
        self.renew()?;
        let lease = self.lease()?;
        self.ledger.finish_run(&lease, inventory).map_err(failed)
    }

    /// Records the report, or only looks up what is remembered where the scan was interrupted; gives the lease back. What the ledger knows of
    /// earlier scans is for the sinks.
    pub(crate) fn record(mut self, report: &mut ScanReport) -> Result<Past, Failure> {
        if report.run.interrupted {
            self.ledger.remember(report).map_err(failed)?;
            let _ = writeln!(std::io::stderr(), "`doorward scan --resume` goes on where this scan was stopped");
        } else {
            self.renew()?;
            let lease = self.lease()?;
            let recorded = self.ledger.record(&lease, report, &self.tags).map_err(failed)?;
            tracing::info!(?recorded, "recorded");
            dated(&recorded);
            let pruned = self.ledger.prune(&lease, self.keep_months, (self.clock)()).map_err(failed)?;
            tracing::info!(scans = pruned.scans, before = %pruned.before, "raw scans dropped");
        }
        let past = Past::of(&self.ledger, &report.run.id).map_err(failed)?;
        if let Some(lease) = self.lease.take() {
            self.ledger.release_lease(lease).map_err(failed)?;
        }
        Ok(past)
    }

    /// Puts what events saw since a time in the place of what was read before: a scan that is resumed holds earlier readings.
    pub(crate) fn refresh(&self, cells: &mut [RegionInventory], since: Timestamp) -> Result<(), Failure> {
        let looks = self.ledger.looks_since(since, (self.clock)()).map_err(failed)?;
        touched::refresh(cells, looks);
        Ok(())
    }

    /// Who touched modes so far.
    pub(crate) fn touched(&self) -> Result<Touched, Failure> {
        Touched::of(&self.ledger)
    }

    /// The ledger with its lease, for who writes it in another way.
    pub(crate) fn into_parts(self) -> Result<(Ledger, Option<Lease>), Failure> {
        let lease = self.lease()?;
        Ok((self.ledger, Some(lease)))
    }

    fn lease(&self) -> Result<Lease, Failure> {
        let missing = || Failure::new(Exit::Internal, "the ledger is written without a lease");
        self.lease.clone().ok_or_else(missing)
    }
}

/// Names what the dates in the ledger say of clocks.
fn dated(recorded: &Recorded) {
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

/// What was planned: every account-Region, to be read or settled already.
fn identify_plan(plan: &Plan) -> String {
    let targets = plan.targets.iter().map(|target| (&target.place.account, Some(&target.place.region)));
    let settled = plan.settled.iter().map(|cell| (&cell.account, cell.region.as_ref()));
    let places: BTreeSet<(&AccountId, Option<&Region>)> = targets.chain(settled).collect();
    let mut hasher = DefaultHasher::new();
    for (account, region) in &places {
        (account.as_str(), region.map(Region::as_str)).hash(&mut hasher);
    }
    format!("{} account-Regions, {:016x}", places.len(), hasher.finish())
}

/// The settings that shape what is read; what is demanded of it can change between a stop and a resume.
pub(crate) fn identify_settings(settings: &Settings) -> String {
    let shaping = (&settings.scope, &settings.regions, &settings.collect, &settings.owner.account_tags);
    let mut hasher = DefaultHasher::new();
    format!("{shaping:?}").hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What the newest scans found of their organizations, for a look ahead. A ledger that cannot be read knows nothing; recording
/// a scan in it says why.
pub(crate) fn known_ahead(settings: &LedgerSettings) -> Vec<Known> {
    let path = settings.path().ok().filter(|path| settings.enabled && path.exists());
    let headers = path.and_then(|path| Ledger::open_read_only(&path).ok()?.newest_headers().ok());
    headers.into_iter().flatten().map(known_of).collect()
}

fn known_of(header: RunHeader) -> Known {
    Known { organization: header.organization, accounts: header.accounts }
}

/// The ledger for commands that only read it.
pub(crate) fn read_only(path: &Path) -> Result<Ledger, Failure> {
    Ledger::open_read_only(path).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

fn preflight(error: LedgerError) -> Failure {
    Failure::new(Exit::Preflight, format!("{error}; or scan without history: --no-ledger"))
}

/// The ledger did not accept what it was given.
pub(crate) fn failed(error: LedgerError) -> Failure {
    Failure::new(Exit::Sink, error.to_string())
}
