//! `doorward traffic` and `doorward advise`: what the requests of load balancers show, and which mode that supports.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use doorward_aws::{Access, Clock, Stop};
use doorward_model::LoadBalancer;
use doorward_traffic::{
    AdviceDocument, BeforeAfter, CompareDocument, FolderOptions, Forecast, GatherEvent, GatherJob, LoadBalancerKey,
    STATE_FOLDER, TrafficDocument, Window, advise_all, classify, compare_evidence, outside_window, read_folder,
    render_advice, render_comparison, render_traffic,
};
use jiff::Timestamp;

use doorward_file::{Readers, write_file};

use crate::cli::{
    AdviseArguments, Cli, CompareArguments, Engine, ListFormat, TrafficArguments, TrafficCommand, TrafficSource,
};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, connect, runtime};
use crate::plain::harmless;
use crate::progress::Progress;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;
use doorward_file::input;
use doorward_file::places::Places;

pub(crate) use doorward_traffic::TrafficEvidence;

/// Time for Athena queries to be cancelled after a stop.
const CANCELLATION: Duration = Duration::from_secs(3);

/// Runs `doorward traffic`.
pub(crate) fn run(cli: &Cli, arguments: &TrafficArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(TrafficCommand::Compare(arguments)) => return before_and_after(cli, arguments),
        Some(TrafficCommand::Classify { file }) => return captured(file),
        None => {}
    }
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    places(&settings, arguments).check()?;
    let Some((evidence, _)) = look(cli, &settings, &arguments.source, arguments.state.as_deref(), arguments.dry_run)?
    else {
        return Ok(Exit::Clean);
    };
    if let Some(path) = &arguments.save {
        save(&evidence, path)?;
    }
    let forecasts: Vec<(&LoadBalancerKey, Forecast)> =
        evidence.keys().map(|key| (key, evidence.forecast(key))).collect();
    match arguments.format {
        ListFormat::Table => answer_text(&render_traffic(&evidence, &forecasts))?,
        ListFormat::Json => {
            let forecasts: Vec<&Forecast> = forecasts.iter().map(|(_, forecast)| forecast).collect();
            answer_json(&TrafficDocument::new(&evidence, forecasts))?
        }
    };
    Ok(coverage(&evidence))
}

/// The files that the command reads, keeps and writes.
fn places(settings: &Settings, arguments: &TrafficArguments) -> Places {
    let mut places = settings.places();
    places.keep_flag("--from", arguments.source.from.as_deref());
    arguments.source.ledger.iter().for_each(|ledger| places.keep_ledger(ledger));
    arguments.source.logs.iter().for_each(|folder| places.keep_logs(folder));
    arguments.save.iter().for_each(|path| places.file("--save", path));
    arguments.state.iter().for_each(|folder| places.folder("--state", &folder.join(STATE_FOLDER)));
    places
}

/// Runs `doorward advise`.
pub(crate) fn advise(cli: &Cli, arguments: &AdviseArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let (evidence, Known { load_balancers, at }) = match &arguments.traffic {
        Some(path) => (saved(path)?, load_balancers(&settings, &arguments.source)?),
        None => match look(cli, &settings, &arguments.source, None, false)? {
            Some(looked) => looked,
            None => return Ok(Exit::Clean),
        },
    };
    say_left_out(&evidence, &settings.traffic.thresholds.protected_clients, cli.quiet);
    let modes_read = (!load_balancers.is_empty()).then_some(at);
    let advice = advise_all(&evidence, &load_balancers, settings.traffic.advice_rules(), at);
    match arguments.format {
        ListFormat::Table => answer_text(&render_advice(&advice, modes_read))?,
        ListFormat::Json => answer_json(&AdviceDocument::new(advice, modes_read))?,
    };
    Ok(coverage(&evidence))
}

/// Reads the evidence that `doorward traffic --save` wrote.
pub(crate) fn saved(path: &Path) -> Result<TrafficEvidence, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let text = input::stream(path).map_err(|e| usage(format!("the saved traffic cannot be read: {e}")))?;
    let evidence = TrafficEvidence::from_reader(text).map_err(|e| usage(e.to_string()))?;
    Ok(evidence.as_of(crate::clock::now()))
}

