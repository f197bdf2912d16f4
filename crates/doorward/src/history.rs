//! `doorward history`: trend, key figures and differences over the recorded scans.

use std::io::Write;
use std::path::Path;

use doorward_assemble::change_effects;
use doorward_ledger::{Diff, FigureGroup, Ledger, OpenOptions};
use doorward_sink_text::history::{ScanTrend, diff_table};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Cli, DiffArguments, HistoryArguments, HistoryCommand, HistoryFormat, ListFormat, check_rules};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, answer_text, json_text, log, read_only};
use crate::plain::harmless;
use crate::settings::Settings;

/// Runs `doorward history`.
pub(crate) fn run(cli: &Cli, arguments: &HistoryArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    if let (Some(_), Some(flag)) = (&arguments.command, arguments.given()) {
        let problem = format!("{flag} is no flag of this subcommand; give its own flags after `diff` or `prune`");
        return Err(Failure::new(Exit::Usage, problem));
    }
    if let Some(HistoryCommand::Prune { dry_run }) = &arguments.command {
        return prune(&path, &settings, *dry_run);
    }
    let ledger = read_only(&path)?;
    match &arguments.command {
        Some(HistoryCommand::Diff(arguments)) => diff(&ledger, arguments),
        _ => {
            let now = crate::clock::now();
            check_rules(arguments.rule.as_slice(), &ledger.rules()?)?;
            let selection = arguments.selection(now, settings.ledger.recorder().cost_centre())?;
            let mut history = ScanTrend::selected(&ledger, &selection)?;
            if selection.by == FigureGroup::All && selection.rule.is_none() {
                let since = selection.period.since().unwrap_or(Timestamp::UNIX_EPOCH);
                let effects = change_effects::of(&ledger, since, now, &settings.change.watch)?;
                history = history.with_changes(effects);
            }
            let states_filter = matches!(arguments.format, HistoryFormat::Table | HistoryFormat::Json);
            history.notice().filter(|_| !states_filter && !cli.quiet).into_iter().for_each(log);
            answer(&render(&history, arguments.format, arguments.last, crate::io::width())?)
        }
    }
}

fn diff(ledger: &Ledger, arguments: &DiffArguments) -> Result<Exit, Failure> {
    let named = ledger.runs_to_compare(arguments.from.as_deref(), arguments.to.as_deref())?;
    let (from, to) = named.map_err(|problem| Failure::new(Exit::Usage, problem))?;
    let filter = arguments.filter(&ledger.known_names()?)?;
    let diff = ledger.diff(&from, &to)?.selected(&filter);
    match arguments.format {
        ListFormat::Json => answer_json(&HistoryDiff { format: "history-diff-v1", diff }),
        ListFormat::Table => answer(&diff_table(&diff, crate::io::width())),
    }
}

/// The document of `doorward history diff --format json`.
#[derive(Serialize)]
struct HistoryDiff {
    /// `history-diff-v1`.
    format: &'static str,
    /// The difference.
    #[serde(flatten)]
    diff: Diff,
}

/// The history in a format; a table with a line each for the `last` newest scans, or for all.
fn render(history: &ScanTrend, format: HistoryFormat, last: usize, width: usize) -> Result<String, Failure> {
    match format {
        HistoryFormat::Json => json_text(history),
        HistoryFormat::Csv => Ok(history.csv()),
        HistoryFormat::Openmetrics => Ok(history.openmetrics()),
        HistoryFormat::Table => Ok(harmless(&history.table(last, width)).into_owned()),
    }
}

fn prune(path: &Path, settings: &Settings, dry_run: bool) -> Result<Exit, Failure> {
    let now = crate::clock::now();
    let months = settings.ledger.keep_months;
    let report = if dry_run {
        read_only(path)?.prune_dry_run(months, now)?
    } else {
        let options = OpenOptions { force_network: settings.ledger.force_network };
        let mut ledger = Ledger::open(path, options)?;
        let ttl = ledger.lease_ttl();
        let lease = ledger.acquire_lease(&format!("process {}", std::process::id()), now, ttl)?;
        ledger.together(|ledger| {
            let report = ledger.prune(&lease, months, now)?;
            ledger.release_lease(lease.clone())?;
            Ok(report)
        })?
    };
    answer_text(&format!("{}: {report}\n", path.display()))
}

/// Writes the history beside the demo's other outputs.
pub(crate) fn write_beside(ledger: &Path, folder: &Path, settings: &Settings, now: Timestamp) -> Result<(), Failure> {
    let ledger = read_only(ledger)?;
    let effects = change_effects::of(&ledger, Timestamp::UNIX_EPOCH, now, &settings.change.watch)?;
    let history = ScanTrend::of(&ledger, None, None, &FigureGroup::All, None)?.with_changes(effects);
    for (name, format) in [
        ("history.txt", HistoryFormat::Table),
        ("history.json", HistoryFormat::Json),
        ("history.csv", HistoryFormat::Csv),
        ("history.metrics", HistoryFormat::Openmetrics),
    ] {
        let (path, text) = (folder.join(name), render(&history, format, 0, doorward_sink_text::ANY_WIDTH)?);
        doorward_file::write_file(&path, doorward_file::Readers::Owner, |out: &mut dyn Write| {
            out.write_all(text.as_bytes())
        })
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    }
    Ok(())
}
