//! `doorward scan`: reads the organization, judges it, records the result and writes the report.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use futures::StreamExt as _;

use doorward_assemble::{
    Begin, Criteria, GivenEvidence, RENEWAL, Recording, ScanRecorder, check_any_asked, fingerprint, judge,
};
use doorward_aws::access::Emulator;
use doorward_aws::{Clock, Stop};
use doorward_check::Declarations;
use doorward_core::discover::{PlanKnowledge, ScanPlan};
use doorward_core::{collect, discover, run_of};
use doorward_model::{
    AccountId, HistoryContext, Inputs, Inventory, Region, RegionInventory, ScanReport, UnmatchedSetting,
};
use doorward_saved_scan::{ReportCriteria, Saving};

use crate::cli::{Cli, ScanArguments};
use crate::cost_files;
use crate::delivery::DeliveryRun;
use crate::exit::{Exit, Failure};
use crate::internal_error;
use crate::io::{connect, runtime};
use crate::plain::harmless;
use crate::prepared_sinks::PreparedSinks;
use crate::progress::Progress;
use crate::register;
use crate::settings::Settings;
use crate::signals::{self, Signal};
use crate::traffic::{self, TrafficEvidence};
use doorward_cost::CostInputs;
use doorward_file::places::Places;
use doorward_outputs::{Format, PluginInputs, SECURITY_HUB, SinkInputs};
use doorward_sink_text::TextStyle;

/// Runs `doorward scan`.
pub(crate) fn run(cli: &Cli, arguments: &ScanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let declarations = crate::io::declarations(&arguments.iac)?;
    let costs = cost_files::read(&settings.cost, arguments.cost.as_deref(), cli.quiet)?;
    let mut places = settings.places();
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    places.keep_flag("--cost", arguments.cost.as_deref());
    declarations.iter().flat_map(Declarations::paths).for_each(|path| places.keep("a file of --iac", path));
    let request = ScanRequest {
        places,
        settings: &settings,
        formats: &Format::or_table(&arguments.output.formats),
        save: arguments.save.as_deref(),
        traffic: traffic.as_ref(),
        declarations: declarations.as_ref(),
        costs: Some(&costs),
        resume: arguments.resume,
        quiet: cli.quiet,
        emulator: None,
        clock: crate::clock::system(),
        stop: None,
        merged: None,
    };
    run_and_publish(request, cli.style_on_stdout(), arguments.publish)
}

/// Scans, or reports a merged scan, and delivers it to Security Hub where that was asked for.
pub(crate) fn run_and_publish(request: ScanRequest<'_>, style: TextStyle, publish: bool) -> Result<Exit, Failure> {
    let settings = request.settings;
    if publish && !settings.ledger.enabled {
        let problem = "--publish needs the ledger, which remembers what was delivered; ledger.enabled is false";
        return Err(Failure::new(Exit::Usage, problem));
    }
    let runtime = runtime()?;
    let scanned = runtime.block_on(execute(request, style))?;
    if !publish {
        return Ok(scanned.exit);
    }
    let (text, exit) = if scanned.recorded {
        let ledger = settings.ledger.path()?;
        let run = DeliveryRun { settings, ledger: &ledger, clock: crate::clock::system() };
        let published = runtime.block_on(run.newest(SECURITY_HUB))?;
        (published.text, scanned.exit.and(published.result.into()))
    } else {
        ("nothing is delivered to Security Hub: the scan was stopped before its end\n".to_owned(), scanned.exit)
    };
    let _ = write!(std::io::stderr(), "{}", harmless(&text));
    Ok(exit)
}