/// Writes evidence to a file.
pub(crate) fn save(evidence: &TrafficEvidence, path: &Path) -> Result<(), Failure> {
    let write = |out: &mut dyn std::io::Write| evidence.write(out);
    write_file(path, Readers::Owner, write).map_err(|e| Failure::writing(&path.display().to_string(), &e))
}

/// Exit code 4 if anything could not be read or understood.
fn coverage(evidence: &TrafficEvidence) -> Exit {
    if evidence.is_complete() { Exit::Clean } else { Exit::Coverage }
}

/// The evidence, and the load balancers that it is about. None for a dry run.
fn look(
    cli: &Cli,
    settings: &Settings,
    source: &TrafficSource,
    state: Option<&Path>,
    dry_run: bool,
) -> Result<Option<(TrafficEvidence, Known)>, Failure> {
    let clock: Clock = crate::clock::system();
    if let Some(folder) = &source.logs {
        let all = source.days.is_none() && source.since.is_none() && source.until.is_none();
        let window = if all { None } else { Some(wanted(settings, source, clock())?) };
        let evidence = folder_of(folder, window, settings, cli.quiet)?;
        // Logs are worth reading without a scan too; only a scan knows the modes.
        let known = source.from.is_some() || source.ledger.is_some();
        let known =
            if known { load_balancers(settings, source)? } else { Known { load_balancers: Vec::new(), at: clock() } };
        return Ok(Some((stored(evidence.about(&known.load_balancers), settings), known)));
    }
    if state.is_some() && settings.traffic.truncate_addresses {
        let problem = "--state stores whole client addresses, and traffic.truncate_addresses forbids them; leave out one of the two";
        return Err(Failure::new(Exit::Usage, problem));
    }
    if state.is_some() && source.engine == Engine::Athena {
        let problem = "--state keeps the counts of log files, and Athena counts days; leave out one of the two";
        return Err(Failure::new(Exit::Usage, problem));
    }
    let known = load_balancers(settings, source)?;
    let window = wanted(settings, source, clock())?;
    let evidence = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let with_athena = source.engine == Engine::Athena;
        let mut job = gather_job(settings, &known.load_balancers, window, with_athena)?;
        (job.all_logs, job.state, job.dry_run) = (source.all_logs, state, dry_run);
        let gathering = async {
            let access = connect(settings.connection(), &clock, None, &stop).await?;
            gather(job, settings, &access, &stop, (clock(), cli.quiet)).await
        };
        let mut gathering = std::pin::pin!(gathering);
        let gap = tokio::select! {
            biased;
            gap = stop.stopped("s3:GetObject") => {
                if with_athena {
                    // A query that is not cancelled goes on, and AWS bills it.
                    let _ = tokio::time::timeout(CANCELLATION, gathering).await;
                }
                gap
            }
            // Gathering may end because of a stop before the branch above sees that stop.
            evidence = &mut gathering => {
                if !stop.is_stopped() {
                    return evidence.map_err(|failure| signal.or(failure));
                }
                stop.stopped("s3:GetObject").await
            }
        };
        let left = match state {
            Some(folder) => format!("all but the last counts are in {}", folder.display()),
            None => "nothing was saved".to_owned(),
        };
        Err(Failure::new(signal.exit().unwrap_or(Exit::Coverage), format!("stopped: {gap}; {left}")))
    })?;
    Ok(evidence.map(|evidence| (stored(evidence, settings), known)))
}

/// The evidence as it may be stored and shown.
fn stored(evidence: TrafficEvidence, settings: &Settings) -> TrafficEvidence {
    if settings.traffic.truncate_addresses { evidence.with_truncated_addresses() } else { evidence }
}

/// What to gather by the settings.
pub(crate) fn gather_job<'a>(
    settings: &'a Settings,
    load_balancers: &'a [LoadBalancer],
    window: Window,
    with_athena: bool,
) -> Result<GatherJob<'a>, Failure> {
    Ok(GatherJob::new(&settings.traffic, load_balancers, window, with_athena)?)
}

