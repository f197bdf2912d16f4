//! `doorward merge`: reports, records and delivers a scan that was divided into shards.

use std::path::PathBuf;

use jiff::SignedDuration;

use doorward_check::Declarations;
use doorward_outputs::Format;
use doorward_shard::{MergeLimits, Merged, SavedPlan, expand_numbers, read_plan};

use crate::cli::{Cli, MergeArguments};
use crate::costs;
use crate::exit::{Exit, Failure};
use crate::io::log;
use crate::plain::harmless;
use crate::saved::ReportCriteria;
use crate::scan::{self, MergedScan, ScanRequest};
use crate::settings::{Overridable, Settings};
use crate::traffic;

/// Runs `doorward merge`. What was scanned is judged by the settings of its shards; the ledger and the plugins are those of the current
/// settings. Flags of the output override either.
pub(crate) fn run(cli: &Cli, arguments: &MergeArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.ledger.overrides())?;
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let declarations = crate::io::declarations(&arguments.iac)?;
    let costs = costs::read(&settings.cost, arguments.cost.as_deref(), cli.quiet)?;
    let parts = paths(arguments)?;
    let mut places = settings.places();
    parts.iter().for_each(|part| places.keep("a part", part));
    places.keep_flag("--discovered", arguments.discovered.as_deref());
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    places.keep_flag("--cost", arguments.cost.as_deref());
    declarations.iter().flat_map(Declarations::paths).for_each(|path| places.keep("a file of --iac", path));
    let merged = read(arguments, &settings, &parts)?;
    report(cli, &merged, arguments.accept_missing);
    let Merged { mut inventory, mut criteria, plan, reads, .. } = merged;
    inventory.run.interrupted &= !arguments.accept_missing;
    let saved = Overridable { report: criteria.report, evidence: criteria.sinks.evidence };
    let Overridable { report, evidence } = saved.with_flags(&arguments.output.overrides())?;
    (criteria.report, criteria.sinks.evidence) = (report, evidence);
    places.keep_flag("--signing-key", criteria.sinks.evidence.signing_key_file.as_deref());
    let request = ScanRequest {
        places,
        settings: &settings,
        formats: &Format::or_table(&arguments.output.formats),
        save: arguments.save.as_deref(),
        traffic: traffic.as_ref(),
        declarations: declarations.as_ref(),
        costs: Some(&costs),
        resume: false,
        quiet: cli.quiet,
        emulator: None,
        clock: crate::clock::system(),
        stop: None,
        merged: Some(MergedScan { inventory, criteria, plan, reads }),
    };
    scan::run_and_publish(request, cli.colour_on_stdout(), arguments.publish)
}

/// The parts, with ranges of numbers expanded.
fn paths(arguments: &MergeArguments) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for part in &arguments.parts {
        let expanded = expand_numbers(part).map_err(|problem| Failure::new(Exit::Usage, problem))?;
        paths.extend(expanded.into_iter().map(PathBuf::from));
    }
    Ok(paths)
}

fn read(arguments: &MergeArguments, settings: &Settings, parts: &[PathBuf]) -> Result<Merged<ReportCriteria>, Failure> {
    let plan: Option<SavedPlan<ReportCriteria>> = match &arguments.discovered {
        Some(path) => {
            let usage = |problem| Failure::new(Exit::Usage, format!("--discovered {}: {problem}", path.display()));
            Some(read_plan(path).map_err(usage)?)
        }
        None => None,
    };
    let within = SignedDuration::try_from(settings.scan.resume_within()).unwrap_or(SignedDuration::MAX);
    let limits = MergeLimits { now: crate::clock::now(), within };
    doorward_shard::merge(parts, plan, limits).map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// Names what was not used, and what is missing.
fn report(cli: &Cli, merged: &Merged<ReportCriteria>, accepted: bool) {
    for unused in &merged.unused {
        log(&format!("warning: {}", harmless(&unused.to_string())));
    }
    if merged.missing.is_empty() {
        if merged.inventory.run.interrupted && !cli.quiet {
            log(
                "notice: a shard was stopped before its end; repeat it and merge again. The scan is not recorded until then.",
            );
        }
        return;
    }
    let shards: Vec<String> = merged.missing.iter().take(20).map(ToString::to_string).collect();
    let more = merged.missing.len() - shards.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let then = if accepted { "The scan is recorded without them." } else { "The scan is not recorded until then." };
    let sentence =
        format!("shards without a usable part: {}{more}. Repeat them and merge again. {then}", shards.join(", "));
    log(&format!("warning: {sentence}"));
}
