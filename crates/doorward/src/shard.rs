//! `doorward scan --shard` and `--discover-only`: one share of a scan, or its plan, written for `doorward merge`.

use std::path::Path;

use futures::StreamExt as _;
use jiff::SignedDuration;

use doorward_assemble::{KnownAhead, check_any_asked};
use doorward_aws::{Access, Stop};
use doorward_core::discover::{DiscoveredPlan, Target};
use doorward_core::{collect, discover, run_of};
use doorward_file::{AtomicFile, Readers, check_writable};
use doorward_model::{RegionInventory, Run};
use doorward_remote_file::{ObjectUrl, RemoteFiles};
use doorward_saved_scan::ReportCriteria;
use doorward_shard::{
    KnownCounts, PART_FORMAT, PartFile, PartHead, PartPlan, PartStore, PartWriter, PlannedPlaces, SavedPlan, Shard,
    Shares, identify_places, read_plan,
};

use crate::cli::{Cli, ScanArguments};
use crate::exit::{Exit, Failure};
use crate::io::{connect, log, runtime};
use crate::progress::Progress;
use crate::scan::{report_departed, settings_id, warn_unmatched};
use crate::settings::Settings;
use crate::signals::{self, Signal};

/// Runs a shard, or only the discovery.
pub(crate) fn run(cli: &Cli, arguments: &ScanArguments) -> Result<Exit, Failure> {
    let settings = &Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    let Some(save) = arguments.save.as_deref() else {
        return Err(Failure::new(Exit::Usage, "a shard is saved to a file: pass --save FILE"));
    };
    let shards = &arguments.shards;
    let mut places = settings.places();
    places.keep_flag("--discovered", shards.discovered.as_deref());
    let is_remote = ObjectUrl::is_remote(save);
    if !is_remote {
        places.file("--save", save);
        places.check()?;
        check_writable(save)
            .map_err(|e| Failure::new(Exit::Preflight, format!("--save: {} cannot be written: {e}", save.display())))?;
    }
    let criteria = settings.criteria()?;
    check_any_asked(&criteria.exceptions.register()?, &criteria.policy)?;
    runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let job = ShardJob { settings, criteria, shard: shards.shard, save, quiet: cli.quiet, stop, signal };
        job.read(shards.discovered.as_deref()).await
    })
}

/// The plan of another process, if it is of these settings and recent.
fn planned(
    file: &PartFile,
    settings: &Settings,
    criteria: &ReportCriteria,
) -> Result<SavedPlan<ReportCriteria>, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("--discovered {}: {problem}", file.name.display()));
    let read = file.local.clone().and_then(|path| read_plan(&path));
    let plan: SavedPlan<ReportCriteria> = read.map_err(|problem| usage(problem.to_string()))?;
    let head = &plan.head;
    if head.run.tool_version != env!("CARGO_PKG_VERSION") {
        let version = &head.run.tool_version;
        return Err(usage(format!("it was written by version {version} of Doorward; use one version for all shards")));
    }
    if head.criteria != *criteria || head.reads != settings_id(settings) {
        let problem = "it was written with other settings; use the same settings, exceptions and flags for the plan and its shards";
        return Err(usage(problem.to_owned()));
    }
    let age = crate::clock::now().duration_since(head.run.started);
    let within = SignedDuration::try_from(settings.scan.resume_within()).unwrap_or(SignedDuration::MAX);
    if age > within {
        return Err(usage(format!("it is older than {within:#} (scan.resume_within); discover again")));
    }
    Ok(plan)
}

/// Where parts are, with S3 for a connected caller.
pub(crate) fn part_store(access: Option<&Access>, settings: &Settings) -> Result<PartStore, Failure> {
    let remote = access.map(|access| RemoteFiles::new(access, settings.s3.clone()));
    PartStore::new(remote)
        .map_err(|e| Failure::new(Exit::Preflight, format!("there is no folder for temporary files: {e}")))
}