/// A scan to run, with its inputs and outputs.
pub(crate) struct ScanRequest<'a> {
    /// The paths that no output may replace.
    pub(crate) places: Places,
    pub(crate) settings: &'a Settings,
    pub(crate) formats: &'a [Format],
    /// The file of the saved scan.
    pub(crate) save: Option<&'a Path>,
    /// Traffic evidence to join.
    pub(crate) traffic: Option<&'a TrafficEvidence>,
    /// Files that declare load balancers.
    pub(crate) declarations: Option<&'a Declarations>,
    /// What load balancers cost; none: nothing has a price.
    pub(crate) costs: Option<&'a CostInputs>,
    /// Whether to continue the scan that was interrupted.
    pub(crate) resume: bool,
    /// No progress, no notices, no closing line.
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
    /// What stops the scan; by default signals and the deadline of the settings.
    pub(crate) stop: Option<Stop>,
    /// A scan that was read already, by shards; nothing is read from AWS then.
    pub(crate) merged: Option<MergedScan>,
}

/// A scan that was read by shards.
pub(crate) struct MergedScan {
    pub(crate) inventory: Inventory,
    /// What it is judged by.
    pub(crate) criteria: ReportCriteria,
    /// Identifies its plan.
    pub(crate) plan: String,
    /// Identifies the settings that decided what was read.
    pub(crate) reads: String,
    /// How its account-Regions were planned.
    pub(crate) planned: PlanKnowledge,
}

/// The end of a scan.
pub(crate) struct Scanned {
    /// Its exit code.
    pub(crate) exit: Exit,
    /// Whether the ledger has it. A scan that was stopped is not recorded: the newest one in the ledger is then an older one.
    pub(crate) recorded: bool,
}

/// Scans, judges, records and writes.
pub(crate) async fn execute(mut request: ScanRequest<'_>, style: TextStyle) -> Result<Scanned, Failure> {
    let settings = request.settings;
    let places = std::mem::take(&mut request.places);
    let (criteria, merged) = match request.merged.take() {
        Some(MergedScan { inventory, criteria, plan, reads, planned }) => {
            (criteria, Some((inventory, plan, reads, planned)))
        }
        None => (settings.criteria()?, None),
    };
    let register = criteria.exceptions.register()?;
    let clock = request.clock.clone();
    let inputs = SinkInputs {
        policy: &criteria.policy,
        register: &register,
        settings: &criteria.sinks,
        settings_text: &criteria.settings,
        build: request.emulator.as_ref().map(|_| "the demo"),
        filter: None,
        plugins: Some(PluginInputs {
            settings: &settings.reports,
            ledger: settings.ledger.for_deliveries(),
            redeliver: false,
            clock: &clock,
        }),
        options: crate::io::output_options(style, request.quiet),
    };
    let sinks = PreparedSinks::new(request.formats, inputs, request.save, places, request.quiet).await?;
    check_any_asked(&register, &criteria.policy)?;
    let mut recorder = settings.ledger.open_existing(&request.clock)?;
    let (inventory, stopped) = match merged {
        Some(merged) => (take_over(&request, &mut recorder, merged).await?, None),
        None => read(&request, &mut recorder).await?,
    };
    let code = stopped.map(Exit::code);
    let saving = request.save.map(|path| {
        let begun = Saving::begin(path, &inventory, &criteria, code);
        begun.map_err(|e| Failure::writing(&path.display().to_string(), &e))
    });
    let saving = saving.transpose();
    let attribution = recorder.as_ref().map_or_else(|| Ok(Inputs::default()), ScanRecorder::attribution)?;
    let by = Criteria { normalize: &criteria.normalize, policy: &criteria.policy, register: &register };
    let trace = request.declarations.map(|files| move |load_balancers: &[_]| files.match_live(load_balancers));
    let price = request.costs.map(|costs| move |load_balancers: &[_], at| costs.costs(load_balancers, at));
    let given = GivenEvidence {
        costs: price.as_ref().map(|price| price as _),
        traffic: request.traffic.map(|found| (found, settings.traffic.advice_rules())),
        declarations: trace.as_ref().map(|trace| trace as _),
        ..GivenEvidence::default()
    };
    let judged = judge(inventory, attribution, by, given)?;
    warn_unmatched(&judged.without_history().run.unmatched);
    let problem = register::notices(&register, judged.without_history(), request.quiet);
    let recorded = recorder.is_some() && !judged.without_history().run.interrupted;
    let recording = recorder.map_or_else(Recording::default, |recorder| recorder.record(judged.without_history()));
    let Recording { history, context, outcome } = recording;
    let report = judged.with_history(history);
    let saved = saving.and_then(|saving| match (saving, request.save) {
        (Some(saving), Some(path)) => finish(saving, path, &report, &context),
        _ => Ok(()),
    });
    let of_report = || {
        problem.unwrap_or_else(|| Exit::of_report(&report, &criteria.report).with_declarations(request.declarations))
    };
    let exit = stopped.unwrap_or_else(of_report);
    let emitted = sinks.emit(&report, &context, exit).await;
    // A scan that could not be saved or recorded is still reported; the failure comes last.
    saved.and(outcome.map_err(Failure::from)).and(emitted).map(|()| Scanned { exit, recorded })
}