/// Gathers from AWS, and shows what it reads. None for a dry run.
pub(crate) async fn gather(
    job: GatherJob<'_>,
    settings: &Settings,
    access: &Access,
    stop: &Stop,
    (now, quiet): (Timestamp, bool),
) -> Result<Option<TrafficEvidence>, Failure> {
    let progress = Progress::start("log files read", quiet);
    let dry_run = job.dry_run;
    let say = |line: &str| {
        let _ = writeln!(std::io::stderr(), "{}", harmless(line));
    };
    let observe = |event: GatherEvent| match event {
        GatherEvent::Planned(lines) if dry_run || !quiet => lines.iter().for_each(|line| say(line)),
        GatherEvent::Note(line) if !quiet => say(&line),
        GatherEvent::Warning(line) => say(&line),
        GatherEvent::Read { done, of } => progress.at(done, of),
        GatherEvent::Planned(_) | GatherEvent::Note(_) => {}
    };
    let gathered = job.run(access, settings.calls.concurrency, stop, now, &observe).await;
    progress.finish();
    Ok(gathered?)
}

/// The window of the flags, in whole hours.
fn wanted(settings: &Settings, source: &TrafficSource, now: Timestamp) -> Result<Window, Failure> {
    let until = source.until.unwrap_or(now);
    let Some(start) = source.since else { return window(settings, source.days, until) };
    Window::between(start, until, now).map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

/// The given number of days before a time.
pub(crate) fn window(settings: &Settings, days: Option<u32>, until: Timestamp) -> Result<Window, Failure> {
    Window::days_before(until, days.unwrap_or(settings.traffic.days))
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

fn folder_of(
    folder: &Path,
    window: Option<Window>,
    settings: &Settings,
    quiet: bool,
) -> Result<TrafficEvidence, Failure> {
    let progress = Progress::start("log files read", quiet);
    let protected = &settings.traffic.thresholds.protected_clients;
    let options = FolderOptions { window, threads: settings.traffic.threads(), protected };
    let tally = read_folder(folder, options, &|at| progress.at(at.done, at.objects));
    progress.finish();
    let tally = tally.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    match window.and_then(|window| outside_window(folder, window, &tally)) {
        Some(error) => Err(Failure::new(Exit::Usage, error.to_string())),
        None => Ok(TrafficEvidence::new(window, tally).protecting(protected).as_of(crate::clock::now())),
    }
}

/// Says which files were left out of the counts, and which of these protected clients have no requests in them.
fn say_left_out(evidence: &TrafficEvidence, protected: &[String], quiet: bool) {
    for remark in evidence.remarks(protected).into_iter().filter(|_| !quiet) {
        let _ = writeln!(std::io::stderr(), "{}", harmless(&remark));
    }
}

/// The load balancers of a scan.
struct Known {
    load_balancers: Vec<LoadBalancer>,
    /// When the scan began: the age of evidence counts from there, as in reports and plans.
    at: Timestamp,
}

fn load_balancers(settings: &Settings, source: &TrafficSource) -> Result<Known, Failure> {
    let ledger = source.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let scan = AssembledScan::of(source.from.as_deref(), settings, &ledger)?;
    scan.warn_of_age(settings, crate::clock::now());
    let report = scan.report;
    Ok(Known { at: report.run.started, load_balancers: report.load_balancers })
}

fn before_and_after(cli: &Cli, arguments: &CompareArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let evidence = match (&arguments.traffic, &arguments.logs) {
        (Some(path), _) => saved(path)?,
        (None, Some(folder)) => folder_of(folder, None, &settings, cli.quiet)?,
        (None, None) => return Err(Failure::new(Exit::Usage, "name saved traffic (--traffic) or a folder (--logs)")),
    };
    let wanted = |key: &LoadBalancerKey| {
        arguments.load_balancer.as_ref().is_none_or(|text| key.to_string().contains(text.as_str()))
    };
    say_left_out(&evidence, &[], cli.quiet);
    let mut compared = compare_evidence(&evidence, arguments.change);
    compared.retain(|key, _| wanted(key));
    if compared.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "no load balancer with logs has a name or id that contains the text of --load-balancer; leave the flag out to list all",
        ));
    }
    match arguments.format {
        ListFormat::Table => answer_text(&render_comparison(&compared, arguments.change))?,
        ListFormat::Json => answer_json(&CompareDocument::new(arguments.change, &compared))?,
    };
    Ok(if compared.values().all(BeforeAfter::is_unknown) { Exit::Coverage } else { coverage(&evidence) })
}

/// Classifies a captured request with AWS's own library.
fn captured(path: &Path) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let request =
        input::bytes_or_stdin(path, input::DOCUMENT).map_err(|e| usage(format!("the request cannot be read: {e}")))?;
    let classified = classify(&request).map_err(|e| usage(e.to_string()))?;
    answer_text(&classified.to_string())
}
