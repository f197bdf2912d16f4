//! `doorward traffic` and `doorward advise`: what the requests say, and which mode follows from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use doorward_core::Clock;
use doorward_model::{LoadBalancer, Mode, Observed};
use doorward_traffic::{
    Advice, BalancerKey, FolderOptions, Forecast, STATE_FOLDER, Tier, Window, classify, compare, read_folder,
};
use jiff::Timestamp;
use serde_json::json;

use crate::cli::{
    AdviseArguments, Cli, CompareArguments, Engine, ListFormat, TrafficArguments, TrafficCommand, TrafficSource,
};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::io::answer;
use crate::io::runtime;
use crate::places::Places;
use crate::plain::harmless;
use crate::progress::Progress;
use crate::scan_source::AssembledScan;
use crate::settings::{Settings, TrafficSettings};
use crate::signals;

mod athena;
mod attach;
mod found;
mod gather;
mod reach;
mod sessions;
mod tell;

pub(crate) use attach::{expire_all, of};
pub(crate) use found::{Found, id, key};
pub(crate) use gather::{Errand, gather, logs};
pub(crate) use reach::Reaches;
pub(crate) use sessions::Roles;

/// How long queries may take to be stopped.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs `doorward traffic`.
pub(crate) fn run(cli: &Cli, arguments: &TrafficArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(TrafficCommand::Compare(arguments)) => return before_and_after(cli, arguments),
        Some(TrafficCommand::Classify { file }) => return captured(file),
        None => {}
    }
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    places(&settings, arguments).check()?;
    let Some((found, _)) = look(cli, &settings, &arguments.source, arguments.state.as_deref(), arguments.dry_run)?
    else {
        return Ok(Exit::Clean);
    };
    if let Some(path) = &arguments.save {
        found.save(path)?;
    }
    let forecasts: Vec<(&BalancerKey, Forecast)> = found.keys().map(|key| (key, found.forecast(key))).collect();
    match arguments.format {
        ListFormat::Table => answer(&harmless(&tell::traffic(&found, &forecasts)))?,
        ListFormat::Json => {
            let forecasts: Vec<&Forecast> = forecasts.iter().map(|(_, forecast)| forecast).collect();
            print(&json!({ "format": "traffic-v1", "found": found, "forecasts": forecasts }))?
        }
    };
    Ok(whole(&found))
}

/// What is read, what is kept, and what is written.
fn places(settings: &Settings, arguments: &TrafficArguments) -> Places {
    let mut places = Places::of(settings);
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
    let (found, load_balancers) = match &arguments.traffic {
        Some(path) => (Found::read(path)?, load_balancers(&settings, &arguments.source)?),
        None => match look(cli, &settings, &arguments.source, None, false)? {
            Some(looked) => looked,
            None => return Ok(Exit::Clean),
        },
    };
    let advice = advised(&found, &load_balancers, &settings.traffic);
    match arguments.format {
        ListFormat::Table => answer(&harmless(&tell::advice(&advice)))?,
        ListFormat::Json => print(&json!({ "format": "advice-v1", "advice": advice }))?,
    };
    Ok(whole(&found))
}

/// Advice for every load balancer that was scanned, and for what else left logs.
fn advised(
    found: &Found,
    load_balancers: &[LoadBalancer],
    settings: &TrafficSettings,
) -> BTreeMap<BalancerKey, Advice> {
    let mut known: BTreeMap<BalancerKey, (Observed<Mode>, Option<Timestamp>)> =
        found.keys().map(|key| (key.clone(), (Observed::Absent, None))).collect();
    for lb in load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        known.insert(found.key_of(lb), (lb.mode.clone(), lb.created));
    }
    known
        .into_iter()
        .map(|(key, (mode, created))| {
            let advice = attach::advice(found, &key, mode, created, settings);
            (key, advice)
        })
        .collect()
}

/// Exit code 4 where something could not be read or understood.
fn whole(found: &Found) -> Exit {
    if found.missed.is_empty() && found.tally.is_whole() { Exit::Clean } else { Exit::Coverage }
}