/// Ends a saved scan. The scan has run, so that nothing is left to refuse before it.
fn finish(saving: Saving, path: &Path, report: &ScanReport, context: &HistoryContext) -> Result<(), Failure> {
    let finished = saving.finish(report, context);
    let finished =
        finished.map_err(|e| Failure::new(Exit::Sink, format!("{} could not be written: {e}", path.display())));
    internal_error::settle(&internal_error::saving(path));
    finished
}

/// Takes a merged scan into the ledger, as reading it would have done. One with missing parts is reported and not recorded: its shards can
/// be repeated.
async fn take_over(
    request: &ScanRequest<'_>,
    recorder: &mut Option<ScanRecorder>,
    (mut inventory, plan, reads, planned): (Inventory, String, String, PlanKnowledge),
) -> Result<Inventory, Failure> {
    let ledger = &request.settings.ledger;
    if recorder.is_none() && ledger.enabled && !inventory.run.interrupted {
        *recorder = Some(ledger.open(&ledger.path()?, &request.clock)?);
    }
    if let Some(recorder) = recorder {
        if !inventory.run.interrupted {
            // From here on, no event is recorded before the scan.
            recorder.wait_to_record().await?;
        }
        let unplanned = recorder.add_unplanned(&mut inventory, &planned, &request.settings.discover())?;
        if let Some(first) = unplanned.first() {
            let others = if unplanned.len() > 1 { format!(" and {} more", unplanned.len() - 1) } else { String::new() };
            crate::io::log(&format!(
                "warning: the ledger has account {first}{others} from an earlier scan, but the plan of the shards, \
                 which was made without this ledger, does not contain it. It is reported as not read (not-planned)."
            ));
        }
        if !inventory.run.interrupted {
            recorder.name_merged(&mut inventory)?;
        }
        recorder.apply_events_since(inventory.run.started, &mut inventory.cells)?;
    }
    inventory.check().map_err(|problem| Failure::new(Exit::Internal, problem))?;
    match recorder {
        Some(recorder) if !inventory.run.interrupted => recorder.begin_merged(&inventory, plan, reads).await?,
        _ => {}
    }
    Ok(inventory)
}

