//! `doorward doctor`: what a scan, traffic and publishing would leave unread, and what would mend it. It reads only.
//!
//! It enters accounts, lists Regions and reads load balancers by the scan's own code, so that what it foretells comes about as
//! the scan's coverage does.

use std::sync::Arc;

use doorward_core::access::Access;
use doorward_core::collect::{beyond, rehearse, tried};
use doorward_core::normalize::Normalized;
use doorward_core::{Clock, Stop, discover, normalize};
use doorward_ledger::{Ledger, OpenOptions, Prospect};
use doorward_model::{Account, AccountId, Cell, CoverageStatus, Inventory, Run};
use futures::StreamExt as _;
use jiff::Timestamp;

use crate::cli::{Cli, DoctorArguments, ListFormat, Part};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::io::runtime;
use crate::progress::Progress;
use crate::scan::{run_of, unmatched_units};
use crate::scan_recorder;
use crate::settings::Settings;
use crate::signals;

mod causes;
mod hubs;
mod mend;
mod missing;
mod tell;
mod traffic;

use missing::{Missing, Stage};

/// Bytes that a ledger may need for a scan: the first one of 50,000 load balancers takes about a third of it.
const ROOM: u64 = 200_000_000;

/// Seconds by which a clock may be wrong before it is worth a word; AWS refuses requests from 300 on.
const CLOCK: u64 = 30;

/// Accounts, hubs or buckets that are asked at once.
const AT_ONCE: usize = 32;

/// Everything that was found out.
struct Diagnosis {
    at: Timestamp,
    /// What a scan would come to, in its own words.
    scan: Normalized,
    /// Load balancers that can parse HTTP, and how many of them were read in detail.
    balancers: (usize, usize),
    /// Hubs that findings would go to, where they were looked for.
    hubs: Option<usize>,
    /// Log buckets, and places with metrics, where they were looked for.
    traffic: Option<traffic::Tried>,
    /// What is missing, in the order of what it is missing for.
    missing: Vec<Missing>,
    /// Where a scan would be recorded; none where it would not be.
    ledger: Option<Result<Prospect, String>>,
    requests: u64,
    seconds: i64,
}

/// Runs `doorward doctor`.
pub(crate) fn run(cli: &Cli, arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    // A register that cannot be read stops a scan before it starts.
    settings.exceptions.read()?.register()?;
    let clock: Clock = crate::clock::system();
    let ledger = foresee(&settings, &clock)?;
    let (diagnosis, stopped) = runtime()?.block_on(examine(cli, arguments, &settings, clock, ledger))?;
    let exit = stopped.unwrap_or_else(|| diagnosis.exit());
    match arguments.format {
        ListFormat::Table => {
            let text = tell::table(&diagnosis, exit, cli.colour_on_stdout());
            answer(&text)?;
        }
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&tell::json(&diagnosis, exit));
            answer(&(text.map_err(|e| Failure::new(Exit::Internal, e.to_string()))? + "\n"))?;
        }
    }
    Ok(exit)
}

/// What recording a scan would meet.
fn foresee(settings: &Settings, clock: &Clock) -> Result<Option<Result<Prospect, String>>, Failure> {
    if !settings.ledger.enabled {
        return Ok(None);
    }
    let options = OpenOptions { force_network: settings.ledger.force_network };
    let prospect = Ledger::foresee(&settings.ledger.path()?, options, clock());
    Ok(Some(prospect.map_err(|error| error.to_string())))
}

/// Asks AWS. The exit code is that of the signal that kept it from asking everything, if one did.
async fn examine(
    cli: &Cli,
    arguments: &DoctorArguments,
    settings: &Settings,
    clock: Clock,
    ledger: Option<Result<Prospect, String>>,
) -> Result<(Diagnosis, Option<Exit>), Failure> {
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let started = clock();
    let access = Access::connect(settings.access.clone(), settings.calls.clone(), clock.clone(), None, &stop);
    let access = Arc::new(access.await.map_err(|error| signal.or(error.into()))?);
    let looked = look(cli, arguments, settings, &access, &stop, started).await;
    let (scan, spare, interrupted) = looked.map_err(|failure| signal.or(failure))?;

    let mut missing = missing::of_scan(&scan, &access);
    missing.extend(spare);
    let balancers = counted(&scan);
    let mut diagnosis =
        Diagnosis { at: started, scan, balancers, hubs: None, traffic: None, missing, ledger, requests: 0, seconds: 0 };
    let traffic = async {
        if !arguments.wants(Part::Traffic) {
            return None;
        }
        Some(traffic::look(settings, &access, &diagnosis.scan, &stop, &clock).await)
    };
    let hubs = async {
        if !arguments.wants(Part::Publish) {
            return None;
        }
        Some(hubs::look(settings, &access, &diagnosis.scan, &stop, &clock).await)
    };
    let (traffic, hubs) = tokio::join!(traffic, hubs);
    if let Some((tried, more)) = traffic {
        diagnosis.traffic = Some(tried);
        diagnosis.missing.extend(more);
    }
    if let Some((tried, more)) = hubs {
        diagnosis.hubs = Some(tried);
        diagnosis.missing.extend(more);
    }
    if !arguments.wants(Part::Scan) {
        diagnosis.missing.retain(|missing| !matches!(missing.stage, Stage::Scan | Stage::Spare));
    }
    diagnosis.requests = access.requests();
    diagnosis.seconds = clock().duration_since(started).as_secs();
    Ok((diagnosis, signal.exit().filter(|_| interrupted || stop.is_stopped())))
}

