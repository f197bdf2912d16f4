//! `doorward scan --shard` and `--discover-only`: one share of a scan, or its plan, written for `doorward merge`.

use std::path::Path;

use futures::StreamExt as _;
use jiff::SignedDuration;

use doorward_assemble::{KnownAhead, check_any_asked};
use doorward_aws::{Access, Stop};
use doorward_core::{collect, discover, run_of};
use doorward_file::{AtomicFile, Readers, check_writable};
use doorward_model::{RegionInventory, Run};
use doorward_remote_file::{ObjectUrl, RemoteFiles};
use doorward_saved_scan::ReportCriteria;
use doorward_shard::{KnownCounts, PartFile, PartStore, PartWriter, SavedPlan, Shard, ShardWork, read_plan};

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
    places.file("--save", save);
    places.check()?;
    let object = ObjectUrl::of_path(save).map_err(|e| Failure::new(Exit::Usage, format!("--save: {e}")))?;
    if object.is_none() {
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
    let within = SignedDuration::try_from(settings.scan.resume_within()).unwrap_or(SignedDuration::MAX);
    let now = crate::clock::now();
    plan.check((criteria, &settings_id(settings)), env!("CARGO_PKG_VERSION"), now, within).map_err(usage)?;
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
            Some(plan) => ShardWork::of_plan(plan, self.shard, &access)
                .map_err(|problem| Failure::new(Exit::Usage, format!("--discovered: {problem}")))?,
            None => self.discover(&access, run_of(&access, started)).await?,
        };
        let stopped = |cell: &RegionInventory| self.stop.left_out(cell);
        if self.shard.is_none() && work.settled.iter().any(stopped) {
            let problem = "stopped before every account was entered; no plan is written";
            return Err(Failure::new(self.signal.exit().unwrap_or(Exit::Coverage), problem));
        }
        let by = (self.criteria.clone(), settings_id(self.settings));
        let (head, part_plan) = work.head(self.shard, by, self.settings.discover());
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

    /// The organization as this process finds it, and its share.
    async fn discover(&self, access: &Access, run: Run) -> Result<ShardWork, Failure> {
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
        Ok(ShardWork::of_discovery(plan, run, KnownCounts::new(known.counts), self.shard))
    }
}