/// A shard to read, or a plan to discover.
struct ShardJob<'a> {
    settings: &'a Settings,
    criteria: ReportCriteria,
    /// Absent for a plan.
    shard: Option<Shard>,
    save: &'a Path,
    quiet: bool,
    stop: Stop,
    signal: Signal,
}

/// What is read, and what it belongs to.
struct ShardWork {
    run: Run,
    plan_file: Option<String>,
    discovered: DiscoveredPlan,
    counts: KnownCounts,
    targets: Vec<Target>,
    settled: Vec<RegionInventory>,
}

impl ShardJob<'_> {
    async fn read(&self, discovered: Option<&Path>) -> Result<Exit, Failure> {
        let clock = crate::clock::system();
        let started = clock();
        // A plan in a local file is read before anything is asked.
        let local = discovered.filter(|path| !ObjectUrl::is_remote(path)).map(PartFile::local);
        let mut plan = local.map(|file| planned(&file, self.settings, &self.criteria)).transpose()?;
        let access = connect(self.settings.connection(), &clock, None, &self.stop).await;
        let access = access.map_err(|error| self.signal.or(error))?;
        let failed = |e: std::io::Error| Failure::writing(&self.save.display().to_string(), &e);
        let store = part_store(Some(&access), self.settings)?;
        if let Some(path) = discovered.filter(|path| ObjectUrl::is_remote(path)) {
            plan = Some(planned(&store.fetch(path).await, self.settings, &self.criteria)?);
        }
        let work = match plan {
            Some(plan) => self.of_plan(&access, plan)?,
            None => self.discover(&access, run_of(&access, started)).await?,
        };
        let stopped = |cell: &RegionInventory| self.stop.left_out(cell);
        if self.shard.is_none() && work.settled.iter().any(stopped) {
            let problem = "stopped before every account was entered; no plan is written";
            return Err(Failure::new(self.signal.exit().unwrap_or(Exit::Coverage), problem));
        }
        let (head, part_plan) = self.head(&work);
        let draft =
            store.draft(self.save).map_err(|problem| Failure::new(Exit::Usage, format!("--save: {problem}")))?;
        let file = AtomicFile::create(&draft, Readers::Owner).map_err(failed)?;
        let mut part = PartWriter::begin(file, &head, &part_plan).map_err(failed)?;
        drop((head, part_plan));
        let ShardWork { targets, settled, .. } = work;
        let mut interrupted = settled.iter().any(stopped);
        for cell in settled {
            part.add(&cell).map_err(failed)?;
        }
        let all = targets.len();
        let progress = Progress::start("account-Regions read", self.quiet || self.shard.is_none());
        {
            let mut stream = std::pin::pin!(collect(&access, self.settings.collect, targets, &self.stop));
            let mut done = 0;
            while let Some(cell) = stream.next().await {
                interrupted |= self.stop.left_out(&cell);
                part.add(&cell).map_err(failed)?;
                done += 1;
                progress.at(done, all);
            }
        }
        progress.finish();
        let written = part.finish(clock(), interrupted).map_err(failed)?;
        written.out.finish().map_err(failed)?;
        store.put(&draft, self.save).await.map_err(|problem| Failure::new(Exit::Sink, problem))?;
        if !self.quiet {
            let totals = &written.totals;
            let what = self.shard.map_or_else(|| "plan".to_owned(), |shard| format!("shard {shard}"));
            log(&format!(
                "{what}: {} account-Regions and {} load balancers written to {}",
                if self.shard.is_some() { totals.account_regions } else { totals.account_regions + all },
                totals.load_balancers,
                self.save.display()
            ));
        }
        Ok(if interrupted { self.signal.exit().unwrap_or(Exit::Coverage) } else { Exit::Clean })
    }

    /// The share of a plan that another process made.
    fn of_plan(&self, access: &Access, plan: SavedPlan<ReportCriteria>) -> Result<ShardWork, Failure> {
        let SavedPlan { head, plan, places, mut discovered, sha256 } = plan;
        if (&head.run.account, head.run.partition.as_str()) != (access.account(), access.partition()) {
            let problem = format!(
                "--discovered: the plan was written with credentials of account {}, and these are of account {}",
                head.run.account,
                access.account()
            );
            return Err(Failure::new(Exit::Usage, problem));
        }
        let shares = self.shard.map(|shard| Shares::divide(&places, shard.of(), &plan.counts));
        let all_places = discovered.clone();
        if let (Some(shares), Some(shard)) = (&shares, self.shard) {
            discovered.targets.retain(|(place, _)| shares.owns(shard, &place.account, Some(&place.region)));
            discovered.settled.retain(|cell| shares.owns(shard, &cell.account, cell.region.as_ref()));
        }
        let (targets, failed) = discovered.enter(access);
        let mut settled = discovered.settled;
        settled.extend(failed);
        let (run, plan_file, counts) = (head.run, Some(sha256), plan.counts);
        Ok(ShardWork { run, plan_file, discovered: all_places, counts, targets, settled })
    }

    /// The organization as this process finds it, and its share.
    async fn discover(&self, access: &Access, mut run: Run) -> Result<ShardWork, Failure> {
        let known = match self.settings.ledger.enabled {
            true => KnownAhead::read(&self.settings.ledger.path()?)?,
            false => KnownAhead::default(),
        };
        let progress = Progress::start("accounts entered", self.quiet);
        let settings = self.settings.discover();
        let on_account = |done, all| progress.at(done, all);
        let plan = discover(access, &settings, &known.organizations, &self.stop, &on_account).await;
        progress.finish();
        let mut plan = plan.map_err(|error| self.signal.or(error.into()))?;
        if !self.quiet {
            report_departed(&plan);
        }
        plan.unmatched = plan.unmatched_with(&self.settings.access.overrides);
        warn_unmatched(&plan.unmatched);
        run.unmatched.clone_from(&plan.unmatched);
        let discovered = plan.discovered();
        let counts = KnownCounts::new(known.counts);
        let shares = self.shard.map(|shard| Shares::divide(&discovered.places(), shard.of(), &counts));
        match (&shares, self.shard) {
            (Some(shares), Some(shard)) => plan.retain(|account, region| shares.owns(shard, account, region)),
            // A plan holds what needs no reading; shards read the rest.
            _ => plan.targets.clear(),
        }
        let (targets, settled) = (plan.targets, plan.settled);
        Ok(ShardWork { run, plan_file: None, discovered, counts, targets, settled })
    }

    /// The first two lines of the file.
    fn head(&self, work: &ShardWork) -> (PartHead<ReportCriteria>, PartPlan) {
        let places = work.discovered.places();
        let tried = work.discovered.targets.iter().filter(|(_, region_enabled)| !region_enabled);
        let tried = tried.map(|(place, _)| (place.account.clone(), Some(place.region.clone()))).collect();
        let head = PartHead {
            format: PART_FORMAT.to_owned(),
            shard: self.shard,
            run: work.run.clone(),
            organization: work.discovered.organization.clone(),
            plan: identify_places(&places),
            counts: work.counts.fingerprint(),
            reads: settings_id(self.settings),
            plan_file: work.plan_file.clone(),
            criteria: self.criteria.clone(),
        };
        let plan = PartPlan {
            accounts: work.discovered.accounts.clone(),
            accounts_listing: work.discovered.accounts_listing.clone(),
            unmatched: work.discovered.unmatched.clone(),
            discovered_by: Some(self.settings.discover()),
            departed: work.discovered.departed.clone(),
            places: PlannedPlaces::of(&places),
            tried: PlannedPlaces::of(&tried),
            counts: work.counts.clone(),
        };
        (head, plan)
    }
}