/// Rehearses the scan, and asks for what it had no reason to ask for.
async fn look(
    cli: &Cli,
    arguments: &DoctorArguments,
    settings: &Settings,
    access: &Access,
    stop: &Stop,
    started: Timestamp,
) -> Result<(Normalized, Vec<Missing>, bool), Failure> {
    let progress = Progress::start("accounts entered", cli.quiet);
    let known = scan_recorder::known_ahead(&settings.ledger);
    let plan = discover(access, &settings.discover(), &known, stop, &|done, all| progress.at(done, all)).await;
    progress.finish();
    let plan = plan?;
    unmatched_units(settings, &plan.accounts);

    let targets = plan.targets.clone();
    let progress = Progress::start("account-Regions tried", cli.quiet);
    let mut cells = plan.settled;
    let all = plan.targets.len();
    {
        let mut stream = std::pin::pin!(rehearse(access, settings.collect, plan.targets, stop));
        for done in 1.. {
            let Some(cell) = stream.next().await else { break };
            cells.push(cell);
            progress.at(done, all);
        }
    }
    progress.finish();
    let interrupted = cells.iter().any(|cell| stop.left_out(cell));
    let spare = if arguments.wants(Part::Scan) && !interrupted {
        spare(settings, access, &plan.accounts, &cells, &targets, stop).await
    } else {
        Vec::new()
    };
    let run = Run { id: "doctor".to_owned(), interrupted, ..run_of(access, started) };
    let (organization, accounts, accounts_listing) = (plan.organization, plan.accounts, plan.accounts_listing);
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    Ok((normalize(inventory, &settings.normalize()), spare, interrupted))
}

/// Permissions that nothing needs today, asked for once in every account in which everything else is well.
async fn spare(
    settings: &Settings,
    access: &Access,
    accounts: &[Account],
    cells: &[Cell],
    targets: &[doorward_core::discover::Target],
    stop: &Stop,
) -> Vec<Missing> {
    let asked = accounts.iter().filter_map(|account| {
        let own = || cells.iter().filter(|cell| cell.account == account.id);
        let listed = own().find(|cell| cell.listing.is_full() && cell.region.is_some())?;
        let target = targets.iter().find(|target| {
            target.place.account == account.id && Some(&target.place.region) == listed.region.as_ref()
        })?;
        Some((account, target, own().flat_map(tried).collect()))
    });
    let asked: Vec<_> = asked.collect();
    let answers = futures::stream::iter(asked).map(|(account, target, seen)| async move {
        let gaps = beyond(access, settings.collect, target, &seen, stop).await;
        gaps.into_iter().map(move |gap| missing::spare(access, account, target, gap)).collect::<Vec<_>>()
    });
    answers.buffered(AT_ONCE).concat().await
}

/// How many load balancers there are, and how many were read in detail.
fn counted(scan: &Normalized) -> (usize, usize) {
    let can = || scan.load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
    let unasked = |gap: &std::sync::Arc<doorward_model::Gap>| gap.reason == doorward_model::GapReason::NotAsked;
    (can().count(), can().filter(|lb| !lb.attributes.gap().is_some_and(unasked)).count())
}

impl Diagnosis {
    /// 6 where a scan would not start, 4 where something would stay unread, else 0.
    fn exit(&self) -> Exit {
        let in_scope = self.scan.coverage.lines.iter().any(|line| line.status != CoverageStatus::Skipped);
        if self.ledger_trouble().is_some() {
            Exit::Preflight
        } else if !in_scope || self.missing.iter().any(|missing| missing.stage != Stage::Spare) {
            Exit::Coverage
        } else {
            Exit::Clean
        }
    }

    /// Why a scan could not be recorded.
    fn ledger_trouble(&self) -> Option<String> {
        match self.ledger.as_ref()? {
            Err(problem) => Some(problem.clone()),
            Ok(prospect) if prospect.free < ROOM => Some(format!(
                "{}: only {} MB are free there, and a scan may need {}; make room, or choose another path with --ledger",
                prospect.path.display(),
                prospect.free / 1_000_000,
                ROOM / 1_000_000
            )),
            Ok(_) => None,
        }
    }
}

/// Account and Region as people read them.
fn place(account: &AccountId, region: Option<&doorward_model::Region>) -> String {
    format!("{account} {}", region.map_or("(Regions not listed)", |region| region.as_str()))
}