/// Reads the organization. The exit code is that of the signal that stopped the reading, if one did. A new ledger is created once the
/// organization is known, so that a scan that cannot start leaves none behind.
async fn read(
    request: &ScanRequest<'_>,
    recorder: &mut Option<ScanRecorder>,
) -> Result<(Inventory, Option<Exit>), Failure> {
    let settings = request.settings;
    let given = request.stop.clone().map(|stop| (stop, Signal::default()));
    let (stop, signal) = given.unwrap_or_else(|| signals::listen(settings.scan.deadline.0));
    let started = (request.clock)();
    let access = connect(settings.connection(), &request.clock, request.emulator.as_ref(), &stop).await;
    let access = access.map_err(|error| signal.or(error))?;

    let progress = Progress::start("accounts entered", request.quiet);
    let known = recorder.as_ref().map_or_else(|| Ok(Vec::new()), ScanRecorder::known)?;
    let plan = discover(&access, &settings.discover(), &known, &stop, &|done, all| progress.at(done, all)).await;
    progress.finish();
    let plan = plan.map_err(|error| signal.or(error.into()))?;
    if !request.quiet {
        report_departed(&plan);
    }

    let unmatched = plan.unmatched_with(&settings.access.overrides);
    if recorder.is_none() && settings.ledger.enabled {
        *recorder = Some(settings.ledger.open(&settings.ledger.path()?, &request.clock)?);
    }
    let mut recorder = recorder.as_mut();
    let mut run = run_of(&access, started);
    let mut cells: Vec<RegionInventory> = Vec::new();
    if let Some(recorder) = recorder.as_deref_mut() {
        recorder.wait_to_read().await?;
        let resume_within = request.resume.then(|| settings.scan.resume_within());
        let begin = Begin { settings: settings_id(settings), resume_within };
        if let Some(resumed) = recorder.begin(&run, &plan, &begin)? {
            (run, cells) = (resumed.run, resumed.cells);
        }
    }
    let ScanPlan { organization, accounts, accounts_listing, mut targets, settled, .. } = plan;
    let known: BTreeSet<(AccountId, Option<Region>)> =
        cells.iter().map(|c| (c.account.clone(), c.region.clone())).collect();
    targets.retain(|target| !known.contains(&(target.place.account.clone(), Some(target.place.region.clone()))));
    cells.extend(settled.into_iter().filter(|cell| !known.contains(&(cell.account.clone(), cell.region.clone()))));

    let progress = Progress::start("account-Regions read", request.quiet);
    let all = targets.len();
    cells.reserve(all);
    {
        let mut stream = std::pin::pin!(collect(&access, settings.collect, targets, &stop));
        let mut renewal = tokio::time::interval(RENEWAL);
        let mut done = 0;
        loop {
            let cell = tokio::select! {
                cell = stream.next() => cell,
                _ = renewal.tick() => {
                    recorder.as_deref_mut().map_or(Ok(()), ScanRecorder::renew)?;
                    continue;
                }
            };
            let Some(cell) = cell else { break };
            // A cell that a stop left out is not a checkpoint: a resume has to read it.
            if !stop.left_out(&cell) {
                recorder.as_deref_mut().map_or(Ok(()), |recorder| recorder.keep(&cell))?;
            }
            cells.push(cell);
            done += 1;
            progress.at(done, all);
        }
    }
    progress.finish();
    tracing::info!(account_regions = cells.len(), requests = access.requests(), "collected");
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    if let Some(recorder) = recorder.as_deref_mut().filter(|_| !cells.iter().any(|cell| stop.left_out(cell))) {
        recorder.wait_to_record().await?;
    }
    recorder.as_deref().map_or(Ok(()), |recorder| recorder.apply_events_since(run.started, &mut cells))?;

    // A stop after the last response interrupted nothing.
    run.interrupted = cells.iter().any(|cell| stop.left_out(cell));
    run.finished = (request.clock)();
    run.unmatched = unmatched;
    let interrupted = run.interrupted;
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    // A failed check is a fault of Doorward's own, not a finding.
    inventory.check().map_err(|problem| Failure::new(Exit::Internal, problem))?;
    recorder.map_or(Ok(()), |recorder| recorder.collected(&inventory))?;
    Ok((inventory, signal.exit().filter(|_| interrupted)))
}

/// Identifies the settings that decide what is read. Requirements may change between a stop and a resume.
pub(crate) fn settings_id(settings: &Settings) -> String {
    fingerprint(&(&settings.scope, &settings.regions, &settings.collect, &settings.owner.account_tags))
}

/// Reports the accounts that left the organization: they are no longer scanned, so their findings in the ledger do not change.
pub(crate) fn report_departed(plan: &ScanPlan) {
    for notice in plan.departed_notices() {
        crate::io::log(&format!("notice: {}", harmless(&notice)));
    }
}

/// Warns of what the settings name and was not found: most often it is misspelt.
pub(crate) fn warn_unmatched(unmatched: &[UnmatchedSetting]) {
    for one in unmatched {
        crate::io::log(&format!("warning: {}", harmless(&one.to_string())));
    }
}
