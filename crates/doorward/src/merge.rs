//! `doorward merge`: reports, records and delivers a scan that was divided into shards.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use doorward_check::Declarations;
use doorward_outputs::Format;
use doorward_remote_file::ObjectUrl;
use doorward_saved_scan::ReportCriteria;
use doorward_shard::{MergeLimits, Merged, PartStore, SavedPlan, expand_all, read_plan};

use crate::cli::{Cli, MergeArguments};
use crate::cost_files;
use crate::exit::{Exit, Failure};
use crate::io::{connect, log, runtime};
use crate::plain::harmless;
use crate::scan::{self, MergedScan, ScanRequest};
use crate::settings::{Overridable, Settings};
use crate::shard::part_store;
use crate::signals;
use crate::traffic;

/// Runs `doorward merge`. What was scanned is judged by the settings of its shards; the ledger and the plugins are those of the current
/// settings. Flags of the output override either.
pub(crate) fn run(cli: &Cli, arguments: &MergeArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.ledger.overrides())?;
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let declarations = crate::io::declarations(&arguments.iac)?;
    let costs = cost_files::read(&settings.cost, arguments.cost.as_deref(), cli.quiet)?;
    let parts = expand_all(&arguments.parts).map_err(|problem| Failure::new(Exit::Usage, problem))?;
    let save = arguments.save.as_deref();
    let mut places = settings.places();
    parts.iter().for_each(|part| places.keep("a part", part));
    places.keep_flag("--discovered", arguments.discovered.as_deref());
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    places.keep_flag("--cost", arguments.cost.as_deref());
    declarations.iter().flat_map(Declarations::paths).for_each(|path| places.keep("a file of --iac", path));
    // A local file is checked with the other outputs; of an object in S3, those know only the draft.
    let object = save.map(ObjectUrl::of_path).transpose();
    let object = object.map_err(|e| Failure::new(Exit::Usage, format!("--save: {e}")))?.flatten();
    save.filter(|_| object.is_some()).into_iter().for_each(|save| places.file("--save", save));
    places.check()?;
    let names: Vec<&Path> =
        parts.iter().map(PathBuf::as_path).chain(save).chain(arguments.discovered.as_deref()).collect();
    let runtime = runtime()?;
    let store = runtime.block_on(connected(&settings, &names))?;
    let merged = runtime.block_on(read(arguments, &settings, &parts, &store))?;
    for notice in merged.notices(arguments.accept_missing).iter().filter(|notice| notice.is_warning || !cli.quiet) {
        log(&harmless(&notice.to_string()));
    }
    let Merged { mut inventory, mut criteria, plan, reads, planned, .. } = merged;
    inventory.run.interrupted &= !arguments.accept_missing;
    let saved = Overridable { report: criteria.report, evidence: criteria.sinks.evidence };
    let Overridable { report, evidence } = saved.with_flags(&arguments.output.overrides())?;
    (criteria.report, criteria.sinks.evidence) = (report, evidence);
    places.keep_flag("--signing-key", criteria.sinks.evidence.signing_key_file.as_deref());
    let draft = save.map(|save| store.draft(save)).transpose();
    let draft = draft.map_err(|problem| Failure::new(Exit::Usage, format!("--save: {problem}")))?;
    let request = ScanRequest {
        places,
        settings: &settings,
        formats: &Format::or_table(&arguments.output.formats),
        save: draft.as_deref(),
        traffic: traffic.as_ref(),
        declarations: declarations.as_ref(),
        costs: Some(&costs),
        resume: false,
        quiet: cli.quiet,
        emulator: None,
        clock: crate::clock::system(),
        stop: None,
        merged: Some(MergedScan { inventory, criteria, plan, reads, planned }),
    };
    let ended = scan::run_and_publish(request, cli.style_on_stdout(), arguments.publish);
    if let (Some(draft), Some(save)) = (&draft, save)
        && draft.exists()
    {
        // A saved scan is stored whatever failed after it; that failure comes first.
        let stored = runtime.block_on(store.put(draft, save)).map_err(|problem| Failure::new(Exit::Sink, problem));
        return ended.and_then(|exit| stored.map(|()| exit));
    }
    ended
}

/// Reads the plan and the parts, those in S3 after copying them.
async fn read(
    arguments: &MergeArguments,
    settings: &Settings,
    parts: &[PathBuf],
    store: &PartStore,
) -> Result<Merged<ReportCriteria>, Failure> {
    let plan: Option<SavedPlan<ReportCriteria>> = match &arguments.discovered {
        Some(path) => {
            let usage = |problem| Failure::new(Exit::Usage, format!("--discovered {}: {problem}", path.display()));
            let file = store.fetch(path).await.local.map_err(usage)?;
            Some(read_plan(&file).map_err(usage)?)
        }
        None => None,
    };
    let mut files = Vec::with_capacity(parts.len());
    for part in parts {
        files.push(store.fetch(part).await);
    }
    let within = SignedDuration::try_from(settings.scan.resume_within()).unwrap_or(SignedDuration::MAX);
    let limits = MergeLimits { now: crate::clock::now(), within };
    doorward_shard::merge(&files, plan, limits).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// Where the parts are. AWS is called only if one of the names is an object in S3.
async fn connected(settings: &Settings, names: &[&Path]) -> Result<PartStore, Failure> {
    if !PartStore::needs_s3(names.iter().copied()) {
        return part_store(None, settings);
    }
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let clock = crate::clock::system();
    let access = connect(settings.connection(), &clock, None, &stop).await.map_err(|error| signal.or(error))?;
    part_store(Some(&access), settings)
}