/// What the traffic is, and whose. None for a dry run.
fn look(
    cli: &Cli,
    settings: &Settings,
    source: &TrafficSource,
    state: Option<&Path>,
    dry_run: bool,
) -> Result<Option<(Found, Vec<LoadBalancer>)>, Failure> {
    let clock: Clock = crate::clock::system();
    if let Some(folder) = &source.logs {
        let window = match (source.days, source.until) {
            (None, None) => None,
            (days, until) => Some(window(settings, days, until.unwrap_or_else(|| clock()))?),
        };
        let found = folder_of(folder, window, settings, cli.quiet)?;
        // Modes are known where a scan is at hand; logs alone are worth reading too.
        let known = source.from.is_some() || source.ledger.is_some();
        let load_balancers = if known { load_balancers(settings, source)? } else { Vec::new() };
        return Ok(Some((found.about(&load_balancers), load_balancers)));
    }
    if state.is_some() && source.engine == Engine::Athena {
        let problem = "--state remembers log files, and Athena counts days; leave one of the two out";
        return Err(Failure::new(Exit::Usage, problem));
    }
    let load_balancers = load_balancers(settings, source)?;
    let window = window(settings, source.days, source.until.unwrap_or_else(|| clock()))?;
    let found = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let errand = Errand {
            settings,
            load_balancers: &load_balancers,
            window,
            all_logs: source.all_logs,
            engine: source.engine,
            state,
            dry_run,
            quiet: cli.quiet,
            emulator: None,
            clock,
        };
        let mut gathering = std::pin::pin!(gather(&errand, &stop));
        let gap = tokio::select! {
            biased;
            gap = stop.stopped("s3:GetObject") => {
                if source.engine == Engine::Athena {
                    // Queries that nobody waits for would go on, and be billed.
                    let _ = tokio::time::timeout(LAST_WORDS, gathering).await;
                }
                gap
            }
            // The one who stops tells one listener after the other: what was gathered may end by a stop that this one has not heard.
            found = &mut gathering => {
                if !stop.is_stopped() {
                    return found.map_err(|failure| signal.or(failure));
                }
                stop.stopped("s3:GetObject").await
            }
        };
        let left = match state {
            Some(folder) => format!("{} remembers all but the last counts", folder.display()),
            None => "nothing was saved".to_owned(),
        };
        Err(Failure::new(signal.exit().unwrap_or(Exit::Coverage), format!("stopped: {gap}; {left}")))
    })?;
    Ok(found.map(|found| (found, load_balancers)))
}

/// So many days before a time, in whole hours.
pub(crate) fn window(settings: &Settings, days: Option<u32>, until: Timestamp) -> Result<Window, Failure> {
    Window::days_before(until, days.unwrap_or(settings.traffic.days))
        .map_err(|e| Failure::new(Exit::Usage, e.to_string()))
}

fn folder_of(folder: &Path, window: Option<Window>, settings: &Settings, quiet: bool) -> Result<Found, Failure> {
    let progress = Progress::start("log files read", quiet);
    let options = FolderOptions { window, threads: settings.traffic.threads() };
    let tally = read_folder(folder, options, &|at| progress.at(at.done, at.objects));
    progress.finish();
    Ok(Found::new(window, tally.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?))
}

fn load_balancers(settings: &Settings, source: &TrafficSource) -> Result<Vec<LoadBalancer>, Failure> {
    let ledger = source.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    Ok(AssembledScan::of(source.from.as_deref(), settings, &ledger)?.report.load_balancers)
}

fn before_and_after(cli: &Cli, arguments: &CompareArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let found = match (&arguments.traffic, &arguments.logs) {
        (Some(path), _) => Found::read(path)?,
        (None, Some(folder)) => folder_of(folder, None, &settings, cli.quiet)?,
        (None, None) => return Err(Failure::new(Exit::Usage, "name saved traffic (--traffic) or a folder (--logs)")),
    };
    let wanted =
        |key: &BalancerKey| arguments.balancer.as_ref().is_none_or(|text| key.to_string().contains(text.as_str()));
    let compared: Vec<_> = found
        .tally
        .balancers
        .iter()
        .filter(|(key, _)| wanted(key))
        .map(|(key, tally)| (key, compare(tally, arguments.change)))
        .collect();
    if compared.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "no load balancer with logs is called that; leave --balancer out to see all",
        ));
    }
    match arguments.format {
        ListFormat::Table => answer(&harmless(&tell::compared(&compared, arguments.change)))?,
        ListFormat::Json => {
            let lines: Vec<_> =
                compared.iter().map(|(key, figures)| json!({ "balancer": key, "figures": figures })).collect();
            print(&json!({ "format": "traffic-compare-v1", "change": arguments.change, "balancers": lines }))?
        }
    };
    Ok(whole(&found))
}

/// What AWS's library makes of a captured request.
fn captured(path: &Path) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let request = input::bytes(path, input::DOCUMENT).map_err(|e| usage(format!("the request cannot be read: {e}")))?;
    let classified = classify(&request).map_err(|e| usage(e.to_string()))?;
    let mut text = format!("{} ({})\n", classified.tier.as_ref().map_or("Compliant", Tier::as_str), classified.reason);
    if let Some(message) = &classified.message {
        text += &format!("{message}\n");
    }
    if doorward_traffic::reason(&classified.reason).is_some() {
        text += &format!("`doorward explain {}` says who sends that and what ends it\n", classified.reason);
    }
    answer(&harmless(&text))
}

fn print(document: &serde_json::Value) -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    answer(&(text + "\n"))
}
